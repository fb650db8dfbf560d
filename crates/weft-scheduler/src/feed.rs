//! What changed, for whoever watches. Notified after the commit, never before.

use crate::options::FEED;
use std::{sync::Arc, time::Duration};
use tokio::{sync::broadcast, time::Instant};
use weft_core::{
    id::{DagId, TaskId, TenantId},
    run::{Counts, RunState},
    run_id::RunId,
};
use weft_store::InstanceTag;

/// Between two changes of a run that are told to who follows runs, where its state is the same.
const PACE: Duration = Duration::from_millis(100);

/// What a listener hears of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Every change of runs and of task instances.
    Everything,
    /// Changes of runs: at once where their state is another one, a few times a second where
    /// only how their instances stand is. So a list of runs costs little, however busy they are.
    Runs,
}

/// The way to listeners.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    everything: broadcast::Sender<Arc<Change>>,
    runs: broadcast::Sender<Arc<Change>>,
}

/// The last change of a run that was told to who follows runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notified {
    state: RunState,
    at: Instant,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            everything: broadcast::Sender::new(FEED),
            runs: broadcast::Sender::new(FEED),
        }
    }

    pub(crate) fn listen(&self, to: Listen) -> broadcast::Receiver<Arc<Change>> {
        match to {
            Listen::Everything => self.everything.subscribe(),
            Listen::Runs => self.runs.subscribe(),
        }
    }

    /// Whether somebody hears of every change.
    pub(crate) fn wants_everything(&self) -> bool {
        self.everything.receiver_count() > 0
    }

    /// Whether somebody follows runs.
    pub(crate) fn wants_runs(&self) -> bool {
        self.runs.receiver_count() > 0
    }

    pub(crate) fn tell(&self, change: Change) {
        // Whoever listened may have gone.
        drop(self.everything.send(Arc::new(change)));
    }

    /// Tells who follows runs.
    pub(crate) fn tell_of_run(&self, change: Change) {
        drop(self.runs.send(Arc::new(change)));
    }
}

impl Notified {
    pub(crate) fn now(state: RunState) -> Self {
        let at = Instant::now();
        Self { state, at }
    }

    /// Whether a run in this state need not be told of again yet.
    pub(crate) fn is_fresh(self, state: RunState) -> bool {
        self.state == state && self.at.elapsed() < PACE
    }
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
