//! Committed changes, published to listeners: always after the commit, never before.

use crate::limits::FEED_CAPACITY;
use std::{sync::Arc, time::Duration};
use tokio::{sync::broadcast, time::Instant};
use weft_core::{
    id::{DagId, TaskId, TenantId},
    run::{Counts, RunState},
    run_id::RunId,
};
use weft_store::InstanceTag;

/// The least time between two changes of a run that listeners of runs get while its state is
/// the same.
const MIN_NOTIFICATION_INTERVAL: Duration = Duration::from_millis(100);

/// Which changes a listener gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Every change of runs and of task instances.
    Everything,
    /// Changes of runs: at once where a run's state changes, a few times a second where only its
    /// counts of instances change. So a list of runs costs little, however busy they are.
    Runs,
}

/// The channels to listeners.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    everything: broadcast::Sender<Arc<Change>>,
    runs: broadcast::Sender<Arc<Change>>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            everything: broadcast::Sender::new(FEED_CAPACITY),
            runs: broadcast::Sender::new(FEED_CAPACITY),
        }
    }

    pub(crate) fn listen(&self, to: Listen) -> broadcast::Receiver<Arc<Change>> {
        match to {
            Listen::Everything => self.everything.subscribe(),
            Listen::Runs => self.runs.subscribe(),
        }
    }

    /// Whether a listener gets every change.
    pub(crate) fn wants_everything(&self) -> bool {
        self.everything.receiver_count() > 0
    }

    /// Whether a listener gets changes of runs.
    pub(crate) fn wants_runs(&self) -> bool {
        self.runs.receiver_count() > 0
    }

    /// Publishes a change to the listeners of everything.
    pub(crate) fn publish(&self, change: Change) {
        // The last listener may have gone.
        drop(self.everything.send(Arc::new(change)));
    }

    /// Publishes a change to the listeners of runs.
    pub(crate) fn publish_run(&self, change: Change) {
        drop(self.runs.send(Arc::new(change)));
    }
}

/// The last change of a run that listeners of runs were notified of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notified {
    state: RunState,
    at: Instant,
}

impl Notified {
    pub(crate) fn now(state: RunState) -> Self {
        let at = Instant::now();
        Self { state, at }
    }

    /// Whether the next notification of a run in this state has to wait.
    pub(crate) fn is_fresh(self, state: RunState) -> bool {
        self.state == state && self.at.elapsed() < MIN_NOTIFICATION_INTERVAL
    }
}

/// A committed change.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A run's state or its counts of instances.
    Run {
        /// Tenant that owns the run.
        tenant: TenantId,
        /// DAG of the run.
        dag: DagId,
        /// Id of the run.
        run: RunId,
        /// New state of the run.
        state: RunState,
        /// Its instances by state.
        counts: Counts,
    },
    /// A task instance.
    Instance {
        /// Tenant that owns the run.
        tenant: TenantId,
        /// Run of the instance.
        run: RunId,
        /// Task of the instance.
        task: TaskId,
        /// Its map index, if its task is mapped.
        map_index: Option<u32>,
        /// New state of the instance.
        state: InstanceTag,
        /// The number of its last attempt.
        number: u32,
        /// The worker of that attempt.
        worker: Option<Arc<str>>,
    },
}

impl Change {
    /// The tenant whose users may see it.
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Run { tenant, .. } | Self::Instance { tenant, .. } => tenant,
        }
    }

    /// Run that changed.
    pub const fn run(&self) -> RunId {
        match self {
            Self::Run { run, .. } | Self::Instance { run, .. } => *run,
        }
    }
}
