//! Brokers that fail in one way.

use async_trait::async_trait;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;
use weft_broker::{
    AttemptKey, BrokerError, Claim, HeldClaim, LeaseTerms, Report, Signal, WorkerBroker, WorkerInfo,
};

/// What goes wrong, until it is set right.
#[derive(Default)]
pub(crate) struct Faults {
    /// So many calls of `report` say that they did it, and don't.
    pub(crate) lose_reports: AtomicU32,
    /// `report` does not answer.
    pub(crate) refuse_reports: AtomicBool,
    /// `renew` does not answer.
    pub(crate) refuse_renewals: AtomicBool,
    /// So many calls of `release` are not answered.
    pub(crate) refuse_returns: AtomicU32,
    /// The next call but `register` finds the worker unknown, so often.
    pub(crate) forget: AtomicU32,
    /// So many calls of `claim` are answered when the worker has registered again.
    pub(crate) late_claims: AtomicU32,
    /// So many calls of `claim` find the worker unknown when it has registered again.
    pub(crate) late_refusals: AtomicU32,
    /// Renewals that were asked for.
    pub(crate) renewals: AtomicU32,
    /// Reports that came through.
    pub(crate) reports: AtomicU32,
    /// Registrations, with how much was held at the last one.
    pub(crate) registrations: AtomicU32,
    pub(crate) held: AtomicU32,
}

pub(crate) struct Faulty {
    pub(crate) inner: Arc<dyn WorkerBroker>,
    pub(crate) faults: Arc<Faults>,
}

fn take(counter: &AtomicU32) -> bool {
    counter
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
        .is_ok()
}

/// A rig waits for nothing for ever, so neither does this.
async fn reaches(counter: &AtomicU32, count: u32) {
    while counter.load(Ordering::SeqCst) < count {
        sleep(Duration::from_millis(1)).await;
    }
}

fn unavailable() -> BrokerError {
    BrokerError::Unavailable("by the test".into())
}

#[async_trait]
impl WorkerBroker for Faulty {
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[HeldClaim],
    ) -> Result<LeaseTerms, BrokerError> {
        self.faults.registrations.fetch_add(1, Ordering::SeqCst);
        let held = u32::try_from(holding.len()).expect("few");
        self.faults.held.store(held, Ordering::SeqCst);
        self.inner.register(worker, holding).await
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        if take(&self.faults.late_refusals) {
            // It renews first when it hears that it is registered again.
            reaches(&self.faults.renewals, 2).await;
            return Err(BrokerError::Unregistered);
        }
        let claims = self.inner.claim(max).await;
        if take(&self.faults.late_claims) {
            reaches(&self.faults.registrations, 2).await;
        }
        claims
    }

    async fn renew(&self, attempts: &[HeldClaim]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.faults.renewals.fetch_add(1, Ordering::SeqCst);
        if take(&self.faults.forget) {
            return Err(BrokerError::Unregistered);
        }
        if self.faults.refuse_renewals.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        self.inner.renew(attempts).await
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        if take(&self.faults.lose_reports) {
            return Ok(());
        }
        if self.faults.refuse_reports.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        self.faults.reports.fetch_add(1, Ordering::SeqCst);
        self.inner.report(reports).await
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        self.inner.signals(max).await
    }

    async fn release(&self, attempts: &[HeldClaim]) -> Result<(), BrokerError> {
        if take(&self.faults.refuse_returns) {
            return Err(unavailable());
        }
        self.inner.release(attempts).await
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        self.inner.pause().await
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        self.inner.leave().await
    }
}
