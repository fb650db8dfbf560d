//! The server's clock. Due times and leases go by the database's, never by this one.

use std::time::{SystemTime, UNIX_EPOCH};
use weft_core::time::Timestamp;

/// Now, on this machine.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }))
}
