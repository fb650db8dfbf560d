//! The tasks of a plan, and the bounds of its runs.

use crate::{
    document::TaskIndex, retry::RetryPolicy, teardown::Teardown, time::DurationMs,
    trigger_rule::TriggerRule,
};

/// What the machine knows of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The tasks it waits for, each once.
    pub upstreams: Vec<TaskIndex>,
    /// When it may start.
    pub rule: TriggerRule,
    /// What follows a failure.
    pub retry: RetryPolicy,
    /// Where it is mapped.
    pub mapping: Option<Mapping>,
    /// Whether it chooses among its direct downstreams. A mapped task can't.
    pub branch: bool,
    /// Where it is a teardown, which has a rule of its own: [`Teardown::verdict`].
    pub teardown: Option<Teardown>,
    /// Whether it has a condition on other runs, for which the driver is asked before it runs.
    pub has_precondition: bool,
    /// Whether what has not ended of it by its deadline is cancelled.
    pub stops_at_deadline: bool,
}

impl Step {
    /// The upstreams on which its instances depend one by one.
    pub(crate) fn by_index(&self) -> &[TaskIndex] {
        self.mapping
            .as_ref()
            .map_or(&[], |mapping| &mapping.by_index)
    }

    /// Whether its instances depend on those of another task one by one.
    pub(crate) fn follows(&self, upstream: TaskIndex) -> bool {
        self.by_index().binary_search(&upstream).is_ok()
    }

    /// Whether it counts for nothing how it ends: a teardown that doesn't fail its run.
    pub(crate) fn is_ignored(&self) -> bool {
        matches!(&self.teardown, Some(teardown) if !teardown.fails_run)
    }
}

/// How a task is mapped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    /// The upstreams whose outputs are mapped over. Each has to have succeeded,
    /// if it isn't mapped itself.
    pub sources: Vec<TaskIndex>,
    /// How many instances may be ready, queued or running at once.
    pub max_active: Option<u32>,
    /// The upstreams in the same mapped group, in ascending order: an instance depends on those of
    /// them with its own index.
    pub by_index: Vec<TaskIndex>,
}

/// What the machine knows of the DAG as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The longest a run may take.
    pub run_timeout: Option<DurationMs>,
    /// Whether a run that has not ended by its deadline is stopped, as by its timeout.
    pub stops_at_deadline: bool,
    /// See [`super::Defaults::max_losses`].
    pub max_losses: u32,
    /// See [`super::Defaults::max_deferrals`].
    pub max_deferrals: u32,
}

/// Why steps do not make a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An upstream or a source that doesn't exist.
    #[error("task {0:?} refers to a task that does not exist")]
    Unknown(TaskIndex),
    /// This task is downstream of itself.
    #[error("task {0:?} is downstream of itself")]
    Cycle(TaskIndex),
}
