//! The name of a run: a number that rises with time, written in 13 characters.
//!
//! It contains when the run was made and nothing else; who may see a run is
//! decided by its tenant, never by knowing its id.

use crate::time::Timestamp;
use std::{fmt, str::FromStr};

/// The bits of randomness; milliseconds are above them.
const RANDOM_BITS: u32 = 20;
/// 13 characters of 5 bits hold 65.
const CHARS: usize = 13;
/// Crockford's base 32 in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Names a run in the whole installation. Later runs compare greater.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(i64);

/// A text that names no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no run id: it has {CHARS} characters, digits and small letters without i, l, o and u"
)]
pub struct RunIdError(String);

impl RunId {
    /// The id of a run that is made now. Two of the same millisecond differ in
    /// 20 of the random bits; the store refuses an id that is taken.
    pub fn new(now: Timestamp, entropy: u64) -> Self {
        let millis = now.0.clamp(0, i64::MAX >> RANDOM_BITS);
        let random = i64::try_from(entropy >> (64 - RANDOM_BITS)).expect("20 bits");
        Self((millis << RANDOM_BITS) | random)
    }

    /// The id of this number, if it can be one.
    pub const fn from_i64(number: i64) -> Option<Self> {
        if number < 0 { None } else { Some(Self(number)) }
    }

    /// As stored: not negative.
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; CHARS];
        let mut left = self.0.unsigned_abs();
        for char in text.iter_mut().rev() {
            *char = ALPHABET[(left & 31) as usize];
            left >>= 5;
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let refuse = || RunIdError(text.chars().take(2 * CHARS).collect());
        if text.len() != CHARS {
            return Err(refuse());
        }
        let mut number: u64 = 0;
        for byte in text.bytes() {
            let digit = ALPHABET
                .iter()
                .position(|known| *known == byte)
                .ok_or_else(refuse)?;
            if number >> 59 != 0 {
                return Err(refuse());
            }
            number = (number << 5) | digit as u64;
        }
        i64::try_from(number).ok().map(Self).ok_or_else(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for number in [0, 1, 31, 32, 1 << 40, i64::MAX] {
            let id = RunId::from_i64(number).expect("not negative");
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(RunId::from_i64(-1), None);
    }

    #[test]
    fn later_ids_are_greater_as_numbers_and_as_texts() {
        let early = RunId::new(Timestamp(1_700_000_000_000), u64::MAX);
        let late = RunId::new(Timestamp(1_700_000_000_001), 0);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "0",
            "zzzzzzzzzzzzz",
            "000000000000i",
            "0000000000000a",
            "A000000000000",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}
