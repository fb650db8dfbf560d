//! The steps of a shard: synchronous functions over the parts that they change.
//!
//! A step gets an event, or data that was read, and changes its parts; time and entropy come from
//! the `Context`. It does no I/O: what it needs and does not have in memory it returns as a
//! request, and `crate::scheduler::driver` reads it and calls the step again.

pub(crate) mod attempts;
pub(crate) mod commands;
pub(crate) mod commit;
pub(crate) mod due_runs;
pub(crate) mod events;
pub(crate) mod expand;
pub(crate) mod notices;
pub(crate) mod notifications;
pub(crate) mod prepare;
pub(crate) mod reconcile;
pub(crate) mod recovery;
pub(crate) mod settings;
pub(crate) mod start;

use weft_core::{document::TaskIndex, run_id::RunId};

/// The outputs that a step needs and that are not in memory. Once they are, the step is repeated.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputsNeeded {
    pub(crate) run: RunId,
    /// The tasks whose outputs are needed.
    pub(crate) tasks: Vec<TaskIndex>,
}
