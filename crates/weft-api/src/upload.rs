//! How the body of a deploy may be encoded, by its header `Content-Encoding`.
//!
//! `zstd` is a frame of Zstandard (RFC 8878). `dcz` is one that repeats parts of another file, and names it
//! (RFC 9842, section 5): here a component that the tenant has deployed before.

use weft_core::digest::Digest;

/// `Content-Encoding` of a frame of Zstandard.
pub const ZSTD: &str = "zstd";
/// `Content-Encoding` of a frame beside another file.
pub const DICTIONARY_ZSTD: &str = "dcz";

/// What `dcz` begins with: a frame that decoders skip, of 32 bytes.
const MAGIC: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 0x20, 0, 0, 0];

/// The beginning of a body of `dcz`, which names the other file.
pub fn head(base: Digest) -> Vec<u8> {
    [&MAGIC[..], &base.0].concat()
}

/// The other file that a body of `dcz` names, and the frame.
pub fn base_of(body: &[u8]) -> Option<(Digest, &[u8])> {
    let rest = body.strip_prefix(&MAGIC)?;
    let (digest, frame) = rest.split_first_chunk::<32>()?;
    Some((Digest(*digest), frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_names_the_base() {
        let base = Digest::of(b"base");
        let body = [&head(base)[..], b"frame"].concat();
        assert_eq!(base_of(&body), Some((base, &b"frame"[..])));
        assert_eq!(base_of(&body[..39]), None);
        assert_eq!(base_of(b"\0asm"), None);
    }
}
