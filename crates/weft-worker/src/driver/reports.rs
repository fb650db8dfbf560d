//! Ended attempts are reported, confirmed reports dropped, revoked attempts stopped.

use super::{CALL_TIMEOUT, Driver, MAX_SIGNALS, membership::CallKind, within};
use crate::{
    attempt::Ended,
    clock::BootInstant,
    failure,
    held::{Fate, Held, Stage},
};
use std::sync::Arc;
use tokio::task::{Id, JoinError};
use weft_broker::{AttemptKey, BrokerError, HeldClaim, Report, Signal};

impl Driver {
    /// Frees the slot of an ended attempt and adds its report.
    pub(super) fn on_ended(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, Ok(ended)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(key) = self.attempt_of.remove(&id) else {
            return;
        };
        let Some(Held {
            stage: Stage::Running(running),
            secret,
            ..
        }) = self.held.remove(&key)
        else {
            unreachable!("a task runs for each attempt that is held as running, and no other");
        };
        self.journal.ended(&key);
        self.watch.ended(&key);
        self.running -= 1;
        self.memory_bytes -= running.memory_bytes;
        self.ended += 1;
        self.is_crowded = false;
        if let Ok(ended) = &ended {
            self.metrics.ended(ended.report());
        }
        match ended {
            Ok(Ended::ByItself(report)) => self.outbox.put(report),
            Ok(Ended::Killed(report)) => match running.fate {
                Fate::KilledRevoked | Fate::Free { .. } | Fate::Revoked { .. } => {
                    self.outbox.put(report);
                }
                Fate::KilledLost => {}
            },
            Err(error) => self.on_died(HeldClaim { key, secret }, &error),
        }
    }

    /// Fails the attempt whose task panicked.
    fn on_died(&mut self, claim: HeldClaim, error: &JoinError) {
        let key = claim.key;
        tracing::error!(worker = %self.info.id, run = %key.run, attempt = ?key.attempt, %error, operation = "run attempt", "the task of an attempt panicked; the attempt fails");
        let message = format!(
            "the worker {} failed while it ran the attempt: {error}",
            self.info.id
        );
        let report = self.deps.failed(claim, failure::internal(message));
        self.metrics.ended(&report);
        self.outbox.put(report);
    }

    /// Sends the due reports; attempts that end meanwhile go with the next call.
    pub(super) fn report(&mut self, now: BootInstant) {
        if !self.outbox.has_due() || !self.calls.report.may_begin(now) {
            return;
        }
        let reports = self.outbox.begin_call();
        if reports.is_empty() {
            return;
        }
        let broker = Arc::clone(&self.broker);
        self.calls.report.begin(self.registrations, async move {
            let keys = reports.iter().map(|report: &Report| report.key).collect();
            (keys, within(CALL_TIMEOUT, broker.report(reports)).await)
        });
    }

    pub(super) fn on_reported(
        &mut self,
        keys: &[AttemptKey],
        result: Result<(), BrokerError>,
        now: BootInstant,
    ) {
        self.outbox.end_call(keys, result.is_ok(), now);
        match result {
            Ok(()) => self.calls.report.backoff.succeeded(),
            Err(error) => self.failed(CallKind::Report, &error, now),
        }
    }

    /// Waits for signals.
    pub(super) fn listen(&mut self, now: BootInstant) {
        if !self.calls.signals.may_begin(now) {
            return;
        }
        let broker = Arc::clone(&self.broker);
        self.calls.signals.begin(self.registrations, async move {
            broker.signals(MAX_SIGNALS).await
        });
    }

    pub(super) fn on_signals(
        &mut self,
        result: Result<Vec<Signal>, BrokerError>,
        now: BootInstant,
    ) {
        match result {
            Ok(signals) => {
                self.calls.signals.backoff.succeeded();
                for signal in signals {
                    match signal {
                        Signal::Confirmed(key) => self.outbox.confirmed(&key),
                        Signal::Revoked(key) => self.revoke(&key, now),
                        Signal::Drain if self.draining.is_some() => {}
                        Signal::Drain => self.begin_drain(now),
                    }
                }
            }
            Err(error) => self.failed(CallKind::Signals, &error, now),
        }
    }

    /// Stops a revoked attempt. A running one may end within the grace; its report is sent anyway,
    /// for its log and usage.
    fn revoke(&mut self, key: &AttemptKey, now: BootInstant) {
        let Some(held) = self.held.get_mut(key) else {
            return;
        };
        match &mut held.stage {
            Stage::Running(running) => running.revoke(now + self.options.cancel_grace),
            Stage::Loading(_) | Stage::Waiting(..) => {
                self.held.remove(key);
            }
        }
    }
}
