//! The frame around compiled code, which names what it was compiled from.

use super::Origin;

const MAGIC: &[u8; 8] = b"weftcod1";
pub(super) const HEADER_BYTES: usize = 8 + 32 + 32 + 8;

/// Frames the compiler's output.
pub(crate) fn frame(origin: &Origin, code: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER_BYTES + code.len());
    framed.extend_from_slice(MAGIC);
    framed.extend_from_slice(&origin.key());
    framed.extend_from_slice(blake3::hash(code).as_bytes());
    framed.extend_from_slice(&(code.len() as u64).to_le_bytes());
    framed.extend_from_slice(code);
    framed
}

/// Why bytes are not the code that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// No frame, or one of another build.
    #[error("it is no compiled code of this build")]
    Foreign,
    /// A frame around other code.
    #[error("it was compiled from another file or for another configuration")]
    OtherOrigin,
    /// The code is shorter, longer or different.
    #[error("it is truncated or damaged")]
    Damaged,
}

/// The code in a frame.
pub(crate) fn unframe<'a>(origin: &Origin, framed: &'a [u8]) -> Result<&'a [u8], FrameError> {
    let (magic, rest) = framed.split_first_chunk::<8>().ok_or(FrameError::Foreign)?;
    if magic != MAGIC {
        return Err(FrameError::Foreign);
    }
    let (key, rest) = rest.split_first_chunk::<32>().ok_or(FrameError::Damaged)?;
    if *key != origin.key() {
        return Err(FrameError::OtherOrigin);
    }
    let (hash, rest) = rest.split_first_chunk::<32>().ok_or(FrameError::Damaged)?;
    let (length, code) = rest.split_first_chunk::<8>().ok_or(FrameError::Damaged)?;
    if u64::from_le_bytes(*length) != code.len() as u64 || blake3::hash(code) != *hash {
        return Err(FrameError::Damaged);
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        CodeName, Digest,
        code::Form,
        engine::{Profile, Target},
    };

    fn origin(profile: Profile) -> Origin {
        Origin {
            digest: Digest([7; 32]),
            name: CodeName {
                form: Form::Component,
                profile,
                target: Target::Native,
                compatibility: "c".into(),
            },
        }
    }

    #[test]
    fn a_frame_gives_its_code_back_and_nothing_else() {
        let origin = origin(Profile::Fast);
        let framed = frame(&origin, b"code");
        assert_eq!(unframe(&origin, &framed), Ok(&b"code"[..]));
        for end in 0..framed.len() {
            assert!(unframe(&origin, &framed[..end]).is_err(), "cut at {end}");
        }
        let mut longer = framed.clone();
        longer.push(0);
        assert_eq!(unframe(&origin, &longer), Err(FrameError::Damaged));
        let other = self::origin(Profile::Deterministic);
        assert_eq!(unframe(&other, &framed), Err(FrameError::OtherOrigin));
        assert_eq!(
            unframe(&origin, b"\0asm\x0d\0\x01\0"),
            Err(FrameError::Foreign)
        );
    }
}
