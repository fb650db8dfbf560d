//! Sealing of values at rest: XChaCha20-Poly1305, bound to the place where the value stands.
//!
//! A sealed value opens only with its key, and only as the value of the same
//! tenant, kind and name: moved to another row it is refused. Nonces are random,
//! which 192 bits allow. Keys and plain values show nothing in `Debug`.

use std::{fmt, path::Path, sync::Arc};
use weft_core::id::TenantId;

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum SecretKind {
    /// A value that granted tasks read.
    Variable = 1,
    /// Credentials that the host uses for granted tasks.
    Connection = 2,
}

/// Where a sealed value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPlace {
    /// Whose.
    pub tenant: TenantId,
    /// Which of the two.
    pub kind: SecretKind,
    /// Its name.
    pub name: String,
}

/// A sealed value.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key sealed it.
    pub key: KeyId,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// Names a key without telling it: the first 8 bytes of a digest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub i64);

/// The key that seals, and those that only open.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<[Key]>,
}

#[derive(Clone)]
struct Key {
    id: KeyId,
    bytes: [u8; 32],
}

/// Why there is no keyring, or a value was not opened.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The text holds no key.
    #[error("a key is written as 64 hexadecimal digits, one a line; line {line} is none")]
    BadKey {
        /// From 1 on.
        line: usize,
    },
    /// No line at all.
    #[error("there is no key")]
    NoKey,
    /// The key file can't be read or made.
    #[error("the key file {path} can't be used: {why}")]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// The key that sealed it is not in the ring.
    #[error("the value of {kind:?} {name:?} is sealed with a key that is not here")]
    UnknownKey {
        /// Which kind.
        kind: SecretKind,
        /// Its name.
        name: String,
    },
    /// Changed, or moved from another place.
    #[error("the sealed value of {kind:?} {name:?} is damaged, or belongs somewhere else")]
    Damaged {
        /// Which kind.
        kind: SecretKind,
        /// Its name.
        name: String,
    },
    /// The system gave no randomness.
    #[error("no randomness: {0}")]
    Randomness(std::io::Error),
}

impl Keyring {
    /// Keys as 64 hexadecimal digits, one a line: the first seals, all open. Empty lines and `#` comments are left out.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        todo!()
    }

    /// The keys of this file; where there is none, it is made with one new key, readable by its owner alone.
    pub fn of_file(path: &Path) -> Result<Self, SecretError> {
        todo!()
    }

    /// The key that seals.
    pub fn current(&self) -> KeyId {
        self.keys[0].id
    }

    /// Seals a value for its place.
    pub fn seal(&self, place: &SecretPlace, value: &[u8]) -> Result<Sealed, SecretError> {
        todo!()
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, place: &SecretPlace, sealed: &Sealed) -> Result<Vec<u8>, SecretError> {
        todo!()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({:?}, {} bytes)", self.key, self.bytes.len())
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}
