//! A worker's handle whose way to the broker may change while it works.
//!
//! After a change every call answers that the worker is not registered, those that
//! wait as well, until it has registered by the new way with what it holds. So
//! nothing is lost that a lost registration would not lose.

use crate::{AttemptKey, BrokerError, Claim, LeaseTerms, Report, Signal, WorkerBroker, WorkerInfo};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::watch;

/// The handle; who turns it keeps a clone of the pointer to it.
pub struct SwitchableBroker {
    way: watch::Sender<Arc<Way>>,
}

struct Way {
    broker: Arc<dyn WorkerBroker>,
    /// Under which the worker goes this way, where not under its own.
    name: Option<Arc<str>>,
}

impl std::fmt::Debug for SwitchableBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SwitchableBroker").finish_non_exhaustive()
    }
}

impl SwitchableBroker {
    /// By this way first, under the worker's own name.
    pub fn new(broker: Arc<dyn WorkerBroker>) -> Self {
        let way = watch::Sender::new(Arc::new(Way { broker, name: None }));
        Self { way }
    }

    /// From now on by another one, under this name.
    pub fn switch_to(&self, broker: Arc<dyn WorkerBroker>, name: Option<Arc<str>>) {
        self.way.send_replace(Arc::new(Way { broker, name }));
    }

    async fn call<T>(
        &self,
        call: impl AsyncFnOnce(Arc<Way>) -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        let mut ways = self.way.subscribe();
        let way = Arc::clone(&ways.borrow_and_update());
        tokio::select! {
            biased;
            answer = call(way) => answer,
            _turned = ways.changed() => Err(BrokerError::Unregistered),
        }
    }
}

#[async_trait]
impl WorkerBroker for SwitchableBroker {
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[AttemptKey],
    ) -> Result<LeaseTerms, BrokerError> {
        let way = Arc::clone(&self.way.borrow());
        let mut worker = worker.clone();
        if let Some(name) = &way.name {
            worker.id = Arc::clone(name);
        }
        way.broker.register(&worker, holding).await
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        self.call(async |way| way.broker.claim(max).await).await
    }

    async fn renew(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.call(async |way| way.broker.renew(attempts).await)
            .await
    }

    async fn report(&self, mut reports: Vec<Report>) -> Result<(), BrokerError> {
        self.call(async |way| {
            if let Some(name) = &way.name {
                for report in &mut reports {
                    report.worker = Arc::clone(name);
                }
            }
            way.broker.report(reports).await
        })
        .await
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        self.call(async |way| way.broker.signals(max).await).await
    }

    async fn release(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.call(async |way| way.broker.release(attempts).await)
            .await
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        self.call(async |way| way.broker.pause().await).await
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        self.call(async |way| way.broker.leave().await).await
    }
}
