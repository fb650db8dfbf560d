//! The steps of a shard: synchronous functions over the parts that they change.
//!
//! A step gets an event, or data that was read, and changes its parts; time and entropy come from
//! the `Context`. It does no I/O: what it needs and does not have in memory it returns as a
//! request, which is read before the step is called again.

mod ahead;
pub(crate) mod assets;
pub(crate) mod attempts;
pub(crate) mod calls;
pub(crate) mod commands;
pub(crate) mod commit;
pub(crate) mod deadlines;
pub(crate) mod due_runs;
pub(crate) mod events;
pub(crate) mod expand;
pub(crate) mod notices;
pub(crate) mod notifications;
pub(crate) mod preconditions;
pub(crate) mod prepare;
pub(crate) mod reads;
pub(crate) mod reconcile;
pub(crate) mod recovery;
pub(crate) mod settings;
pub(crate) mod start;
pub(crate) mod waits;

use weft_core::document::TaskIndex;

/// The tasks whose outputs a step needs and that are not all in memory. Once they are, the step is
/// repeated.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputsNeeded(pub(crate) Vec<TaskIndex>);
