//! Sealing of values at rest: XChaCha20-Poly1305, bound to the address of the value.
//!
//! A sealed value opens only with its key, and only as the value of the same
//! tenant, kind and name: moved to another row it is refused. Nonces are random,
//! which 192 bits allow. Keys and plain values show nothing in `Debug`.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use std::{
    fmt,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};
use weft_core::{digest::Digest, id::TenantId};
use zeroize::Zeroizing;

/// What keys for signing are derived for; no other text may ever be used for it, nor this for another.
const SIGNING: &str = "weft 2026-11-22 seed of the key that signs compiled code";
/// What keys of claims are derived for; the same holds for this text.
const CLAIMS: &str = "weft 2026-11-23 key of the secrets that prove claims";
/// As the cipher wants them.
const NONCE_BYTES: usize = 24;

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum SecretKind {
    /// A value that granted tasks read.
    Variable = 1,
    /// Credentials that the host uses for granted tasks.
    Connection = 2,
    /// Where notifications go, and what proves that they may.
    Destination = 3,
    /// What signs the requests to a webhook.
    Webhook = 4,
}

/// Which value is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretAddress {
    /// Tenant that owns the value.
    pub tenant: TenantId,
    /// What it is.
    pub kind: SecretKind,
    /// Its name, unique within a tenant and kind.
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

/// Names a key without revealing it: the first 8 bytes of a digest of it.
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
    /// See [`Keyring::signing_seed`].
    signing_seed: Zeroizing<[u8; 32]>,
    /// See [`Keyring::claim_keys`].
    claims: Zeroizing<[u8; 32]>,
    /// Wipes itself when it is dropped.
    cipher: XChaCha20Poly1305,
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
        /// The key file.
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
    /// Changed, or moved from another address.
    #[error("the sealed value of {kind:?} {name:?} is damaged, or belongs somewhere else")]
    Damaged {
        /// Which kind.
        kind: SecretKind,
        /// Its name.
        name: String,
    },
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Randomness,
}

impl Keyring {
    /// Keys as 64 hexadecimal digits, one a line: the first seals, all open. Empty lines and `#` comments are left out.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let mut keys = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // A key has the form of a digest.
            let bytes = Digest::from_hex(line).ok_or(SecretError::BadKey { line: at + 1 })?;
            keys.push(Key::new(bytes.0));
        }
        if keys.is_empty() {
            return Err(SecretError::NoKey);
        }
        Ok(Self { keys: keys.into() })
    }

    /// The keys of this file; where there is none, it is made with one new key, readable by its owner alone.
    pub fn of_file(path: &Path) -> Result<Self, SecretError> {
        let refuse = |why| SecretError::File {
            path: path.into(),
            why,
        };
        let made = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match made {
            Ok(mut file) => {
                let mut key = [0; 32];
                random(&mut key)?;
                // Written as what it is read as: the form of a digest.
                let text = format!("{}\n", Digest(key).hex());
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(refuse)?;
                Self::parse(&text)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::parse(&fs::read_to_string(path).map_err(refuse)?)
            }
            Err(error) => Err(refuse(error)),
        }
    }

    /// The key that seals.
    pub fn current(&self) -> KeyId {
        self.keys[0].id
    }

    /// 32 secret bytes for signing, which reveal nothing of the key that seals: derived
    /// from it as BLAKE3 derives keys for a purpose. They change with that key.
    pub fn signing_seed(&self) -> &[u8; 32] {
        &self.keys[0].signing_seed
    }

    /// Keys of the secrets by which workers prove their claims, derived as
    /// [`Self::signing_seed`]. The first one makes secrets, the others only verify them.
    pub fn claim_keys(&self) -> impl Iterator<Item = [u8; 32]> + '_ {
        self.keys.iter().map(|key| *key.claims)
    }

    /// Whether what this key sealed can be opened.
    pub fn has(&self, key: KeyId) -> bool {
        self.keys.iter().any(|known| known.id == key)
    }

    /// Seals a value for its address.
    pub fn seal(&self, address: &SecretAddress, value: &[u8]) -> Result<Sealed, SecretError> {
        let key = &self.keys[0];
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        let place_bytes = address.bytes();
        let payload = Payload {
            msg: value,
            aad: &place_bytes,
        };
        let sealed = key
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a value is far below what the cipher takes");
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed);
        Ok(Sealed { key: key.id, bytes })
    }

    /// Opens what was sealed for this address.
    pub fn open(&self, address: &SecretAddress, sealed: &Sealed) -> Result<Vec<u8>, SecretError> {
        let key = self
            .keys
            .iter()
            .find(|key| key.id == sealed.key)
            .ok_or_else(|| SecretError::UnknownKey {
                kind: address.kind,
                name: address.name.clone(),
            })?;
        let damaged = || SecretError::Damaged {
            kind: address.kind,
            name: address.name.clone(),
        };
        let (nonce, sealed) = sealed
            .bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(damaged)?;
        let place_bytes = address.bytes();
        let payload = Payload {
            msg: sealed,
            aad: &place_bytes,
        };
        key.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_refused| damaged())
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

