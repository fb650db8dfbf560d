//! Compiled code as it is handed from the compiler to whoever keeps or loads it:
//! one frame that says what it was compiled from, and for what.
//!
//! The frame finds truncation and mix-ups. It proves nothing about who made it:
//! that is the cache's seal, the pipe to a subprocess of our own, or a signature.

mod name;
mod signature;

pub use name::{CodeName, UnknownCodeName};
pub(crate) use name::{Form, Origin};
pub(crate) use signature::verify;
pub use signature::{BadCodeKey, CodeKey, CodeSigner};

use crate::engine::Runtime;
use wasmtime::{Module, component::Component};

const MAGIC: &[u8; 8] = b"weftcod1";
const HEADER_BYTES: usize = 8 + 32 + 32 + 8;

/// The most compiled code, as a multiple of the file: ordinary code is 2 to 6 times as large.
const CODE_FACTOR: u64 = 64;
/// And at least so much.
const CODE_FLOOR_BYTES: u64 = 64 << 20;

/// The most bytes that the code of a file of this size has, with whatever stands around it.
pub(crate) const fn most_bytes(file: u64) -> u64 {
    let most = file.saturating_mul(CODE_FACTOR);
    if most > CODE_FLOOR_BYTES {
        most
    } else {
        CODE_FLOOR_BYTES
    }
}

/// The compiler's output in its frame.
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
    /// No frame, or of another build.
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

/// Code that can be instantiated.
#[derive(Clone)]
pub(crate) enum Loaded {
    Component(Component),
    Module(Module),
}

/// Maps code for execution.
///
/// The caller vouches for the bytes: this program compiled them, or a subprocess
/// of it did, or they bear the cache's seal, or a signature that was verified.
pub(crate) fn load(runtime: &Runtime, form: Form, code: &[u8]) -> wasmtime::Result<Loaded> {
    match form {
        Form::Component => deserialize_component(runtime, code).map(Loaded::Component),
        Form::Module => deserialize_module(runtime, code).map(Loaded::Module),
    }
}

#[expect(
    unsafe_code,
    reason = "loading code is running it; the only callers pass bytes that this program's own compiler made or whose signature was verified, as `load` demands"
)]
fn deserialize_component(runtime: &Runtime, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: see `load`; wasmtime itself refuses code of another version or configuration.
    unsafe { Component::deserialize(&runtime.engine, code) }
}

#[expect(
    unsafe_code,
    reason = "loading code is running it; the only callers pass bytes that this program's own compiler made or whose signature was verified, as `load` demands"
)]
fn deserialize_module(runtime: &Runtime, code: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: see `load`; wasmtime itself refuses code of another version or configuration.
    unsafe { Module::deserialize(&runtime.engine, code) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Digest,
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
