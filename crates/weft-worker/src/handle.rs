//! The handle of a running worker: its statistics and its drain.

use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// Watches and drains a [`crate::Worker`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WorkerHandle {
    pub(crate) drain: watch::Sender<bool>,
    pub(crate) stats: watch::Receiver<WorkerStats>,
}

/// The phase of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerPhase {
    /// Not registered with its broker: it just started, or the broker lost its state.
    Joining,
    /// Claims and runs attempts.
    Serving,
    /// It starts no more attempts; running ones may end.
    Draining,
    /// It has ended.
    Gone,
}

/// The state of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerStats {
    /// Its phase.
    pub phase: WorkerPhase,
    /// Its slots.
    pub slots: u32,
    /// Running attempts.
    pub running: u32,
    /// Claimed attempts that wait for a slot, for memory or for their component.
    pub waiting: u32,
    /// Unconfirmed reports.
    pub unconfirmed: u32,
    /// The sum of the running attempts' memory limits, in bytes.
    pub memory_bytes: u64,
    /// Attempts that ended since the worker started, with any outcome.
    pub ended: u64,
    /// Components that were fetched and loaded since the worker started.
    pub loads: u64,
    /// When the worker's loop last ran; at least once a second while it is healthy.
    pub last_progress: Instant,
    /// The time since the last successful renewal; the worker renews every few seconds.
    pub unrenewed: Duration,
}

impl WorkerStats {
    /// Checks that the worker claims work and its broker answers.
    ///
    /// # Errors
    /// The reason, for people.
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
    /// Drains the worker: it claims no more, lets running attempts end within the drain timeout,
    /// and ends. Returns at once; a second call changes nothing.
    pub fn drain(&self) {
        self.drain.send_replace(true);
    }

    /// The current statistics.
    pub fn stats(&self) -> WorkerStats {
        *self.stats.borrow()
    }

    /// Waits until the worker's statistics satisfy `until`; `None` if the worker ends first.
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
