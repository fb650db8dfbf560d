//! One event of a record.

use crate::run::event::{Event, Moment};
use std::sync::Arc;

/// One event, with what only its driver knew.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was applied; the entropy is 0 where the machine does not use it.
    pub at: Moment,
    /// The event.
    pub event: Event,
    /// For `Started`: the worker that runs the attempt, if the driver knew it.
    pub worker: Option<Arc<str>>,
}
