//! A token's secret: how it is written, drawn and kept.

use std::{fmt, str::FromStr};
use weft_core::digest::Digest;

/// The prefix, by which people and secret scanners recognise a token.
const PREFIX: &str = "weft_";
/// 256 random bits.
const BYTES: usize = 32;

/// A token's secret: `weft_` and 64 hexadecimal digits. It is kept only as its
/// SHA-256 digest; 256 random bits need no slower hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is written as {PREFIX} and 64 hexadecimal digits")]
pub struct SecretError;

impl Secret {
    /// A new one from the operating system's randomness.
    pub fn draw() -> Self {
        Self(format!(
            "{PREFIX}{}",
            Digest(crate::random::bytes::<BYTES>()).hex()
        ))
    }

    /// As its holder sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As it is stored.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let digits = text.strip_prefix(PREFIX).ok_or(SecretError)?;
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() == 2 * BYTES && digits.bytes().all(lower) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SecretError)
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_read_back_and_never_shown_by_debug() {
        let secret = Secret::draw();
        assert_ne!(secret, Secret::draw());
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let digits = "0".repeat(64);
        for text in [
            String::new(),
            digits.clone(),
            format!("weft_{digits}0"),
            format!("weft_{}G", &digits[1..]),
        ] {
            assert_eq!(text.parse::<Secret>(), Err(SecretError), "{text}");
        }
    }
}
