//! What the server tells a scheduler, and what it asks of it.

use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast;
use weft_core::{
    document::TaskIndex,
    id::{DagId, TaskId, TenantId},
    run::{Counts, RunState},
    run_id::RunId,
};
use weft_store::{DagKey, InstanceTag};

/// The scheduler of this process or of another one.
#[async_trait]
pub trait SchedulerHandle: Send + Sync {
    /// Hints that something was written. Never waits, and may be lost: the
    /// scheduler's sweep finds the work as well.
    fn wake(&self, wake: Wake);

    /// Why an instance isn't running, the decisive reason first. Empty: it is
    /// running, or has ended.
    ///
    /// # Errors
    /// The scheduler doesn't answer now.
    async fn why(
        &self,
        run: RunId,
        task: TaskIndex,
        index: u32,
    ) -> Result<Vec<Reason>, SchedulerGone>;

    /// How the loop fares; of a scheduler elsewhere, as it last said.
    fn health(&self) -> SchedulerHealth;

    /// Everything that changes from now on, after it was committed. A receiver
    /// that lags has missed something and reads the database.
    fn changes(&self) -> broadcast::Receiver<Arc<Change>>;
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// A run of this DAG was queued.
    Queued(DagKey),
    /// A command was written.
    Command,
    /// DAGs, pools, limits or policies changed.
    Settings,
}

/// The scheduler doesn't answer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scheduler does not answer")]
pub struct SchedulerGone;

/// How the loop fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulerHealth {
    /// How long ago the loop last went round; `None` while it never has.
    pub since_last_turn: Option<Duration>,
    /// Turns that it committed since it started.
    pub turns: u64,
    /// Runs that it holds in memory.
    pub active_runs: u64,
}

/// One reason why an instance isn't running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// A stable name in snake case.
    pub code: String,
    /// For people.
    pub message: String,
    /// What to do about it, where something can be done.
    pub help: Option<String>,
}

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
