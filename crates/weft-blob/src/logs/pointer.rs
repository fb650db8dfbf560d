//! The constant-size name of an attempt's last chunk.

use std::{fmt, str::FromStr};
use weft_core::time::Timestamp;

/// Names a segment. Later ones of a worker compare greater.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId(pub(super) [u8; 16]);

/// Names an attempt's last chunk, and so its whole log: 53 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogPointer {
    pub(super) segment: SegmentId,
    /// Where the chunk begins.
    pub(super) offset: u32,
    /// How long it is.
    pub(super) bytes: u32,
}

/// A text that is no pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no pointer to a log")]
pub struct LogPointerError;

/// How a pointer begins; a change of its form changes this.
const FORM: &str = "l1";

impl SegmentId {
    /// A segment that is begun now: 48 bits of milliseconds, then randomness.
    pub(super) fn new(now: Timestamp, entropy: u128) -> Self {
        let millis = u128::from(now.0.max(0).unsigned_abs());
        Self(((millis << 80) | (entropy >> 48)).to_be_bytes())
    }
}

impl LogPointer {
    /// The segment of the last chunk; chunks before it may lie in earlier ones.
    pub const fn segment(&self) -> SegmentId {
        self.segment
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Exactly `digits` small hexadecimal digits.
fn hexadecimal(text: &str, digits: usize) -> Result<u128, LogPointerError> {
    let is_right = text.len() == digits
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_right {
        return Err(LogPointerError);
    }
    u128::from_str_radix(text, 16).map_err(|_error| LogPointerError)
}

impl FromStr for SegmentId {
    type Err = LogPointerError;

    fn from_str(text: &str) -> Result<Self, LogPointerError> {
        hexadecimal(text, 32).map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for LogPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{FORM}.{}.{:08x}.{:08x}",
            self.segment, self.offset, self.bytes
        )
    }
}

impl FromStr for LogPointer {
    type Err = LogPointerError;

    fn from_str(text: &str) -> Result<Self, LogPointerError> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(LogPointerError);
        if next()? != FORM {
            return Err(LogPointerError);
        }
        let segment = next()?.parse()?;
        let mut number = || {
            hexadecimal(next()?, 8)
                .and_then(|number| u32::try_from(number).map_err(|_error| LogPointerError))
        };
        let (offset, bytes) = (number()?, number()?);
        if parts.next().is_some() {
            return Err(LogPointerError);
        }
        Ok(Self {
            segment,
            offset,
            bytes,
        })
    }
}
