//! One line of a log, as it is stored and read.

use serde::{Deserialize, Serialize};
use weft_core::time::Timestamp;

/// A longer line is cut, with its fields: 256 KiB.
pub const MAX_LINE_BYTES: usize = 256 << 10;

/// The end of a line that was cut.
const CUT_MARK: &str = " [cut]";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was printed, by the worker's clock; milliseconds since the Unix epoch.
    #[serde(rename = "t", with = "millis")]
    pub at: Timestamp,
    /// Where it came from, and how much it matters.
    #[serde(rename = "s")]
    pub source: LogSource,
    /// Without the line's end.
    #[serde(rename = "m")]
    pub message: String,
    /// Names and values in the author's order; only structured lines have them.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A structured line, the finest.
    Trace,
    /// A structured line for debugging.
    Debug,
    /// A structured line of the ordinary course.
    Info,
    /// A structured line: something to look at.
    Warn,
    /// A structured line: something failed.
    Error,
    /// Weft's own words about the attempt or its log.
    Weft,
}

impl LogLine {
    /// A line of Weft's own.
    pub const fn weft(at: Timestamp, message: String) -> Self {
        Self {
            at,
            source: LogSource::Weft,
            message,
            fields: Vec::new(),
        }
    }

    /// The bytes that count against bounds.
    pub(super) fn bytes(&self) -> usize {
        let fields: usize = self
            .fields
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        self.message.len() + fields
    }

    /// Cuts what is beyond [`MAX_LINE_BYTES`]; fields go first.
    pub(super) fn cut(&mut self) {
        if self.bytes() <= MAX_LINE_BYTES {
            return;
        }
        self.fields.clear();
        let kept = self
            .message
            .floor_char_boundary(MAX_LINE_BYTES - CUT_MARK.len());
        self.message.truncate(kept);
        self.message.push_str(CUT_MARK);
    }
}

mod millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use weft_core::time::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    pub(super) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.0.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp)
    }
}
