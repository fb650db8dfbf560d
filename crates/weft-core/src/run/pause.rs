//! The counters of the few instances that failed, were lost or deferred, until
//! they end.

use crate::time::Timestamp;

/// Failures, losses and deferrals of one instance since it was last cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pause {
    pub(super) failures: u32,
    pub(super) losses: u32,
    pub(super) deferrals: u32,
    /// When the current wait is over.
    pub(super) until: Option<Timestamp>,
    /// The wait is over, and `max_active` blocks the instance.
    pub(super) due: bool,
}
