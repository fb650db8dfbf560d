//! Where lines of running attempts go beside their log, for people who watch.

use weft_blob::logs::LogLine;
use weft_broker::AttemptKey;

/// Receives the lines of running attempts as they are printed. The log itself stays the truth:
/// lines that are dropped here are read from it once the attempt has ended.
pub trait LiveLines: Send + Sync {
    /// Takes lines of an attempt, of which the first has the number `first` (from 0 on) in its
    /// log. Returns at once, and may drop them.
    fn push(&self, attempt: &AttemptKey, first: u64, lines: &[LogLine]);
}
