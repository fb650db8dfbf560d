//! Claim secrets: what proves that a worker was given an attempt.
//!
//! A claim secret is derived from the attempt and a key that only the servers of an installation
//! have, and is given to the worker with its claim. It needs no memory: a server that has just
//! started verifies the claims of its predecessors, and the claims of a broker that lost its
//! state. Workers that are given no secret (direct workers, those of this process) are trusted.

use crate::{AttemptKey, message::write_key};
use std::{fmt, sync::Arc};

/// 128 bits that only the servers, and the workers that were given the attempt, know.
#[derive(Clone, Copy)]
pub struct ClaimSecret([u8; Self::BYTES]);

/// An attempt that a worker holds, with its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldClaim {
    /// The claimed attempt.
    pub key: AttemptKey,
    /// The proof; absent where the broker gave none.
    pub secret: Option<ClaimSecret>,
}

/// The keys of an installation from which its claim secrets are derived.
#[derive(Clone)]
pub struct ClaimKeys {
    /// The first one makes secrets, all of them verify.
    keys: Arc<[[u8; 32]]>,
}

impl ClaimSecret {
    const BYTES: usize = 16;

    /// 32 hexadecimal digits.
    pub fn to_hex(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }

    /// The secret of this text; `None` if it is none.
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_hex = text.len() == 2 * Self::BYTES && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = is_hex.then(|| u128::from_str_radix(text, 16).ok())??;
        Some(Self(number.to_be_bytes()))
    }
}

/// Compares all bytes, so that the time tells nothing about where they differ.
impl PartialEq for ClaimSecret {
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(other.0);
        pairs.fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }
}

impl Eq for ClaimSecret {}

impl fmt::Debug for ClaimSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimSecret")
    }
}

impl fmt::Debug for ClaimKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimKeys")
    }
}

impl From<AttemptKey> for HeldClaim {
    /// Without a proof.
    fn from(key: AttemptKey) -> Self {
        Self { key, secret: None }
    }
}

impl ClaimKeys {
    /// `current` makes and verifies secrets, the keys before it only verify.
    pub fn new(current: [u8; 32], before: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let keys = std::iter::once(current).chain(before).collect();
        Self { keys }
    }

    /// The secret of every claim of this attempt.
    pub fn secret(&self, attempt: &AttemptKey) -> ClaimSecret {
        derive(&self.keys[0], &write_key(attempt))
    }

    /// Whether a server of the installation gave the attempt to the owner of this secret.
    pub fn is_proven(&self, claim: &HeldClaim) -> bool {
        let Some(secret) = claim.secret else {
            return false;
        };
        let name = write_key(&claim.key);
        self.keys.iter().any(|key| derive(key, &name) == secret)
    }
}

fn derive(key: &[u8; 32], attempt: &str) -> ClaimSecret {
    let hash = blake3::keyed_hash(key, attempt.as_bytes());
    let secret = hash.as_bytes().first_chunk();
    ClaimSecret(*secret.expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::key;

    fn claim(number: u32, keys: &ClaimKeys) -> HeldClaim {
        HeldClaim {
            key: key(number),
            secret: Some(keys.secret(&key(number))),
        }
    }

    #[test]
    fn a_secret_proves_its_attempt_alone_under_keys_of_the_installation() {
        let (ours, other) = (ClaimKeys::new([1; 32], []), ClaimKeys::new([2; 32], []));
        assert!(ours.is_proven(&claim(1, &ours)));
        assert!(!ours.is_proven(&claim(1, &other)));
        assert!(!ours.is_proven(&HeldClaim::from(key(1))));
        let moved = HeldClaim {
            key: key(2),
            ..claim(1, &ours)
        };
        assert!(!ours.is_proven(&moved));
        let rotated = ClaimKeys::new([2; 32], [[1; 32]]);
        assert!(rotated.is_proven(&claim(1, &ours)) && rotated.is_proven(&claim(1, &other)));
        assert!(!ours.is_proven(&claim(1, &rotated)));
    }

    #[test]
    fn a_secret_is_32_digits_and_shows_nothing_in_debug() {
        let secret = ClaimKeys::new([1; 32], []).secret(&key(1));
        let text = secret.to_hex();
        assert_eq!(
            (text.len(), ClaimSecret::from_hex(&text)),
            (32, Some(secret))
        );
        for odd in ["", "0", &text[1..], &format!("+{}", &text[1..])] {
            assert_eq!(ClaimSecret::from_hex(odd), None, "{odd:?}");
        }
        assert!(!format!("{:?}", claim(1, &ClaimKeys::new([1; 32], []))).contains(&text));
    }
}
