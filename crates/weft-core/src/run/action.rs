//! What a run asks of its driver.

use super::state::{Attempt, Instance, InstanceState, RunState};
use crate::{document::TaskIndex, time::Timestamp};
use std::ops::Range;

/// What a run asks of its driver, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Work out how many instances the mapped task has; answer `Expanded` or `ExpandFailed`.
    Expand { task: TaskIndex },
    /// These instances may be dispatched, when the driver has room.
    Ready { task: TaskIndex, indexes: Range<u32> },
    /// Answer `Due` with this timer at or after `at`.
    SetTimer { timer: Timer, at: Timestamp },
    /// Kill the attempt if it is running; its outcome no longer counts.
    Revoke { attempt: Attempt },
    /// For the history and for whoever watches.
    InstanceChanged { instance: Instance, state: InstanceState },
    /// For the history and for whoever watches.
    RunChanged { state: RunState },
}

/// What a timer is for. A timer that no longer fits is rejected when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The wait before a retry, or a deferral, is over; `number` is of the attempt that ended.
    Instance { instance: Instance, number: u32 },
    /// The run has taken as long as it may.
    RunTimeout,
}
