//! A worker's handle that believes only proven claims, for workers that are not trusted.
//!
//! The handle behind it believes a worker that names an attempt. This one gives each claim its
//! [secret](crate::ClaimSecret), and drops what the worker can't prove before the broker sees it:
//! an unproven attempt can't be announced, renewed, released or reported.

use crate::{
    AttemptKey, BrokerError, Claim, ClaimKeys, HeldClaim, LeaseTerms, Report, Signal, WorkerBroker,
    WorkerInfo,
};
use async_trait::async_trait;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Refused reports whose confirmation the worker has not taken; beyond it the oldest is dropped,
/// and comes again with the report.
const MAX_REFUSED: usize = 10_000;

/// The handle.
pub struct VerifyingBroker {
    broker: Arc<dyn WorkerBroker>,
    keys: ClaimKeys,
    /// Attempts whose reports were refused for good, until the worker has the signal.
    refused: Mutex<VecDeque<AttemptKey>>,
    has_refused: Notify,
}

impl std::fmt::Debug for VerifyingBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingBroker").finish_non_exhaustive()
    }
}

impl VerifyingBroker {
    /// A handle over this one, with the installation's keys.
    pub fn new(broker: Arc<dyn WorkerBroker>, keys: ClaimKeys) -> Self {
        Self {
            broker,
            keys,
            refused: Mutex::default(),
            has_refused: Notify::new(),
        }
    }

    /// The proven claims, and the attempts that are not.
    fn split(&self, claims: &[HeldClaim], operation: &str) -> (Vec<HeldClaim>, Vec<AttemptKey>) {
        let (proven, others): (Vec<HeldClaim>, Vec<_>) =
            claims.iter().partition(|claim| self.keys.is_proven(claim));
        if !others.is_empty() {
            warn_of_unproven(others.len(), operation);
        }
        (proven, others.iter().map(|claim| claim.key).collect())
    }

    fn refused(&self) -> MutexGuard<'_, VecDeque<AttemptKey>> {
        // No holder of the lock calls foreign code, so a poisoned queue is consistent.
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, report: &Report) {
        let mut refused = self.refused();
        if refused.len() >= MAX_REFUSED {
            refused.pop_front();
        }
        refused.push_back(report.key);
        drop(refused);
        self.has_refused.notify_one();
    }

    fn take_refused(&self, max: usize) -> Vec<Signal> {
        let mut refused = self.refused();
        let count = refused.len().min(max.max(1));
        let signals = refused.drain(..count).map(Signal::Confirmed).collect();
        if !refused.is_empty() {
            self.has_refused.notify_one();
        }
        signals
    }
}

fn warn_of_unproven(attempts: usize, operation: &str) {
    tracing::warn!(
        attempts,
        operation,
        "a worker named attempts without their claim secrets; they are ignored"
    );
}

#[async_trait]
impl WorkerBroker for VerifyingBroker {
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[HeldClaim],
    ) -> Result<LeaseTerms, BrokerError> {
        let (proven, _unproven) = self.split(holding, "register");
        self.broker.register(worker, &proven).await
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        let mut claims = self.broker.claim(max).await?;
        for claim in &mut claims {
            claim.secret = Some(self.keys.secret(&claim.dispatch.key));
        }
        Ok(claims)
    }

    async fn renew(&self, attempts: &[HeldClaim]) -> Result<Vec<AttemptKey>, BrokerError> {
        let (proven, unproven) = self.split(attempts, "renew");
        let mut lost = self.broker.renew(&proven).await?;
        lost.extend(unproven);
        Ok(lost)
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        let (proven, unproven): (Vec<Report>, Vec<_>) = reports
            .into_iter()
            .partition(|report| self.keys.is_proven(&report.claim()));
        self.broker.report(proven).await?;
        if !unproven.is_empty() {
            warn_of_unproven(unproven.len(), "report");
            for report in &unproven {
                self.refuse(report);
            }
        }
        Ok(())
    }

    async fn release(&self, attempts: &[HeldClaim]) -> Result<(), BrokerError> {
        let (proven, _unproven) = self.split(attempts, "release");
        self.broker.release(&proven).await
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        loop {
            let refused = self.take_refused(max);
            if !refused.is_empty() {
                return Ok(refused);
            }
            tokio::select! {
                signals = self.broker.signals(max) => return signals,
                () = self.has_refused.notified() => {}
            }
        }
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        self.broker.pause().await
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        self.broker.leave().await
    }
}
