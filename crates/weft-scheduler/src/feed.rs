//! What changed, for whoever watches. Told after the commit, never before.

use std::sync::Arc;
use weft_core::{
    id::{DagId, TaskId, TenantId},
    run::{Counts, RunState},
    run_id::RunId,
};
use weft_store::InstanceTag;

/// Something that changed and is committed.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A run, or how its instances stand.
    Run {
        /// Whose.
        tenant: TenantId,
        /// Of which DAG.
        dag: DagId,
        /// Which run.
        run: RunId,
        /// Its state.
        state: RunState,
        /// How its instances stand.
        counts: Counts,
    },
    /// A task instance.
    Instance {
        /// Whose.
        tenant: TenantId,
        /// Which run.
        run: RunId,
        /// Its task.
        task: TaskId,
        /// Its map index; none of a task that isn't mapped.
        map_index: Option<u32>,
        /// Its state.
        state: InstanceTag,
        /// The number of its last attempt.
        number: u32,
        /// Who runs or ran that attempt.
        worker: Option<Arc<str>>,
    },
}

impl Change {
    /// Who may see it.
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Run { tenant, .. } | Self::Instance { tenant, .. } => tenant,
        }
    }

    /// Which run it is about.
    pub const fn run(&self) -> RunId {
        match self {
            Self::Run { run, .. } | Self::Instance { run, .. } => *run,
        }
    }
}
