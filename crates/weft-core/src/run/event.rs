//! What can happen to a run.

use super::state::{Attempt, Instance};
use crate::{
    document::TaskIndex,
    time::{DurationMs, Timestamp},
};

/// What can happen to a run. The driver feeds these to `Run::handle`.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run begins: roots become ready.
    Start,
    /// The answer to `Action::Expand`: how many instances the mapped task has
    /// (the product of its lists' lengths; 0 skips it).
    Expanded { task: TaskIndex, instances: u32 },
    /// The answer to `Action::Expand` when a value is not a list or too long.
    ExpandFailed { task: TaskIndex, message: String },
    /// The driver commits an attempt of a ready instance. `nonce` fences it.
    Dispatched { instance: Instance, nonce: u64 },
    /// A worker claimed the attempt.
    Started { attempt: Attempt },
    /// An attempt ended by itself.
    Finished { attempt: Attempt, outcome: Outcome },
    /// The attempt's worker stopped answering.
    Lost { attempt: Attempt },
    /// A timer that `Action::SetTimer` asked for is due.
    Due { timer: super::action::Timer },
    /// Something woke a deferred instance before its time.
    Woken { instance: Instance },
    /// Somebody cancels the run.
    Cancel,
    /// Somebody runs instances again: the given tasks and everything downstream of them.
    Clear { tasks: Vec<TaskIndex>, downstream: bool },
    /// Somebody marks an instance by hand.
    Mark { instance: Instance, as_state: super::state::Marked },
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The output is with the driver; the machine doesn't hold data.
    Success,
    /// Success, and only these direct downstreams go on.
    Branch { chosen: Vec<TaskIndex> },
    /// The task skipped itself.
    Skipped,
    /// The task gives its slot back until a time or a wake-up.
    Deferred { until: Option<Timestamp> },
    /// It failed: the author's error, or a limit the host enforced.
    Failed { retryable: bool, retry_after: Option<DurationMs>, message: String },
}

/// Why an event was refused. The run is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The same report was already applied: the sender may forget it.
    #[error("already applied")]
    Duplicate,
    /// The attempt is no longer the instance's current one.
    #[error("the attempt is not the current one")]
    Stale,
    /// The instance isn't in a state that the event applies to.
    #[error("the event does not fit the state")]
    WrongState,
    /// No such task or instance.
    #[error("no such task instance")]
    Unknown,
    /// The run has ended.
    #[error("the run has ended")]
    RunEnded,
}
