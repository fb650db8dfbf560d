//! Who vouches for compiled code that comes from another machine: Ed25519 over
//! the head of its frame, which holds what it was compiled from and the hash of
//! the code.
//!
//! Signed code is `weftsig1`, the signer's public key, the signature, the frame.
//! The key in it only names the one to verify with: a reader must hold that key
//! already.

use super::{Origin, frame::HEADER_BYTES};
use bytes::Bytes;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use std::{fmt, str::FromStr};
use weft_core::digest::Digest;

const MAGIC: &[u8; 8] = b"weftsig1";
const KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;
/// The bytes before the frame.
const BEFORE_FRAME: usize = 8 + KEY_BYTES + SIGNATURE_BYTES;
/// What the signature is over begins with it, so that it is a signature of nothing else.
const PURPOSE: &[u8] = b"weft.compiled-code/1";
/// What a key's text begins with.
const SCHEME: &str = "ed25519:";

/// The public half: whose code is loaded. As text `ed25519:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeKey([u8; KEY_BYTES]);

impl CodeKey {
    /// The key itself, as RFC 8032 writes it.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key has the form of a digest.
        write!(f, "{SCHEME}{}", Digest(self.0).hex())
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key that code is signed with is written as {SCHEME} and 64 hexadecimal digits")]
pub struct BadCodeKey;

impl FromStr for CodeKey {
    type Err = BadCodeKey;

    fn from_str(text: &str) -> Result<Self, BadCodeKey> {
        text.strip_prefix(SCHEME)
            .and_then(Digest::from_hex)
            .map(|digest| Self(digest.0))
            .ok_or(BadCodeKey)
    }
}

/// The secret half. Never shown.
pub struct CodeSigner(Ed25519KeyPair);

impl CodeSigner {
    /// The key pair of this seed (RFC 8032, 5.1.5).
    ///
    /// # Panics
    /// Never: any 32 bytes are a seed.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed"))
    }

    /// What those who load the code have to hold.
    pub fn key(&self) -> CodeKey {
        let key = self.0.public_key().as_ref().first_chunk();
        CodeKey(*key.expect("a public key of Ed25519 has 32 bytes"))
    }

    /// Signs framed code.
    pub(crate) fn sign(&self, framed: &[u8]) -> Bytes {
        let signature = self.0.sign(&message(framed));
        let mut signed = Vec::with_capacity(BEFORE_FRAME + framed.len());
        signed.extend_from_slice(MAGIC);
        signed.extend_from_slice(&self.key().0);
        signed.extend_from_slice(signature.as_ref());
        signed.extend_from_slice(framed);
        signed.into()
    }
}

impl fmt::Debug for CodeSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CodeSigner").field(&self.key()).finish()
    }
}

/// Why code of another machine is not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsigned {
    #[error("it is no signed code")]
    Foreign,
    #[error("it is signed with {found}, and {wanted} is trusted")]
    OtherKey { found: CodeKey, wanted: CodeKey },
    #[error("its signature is forged or damaged")]
    Forged,
    #[error("{0}")]
    Frame(#[from] super::frame::FrameError),
}

/// The framed code, if this key signed it and it is of this origin.
pub(crate) fn verify(key: &CodeKey, origin: &Origin, signed: &Bytes) -> Result<Bytes, Unsigned> {
    let (magic, rest) = signed.split_first_chunk::<8>().ok_or(Unsigned::Foreign)?;
    if magic != MAGIC {
        return Err(Unsigned::Foreign);
    }
    let (found, rest) = rest.split_first_chunk().ok_or(Unsigned::Foreign)?;
    let found = CodeKey(*found);
    if found != *key {
        let wanted = *key;
        return Err(Unsigned::OtherKey { found, wanted });
    }
    let (signature, framed) = rest
        .split_first_chunk::<SIGNATURE_BYTES>()
        .ok_or(Unsigned::Foreign)?;
    UnparsedPublicKey::new(&ED25519, &key.0)
        .verify(&message(framed), signature)
        .map_err(|_forged| Unsigned::Forged)?;
    // The head that was signed names the origin and hashes the code.
    super::unframe(origin, framed)?;
    Ok(signed.slice(BEFORE_FRAME..))
}

/// The signed part of a frame: its head, which contains the hash of the rest.
fn message(framed: &[u8]) -> Vec<u8> {
    let head = &framed[..framed.len().min(HEADER_BYTES)];
    [PURPOSE, head].concat()
}

#[cfg(test)]
mod tests {
    use super::{super::frame::frame, *};
    use crate::{
        code::{CodeName, Form},
        engine::{Profile, Target},
    };

    fn origin() -> Origin {
        Origin {
            digest: Digest([7; 32]),
            name: CodeName {
                form: Form::Component,
                profile: Profile::Fast,
                target: Target::Native,
                compatibility: "c".into(),
            },
        }
    }

    #[test]
    fn the_key_of_a_seed_is_that_of_the_standard() {
        // RFC 8032, 7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let signer = CodeSigner::of_seed(&Digest::from_hex(seed).unwrap().0);
        assert_eq!(signer.key().to_string(), format!("{SCHEME}{key}"));
        assert_eq!(signer.key().to_string().parse(), Ok(signer.key()));
        assert!(!format!("{signer:?}").contains(&seed[..8]));
    }

    #[test]
    fn signed_code_is_read_by_who_holds_the_key_alone() {
        let signer = CodeSigner::of_seed(&[1; 32]);
        let framed = frame(&origin(), b"code");
        let signed = signer.sign(&framed);
        assert_eq!(
            verify(&signer.key(), &origin(), &signed).unwrap(),
            framed[..]
        );
        let other = CodeSigner::of_seed(&[2; 32]).key();
        assert!(matches!(
            verify(&other, &origin(), &signed),
            Err(Unsigned::OtherKey { .. })
        ));
        // The other's key written over the signer's.
        let mut forged = signed.to_vec();
        forged[8..40].copy_from_slice(other.bytes());
        assert_eq!(
            verify(&other, &origin(), &forged.into()),
            Err(Unsigned::Forged)
        );
        let elsewhere = Origin {
            digest: Digest([8; 32]),
            ..origin()
        };
        assert_eq!(
            verify(&signer.key(), &elsewhere, &signed),
            Err(Unsigned::Frame(
                super::super::frame::FrameError::OtherOrigin
            ))
        );
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let signer = CodeSigner::of_seed(&[1; 32]);
        let signed = signer.sign(&frame(&origin(), b"code"));
        for at in 0..signed.len() {
            let mut changed = signed.to_vec();
            changed[at] ^= 1;
            verify(&signer.key(), &origin(), &changed.into()).unwrap_err();
            verify(&signer.key(), &origin(), &signed.slice(..at)).unwrap_err();
        }
    }
}
