//! What others hold of a running worker: they watch it, and ask it to drain.

use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// Watches and drains a [`crate::Worker`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WorkerHandle {
    pub(crate) drain: watch::Sender<bool>,
    pub(crate) stats: watch::Receiver<WorkerStats>,
}

/// Where a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerPhase {
    /// Not registered with its broker: just started, or the broker lost its memory.
    Joining,
    /// Claims and runs attempts.
    Serving,
    /// Starts nothing more; what runs may end.
    Draining,
    /// It is no more.
    Gone,
}

/// What a worker does right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerStats {
    /// Where it stands.
    pub phase: WorkerPhase,
    /// How many attempts may run at once.
    pub slots: u32,
    /// How many run.
    pub running: u32,
    /// How many are claimed and wait: for a slot, for memory, for their code.
    pub waiting: u32,
    /// How many reports are not confirmed yet.
    pub unconfirmed: u32,
    /// The sum of the memory limits of what runs, in bytes.
    pub memory_bytes: u64,
    /// Attempts that ended, whatever came of them, since the worker started.
    pub ended: u64,
    /// Components that were fetched and loaded since the worker started.
    pub loads: u64,
    /// When the worker's loop last went round; at least once a second while it is sound.
    pub last_progress: Instant,
    /// For how long the broker has renewed nothing; it is asked to each few seconds.
    pub unrenewed: Duration,
}

impl WorkerStats {
    /// Nothing to say where the worker takes work and its broker answers; else why not.
    ///
    /// # Errors
    /// For people.
    pub fn readiness(&self, within: Duration) -> Result<(), String> {
        match self.phase {
            WorkerPhase::Serving => {}
            WorkerPhase::Joining => return Err("it has not joined its server yet".to_owned()),
            WorkerPhase::Draining => return Err("it drains".to_owned()),
            WorkerPhase::Gone => return Err("it has ended".to_owned()),
        }
        for (what, since) in [
            ("its loop went round", self.last_progress.elapsed()),
            ("its leases were renewed", self.unrenewed),
        ] {
            if since > within {
                return Err(format!("{what} {} s ago", since.as_secs()));
            }
        }
        Ok(())
    }

    /// How many attempts the worker holds.
    pub const fn claimed(&self) -> u32 {
        self.running + self.waiting
    }
}

impl WorkerHandle {
    /// Asks the worker to claim nothing more, to let what runs end within its
    /// drain timeout, and to end. Returns at once; asking again changes nothing.
    pub fn drain(&self) {
        self.drain.send_replace(true);
    }

    /// What the worker does right now.
    pub fn stats(&self) -> WorkerStats {
        *self.stats.borrow()
    }

    /// Waits until the worker's metrics satisfy `until`; `None` where the
    /// worker ends before they do.
    pub async fn wait_for(
        &mut self,
        mut until: impl FnMut(&WorkerStats) -> bool,
    ) -> Option<WorkerStats> {
        self.stats
            .wait_for(|stats| until(stats))
            .await
            .ok()
            .map(|stats| *stats)
    }
}
