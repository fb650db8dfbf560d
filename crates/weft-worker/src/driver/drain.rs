//! The drain of a worker: it starts nothing new, releases attempts that have not started, lets
//! running ones end in time, and kills the rest.

use super::{CALL_TIMEOUT, Driver, Membership, membership::CallKind, within};
use crate::{WorkerPhase, clock::BootInstant, worker::Drained};
use std::{sync::Arc, time::Duration};
use weft_broker::BrokerError;

/// How long a worker without running attempts waits for the confirmation of its reports and for
/// the release of attempts that never started.
const CONFIRM_GRACE: Duration = Duration::from_secs(5);

/// A drain in progress.
pub(super) struct Draining {
    /// When running attempts are killed.
    until: BootInstant,
    /// When the last attempt ended, if it did.
    idle_since: Option<BootInstant>,
    /// The broker knows of the drain.
    pub(super) is_paused: bool,
}

impl Draining {
    /// The broker does not know of the drain under a new registration.
    pub(super) fn pause_again(&mut self) {
        self.is_paused = false;
    }
}

impl Driver {
    /// Stops claims and starts. Attempts that have not started are released once the broker knows
    /// of the drain.
    pub(super) fn begin_drain(&mut self, now: BootInstant) {
        self.draining = Some(Draining {
            until: now + self.options.drain_timeout,
            idle_since: None,
            is_paused: false,
        });
        self.collect_unbegun(|_held| true);
        self.to_load.clear();
        self.loads.abort_all();
        tracing::info!(worker = %self.info.id, running = self.running, operation = "drain", "draining");
    }

    /// Pauses claims at the broker.
    pub(super) fn pause(&mut self, now: BootInstant) {
        let is_due = matches!(
            self.draining,
            Some(Draining {
                is_paused: false,
                ..
            })
        );
        if !is_due || !self.calls.pause.may_begin(now) {
            return;
        }
        let broker = Arc::clone(&self.broker);
        self.calls.pause.begin(self.registrations, async move {
            within(CALL_TIMEOUT, broker.pause()).await
        });
    }

    pub(super) fn on_paused(&mut self, result: Result<(), BrokerError>, now: BootInstant) {
        match result {
            Ok(()) => {
                if let Some(draining) = &mut self.draining {
                    draining.is_paused = true;
                }
                self.calls.claim.abandon();
            }
            Err(error) => self.failed(CallKind::Pause, &error, now),
        }
    }

    /// Whether the drain is complete, or its time is over.
    pub(super) fn is_drained(&mut self, now: BootInstant) -> bool {
        let is_joined = matches!(self.membership, Membership::Joined);
        let Some(draining) = &mut self.draining else {
            return false;
        };
        if now >= draining.until {
            return true;
        }
        if self.running > 0 {
            return false;
        }
        let idle_since = *draining.idle_since.get_or_insert(now);
        // Until the broker knows of the drain, it may give this worker more attempts.
        let is_announced = draining.is_paused || !is_joined;
        let is_rid_of_all = is_announced && self.unbegun.is_empty() && self.outbox.len() == 0;
        is_rid_of_all || now >= idle_since + CONFIRM_GRACE
    }

    /// Kills running attempts and leaves the broker, which expires them.
    pub(super) async fn leave(mut self) -> Drained {
        let drained = Drained {
            killed: self.running,
            unconfirmed: u32::try_from(self.outbox.len()).unwrap_or(u32::MAX),
        };
        self.kill_all().await;
        if let Err(error) = within(CALL_TIMEOUT, self.broker.leave()).await {
            tracing::warn!(worker = %self.info.id, %error, operation = "leave", "broker call failed; held attempts expire with their leases");
        }
        tracing::info!(worker = %self.info.id, killed = drained.killed, unconfirmed = drained.unconfirmed, operation = "leave", "left");
        drained
    }

    /// Drops all running attempts and waits for their tasks to end.
    pub(super) async fn kill_all(&mut self) {
        self.loads.shutdown().await;
        self.attempts.shutdown().await;
        self.held.clear();
        self.running = 0;
        self.memory_bytes = 0;
        self.membership = Membership::Closed;
        self.publish();
        debug_assert_eq!(self.stats.borrow().phase, WorkerPhase::Gone);
    }
}
