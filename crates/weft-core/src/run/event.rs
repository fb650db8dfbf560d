//! Events of a run, and the reasons for which one is rejected.

use super::{
    action::Timer,
    selection::Selection,
    state::{Attempt, Instance, Marked},
};
use crate::{
    document::TaskIndex,
    time::{DurationMs, Timestamp},
};

/// When an event happens, and the randomness that it may use up: the machine
/// reads no clock and draws no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The driver's time. It may jump; the machine only adds waits to it.
    pub now: Timestamp,
    /// 64 uniform random bits, for the jitter of a retry.
    pub entropy: u64,
}

/// What can happen to a run. The driver feeds these to `Run::handle`.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run begins: tasks without upstreams become ready.
    Start,
    /// The answer to `Action::Expand`: how many instances the mapped task has.
    Expanded {
        /// The mapped task.
        task: TaskIndex,
        /// As in the `Action::Expand` that this answers.
        generation: u32,
        /// The product of its lists' lengths; 0 skips it, more than
        /// [`super::MAX_INSTANCES`] fails it.
        instances: u32,
    },
    /// The answer to `Action::Expand` when a value is not a list or too long:
    /// the task fails.
    ExpandFailed {
        /// The mapped task.
        task: TaskIndex,
        /// As in the `Action::Expand` that this answers.
        generation: u32,
        /// For people.
        message: String,
    },
    /// The answer to `Action::CheckPrecondition`.
    PreconditionChecked {
        /// The task.
        task: TaskIndex,
        /// As in the `Action::CheckPrecondition` that this answers.
        generation: u32,
        /// Whether it runs; otherwise it is skipped.
        runs: bool,
    },
    /// The driver commits an attempt of a ready instance.
    Dispatched {
        /// A ready instance.
        instance: Instance,
        /// Fences the attempt.
        nonce: u64,
    },
    /// A worker claimed the attempt.
    Started {
        /// The claimed attempt.
        attempt: Attempt,
    },
    /// An attempt ended by itself.
    Finished {
        /// The attempt that ended.
        attempt: Attempt,
        /// How.
        outcome: Outcome,
    },
    /// The attempt's worker stopped answering.
    Lost {
        /// The attempt that is given up.
        attempt: Attempt,
    },
    /// A timer of `Action::SetTimer`, or a deadline, is due.
    Due {
        /// The timer that is due.
        timer: Timer,
    },
    /// Something woke a deferred instance before its time.
    Woken {
        /// The deferred instance.
        instance: Instance,
    },
    /// An operator cancels the run.
    Cancel,
    /// An operator clears tasks or instances, to run them again. In flight attempts are revoked, an ended run
    /// goes on.
    Clear(Selection),
    /// An operator marks an instance, whatever its state. What was decided
    /// downstream stays; clear it to run it again.
    Mark {
        /// Index 0 of an unexpanded mapped task marks the task as a whole.
        instance: Instance,
        /// The state it gets.
        as_state: Marked,
    },
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The output is with the driver; the machine doesn't hold data.
    Success,
    /// Success, and only these direct downstreams go on. Of a task that is not
    /// declared as a branch, or with a task that is no direct downstream, it is a failure.
    Branch {
        /// May be empty: then all direct downstreams are skipped.
        chosen: Vec<TaskIndex>,
    },
    /// The task skipped itself.
    Skipped,
    /// The task gives its slot back until a time or a wake-up.
    Deferred {
        /// Without one only `Event::Woken` lets it go on.
        until: Option<Timestamp>,
    },
    /// It failed: the author's error, or a limit the host enforced.
    Failed {
        /// Whether another attempt could help.
        retryable: bool,
        /// The next attempt is not made earlier than this from now.
        retry_after: Option<DurationMs>,
        /// For people.
        message: String,
    },
}

/// Why an event was refused. The run is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The same report was already applied: the sender may forget it.
    #[error("already applied")]
    Duplicate,
    /// The attempt, timer or expansion is no longer the current one: the sender may forget it.
    #[error("no longer current")]
    Stale,
    /// The instance or run isn't in a state that the event applies to.
    #[error("the event does not fit the state")]
    WrongState,
    /// No such task or instance in this run.
    #[error("no such task instance")]
    Unknown,
    /// The run has ended.
    #[error("the run has ended")]
    RunEnded,
    /// Nothing of what a clear selects failed.
    #[error("nothing of the selection failed")]
    NothingSelected,
}
