//! The actions that a run returns to its driver.

use super::state::{Attempt, Instance, InstanceState, RunState};
use crate::{document::TaskIndex, time::Timestamp};
use std::ops::Range;

/// A side effect or a state change for the driver, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Work out how many instances the mapped task has; answer `Expanded` or
    /// `ExpandFailed` with the same generation.
    Expand {
        /// The mapped task; it is now `Expanding`.
        task: TaskIndex,
        /// Tells this question from one before a clear.
        generation: u32,
    },
    /// The rule lets the task run: check its conditions on other runs, and answer
    /// `PreconditionChecked` with the same generation once it is known. (It waits until then.)
    CheckPrecondition {
        /// The task.
        task: TaskIndex,
        /// Tells this question from one before a clear.
        generation: u32,
    },
    /// These instances are now `Ready`: they may be dispatched when the driver
    /// has capacity. (No `InstanceChanged` accompanies it.)
    Ready {
        /// Task of the instances.
        task: TaskIndex,
        /// Their map indexes; `0..1` of a task that is not mapped.
        indexes: Range<u32>,
    },
    /// Answer `Due` with this timer at or after `at`.
    SetTimer {
        /// For the answer.
        timer: Timer,
        /// Never before.
        at: Timestamp,
    },
    /// Kill the attempt if it is running; its outcome no longer counts.
    Revoke {
        /// The attempt, queued or running until now.
        attempt: Attempt,
    },
    /// The task starts over as one waiting, unexpanded instance: what was
    /// `Ready` of it is not any more, and its outputs no longer count.
    Cleared {
        /// The cleared task.
        task: TaskIndex,
        /// How often it was cleared, this time included. Part of what makes an
        /// idempotency key: retries share it, a clear changes it.
        generation: u32,
        /// How many instances it had.
        instances: u32,
    },
    /// These instances of an expanded task start over by themselves: they wait, and their outputs no
    /// longer count. The other instances and the task's generation stay.
    InstancesCleared {
        /// Task of the instances.
        task: TaskIndex,
        /// Their map indexes.
        indexes: Range<u32>,
    },
    /// For the history and for observers.
    InstanceChanged {
        /// Which instance.
        instance: Instance,
        /// Its new state.
        state: InstanceState,
        /// Cause of the change.
        cause: Cause,
    },
    /// A deadline passed, and what it is for has not ended. (What is stopped by it follows.)
    DeadlineMissed {
        /// A task, or the run as a whole.
        task: Option<TaskIndex>,
    },
    /// The same change of many instances of a mapped task at once.
    RangeChanged {
        /// Task of the instances.
        task: TaskIndex,
        /// Their map indexes.
        indexes: Range<u32>,
        /// Their new state.
        state: InstanceState,
        /// Cause of the change.
        cause: Cause,
    },
    /// For the history and for observers.
    RunChanged {
        /// Its new state.
        state: RunState,
    },
}

/// Why an instance changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The driver dispatched it, or a worker claimed it.
    Progress,
    /// The outcome that its attempt reported.
    Outcome,
    /// Its trigger rule, given how its upstreams ended.
    Rule,
    /// A branch upstream chose others.
    Branch,
    /// Its list is empty (skipped), or there is none to map over (failed).
    Expansion,
    /// A task that it maps over has no output (upstream failed).
    NoSource,
    /// It chose what it can't choose, or isn't declared as a branch (failed).
    BadBranch,
    /// It deferred itself more often than the bound.
    DeferredTooOften,
    /// Its workers were lost more often than the bound.
    LostTooOften,
    /// An operator marked it.
    Marked,
    /// An operator cancelled the run.
    Cancelled,
    /// The run took longer than it may.
    RunTimeout,
    /// Its conditions on other runs (skipped).
    Precondition,
    /// Its deadline, or that of the run, passed.
    Deadline,
}

/// What a timer is for. A timer that no longer fits is rejected when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The wait before a retry, or a deferral, is over.
    Instance {
        /// Which instance waits.
        instance: Instance,
        /// The number of the attempt that ended before the wait.
        number: u32,
    },
    /// The run has taken as long as it may.
    RunTimeout {
        /// How often the run was started or reopened when the timer was set.
        episode: u32,
    },
    /// The deadline of a task or of the run. The driver sets it, since it knows when the run was due.
    Deadline {
        /// A task, or the run as a whole.
        task: Option<TaskIndex>,
    },
}
