//! States of a run and of its task instances.

use crate::{document::TaskIndex, time::Timestamp};

/// One task instance: a task and its map index (0 where the task is not mapped).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance {
    pub task: TaskIndex,
    pub index: u32,
}

/// One attempt of an instance. `number` rises with each dispatch, also over a
/// clear; `nonce` is drawn by the driver, so that a guess fences nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub instance: Instance,
    pub number: u32,
    pub nonce: u64,
}

/// Where a task instance stands.
#[derive(Debug, Clone, PartialEq)]
pub enum InstanceState {
    /// Its upstreams have not decided yet.
    Waiting,
    /// May be dispatched.
    Ready,
    /// Committed, on its way to a worker.
    Queued { attempt: Attempt },
    /// Claimed by a worker.
    Running { attempt: Attempt },
    /// Waits for its retry.
    UpForRetry { at: Timestamp },
    /// Gave its slot back.
    Deferred { until: Option<Timestamp> },
    Success,
    Failed,
    Skipped,
    /// Can never run, since an upstream failed.
    UpstreamFailed,
    Cancelled,
}

/// What somebody can mark an instance as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    Success,
    Failed,
    Skipped,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Pending,
    Running,
    Success,
    Failed,
    Cancelled,
}