impl Key {
    fn new(bytes: [u8; 32]) -> Self {
        let digest = Digest::of(&bytes);
        let (id, _rest) = digest.0.split_first_chunk().expect("a digest has 32 bytes");
        Self {
            id: KeyId(i64::from_be_bytes(*id)),
            signing_seed: Zeroizing::new(blake3::derive_key(SIGNING, &bytes)),
            claims: Zeroizing::new(blake3::derive_key(CLAIMS, &bytes)),
            cipher: XChaCha20Poly1305::new(&bytes.into()),
        }
    }
}

impl SecretAddress {
    /// What a sealed value is bound to: every part with its length, so that no two places are written alike.
    fn bytes(&self) -> Vec<u8> {
        let kind: &str = match self.kind {
            SecretKind::Variable => "variable",
            SecretKind::Connection => "connection",
            SecretKind::Destination => "destination",
            SecretKind::Webhook => "webhook",
        };
        let mut bytes = b"weft.secret/1".to_vec();
        for part in [self.tenant.as_str(), kind, &self.name] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

fn random(bytes: &mut [u8]) -> Result<(), SecretError> {
    getrandom::fill(bytes).map_err(|_unavailable| SecretError::Randomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const NEW: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn address(name: &str) -> SecretAddress {
        SecretAddress {
            tenant: TenantId::default(),
            kind: SecretKind::Variable,
            name: name.into(),
        }
    }

    #[test]
    fn a_value_opens_at_its_own_address_only() {
        let keys = Keyring::parse(OLD).unwrap();
        let sealed = keys.seal(&address("a"), b"hush").unwrap();
        assert_eq!(keys.open(&address("a"), &sealed).unwrap(), b"hush");
        let connection = SecretAddress {
            kind: SecretKind::Connection,
            ..address("a")
        };
        for elsewhere in [address("b"), connection] {
            let error = keys.open(&elsewhere, &sealed).unwrap_err();
            assert!(matches!(error, SecretError::Damaged { .. }), "{error}");
        }
    }

    #[test]
    fn any_changed_bit_is_detected() {
        let keys = Keyring::parse(OLD).unwrap();
        let sealed = keys.seal(&address("a"), b"hush").unwrap();
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            keys.open(&address("a"), &changed).unwrap_err();
            changed.bytes.truncate(at);
            keys.open(&address("a"), &changed).unwrap_err();
        }
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = Keyring::parse(OLD).unwrap();
        let both = Keyring::parse(&format!("# new\n{NEW}\n\n{OLD}\n")).unwrap();
        let sealed = old.seal(&address("a"), b"hush").unwrap();
        assert_eq!(both.open(&address("a"), &sealed).unwrap(), b"hush");
        let sealed = both.seal(&address("a"), b"hush").unwrap();
        assert_eq!(sealed.key, both.current());
        let error = old.open(&address("a"), &sealed).unwrap_err();
        assert!(matches!(error, SecretError::UnknownKey { .. }), "{error}");
    }

    #[test]
    fn the_seed_for_signing_is_the_first_keys_and_nothing_else() {
        let seed = |text: &str| *Keyring::parse(text).unwrap().signing_seed();
        assert_eq!(seed(OLD), seed(&format!("{OLD}\n{NEW}\n")));
        assert_ne!(seed(OLD), seed(NEW));
        assert_ne!(Digest(seed(OLD)).hex(), OLD);
    }

    #[test]
    fn an_invalid_key_is_reported_with_its_line() {
        let error = Keyring::parse(&format!("{OLD}\nabc\n")).unwrap_err();
        assert!(matches!(error, SecretError::BadKey { line: 2 }), "{error}");
        assert!(matches!(
            Keyring::parse("# none\n"),
            Err(SecretError::NoKey)
        ));
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let made = Keyring::of_file(&path).unwrap();
        assert_eq!(Keyring::of_file(&path).unwrap().current(), made.current());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn debug_output_reveals_no_secret() {
        let keys = Keyring::parse(OLD).unwrap();
        let sealed = keys.seal(&address("a"), b"hush").unwrap();
        let shown = format!("{keys:?} {sealed:?}");
        assert!(
            !shown.contains("0011") && !shown.contains("hush"),
            "{shown}"
        );
    }
}
