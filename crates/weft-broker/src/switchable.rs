//! A worker's handle whose broker may change while the worker runs.
//!
//! After a switch every call, waiting ones included, fails with `Unregistered` until the worker
//! has registered with the new broker and announced what it holds. So a switch loses no more
//! than a lost registration does.

use crate::{
    AttemptKey, BrokerError, Claim, HeldClaim, LeaseTerms, Report, Signal, WorkerBroker, WorkerInfo,
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::watch;

/// The handle; the code that switches it holds another reference.
pub struct SwitchableBroker {
    route: watch::Sender<Arc<Route>>,
}

struct Route {
    broker: Arc<dyn WorkerBroker>,
    /// The worker's name with this broker, if not its own.
    name: Option<Arc<str>>,
}

impl std::fmt::Debug for SwitchableBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SwitchableBroker").finish_non_exhaustive()
    }
}

impl SwitchableBroker {
    /// A handle that starts with this broker, under the worker's own name.
    pub fn new(broker: Arc<dyn WorkerBroker>) -> Self {
        let route = watch::Sender::new(Arc::new(Route { broker, name: None }));
        Self { route }
    }

    /// Switches to another broker, under this name.
    pub fn switch_to(&self, broker: Arc<dyn WorkerBroker>, name: Option<Arc<str>>) {
        self.route.send_replace(Arc::new(Route { broker, name }));
    }

    async fn call<T>(
        &self,
        call: impl AsyncFnOnce(Arc<Route>) -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        let mut routes = self.route.subscribe();
        let route = Arc::clone(&routes.borrow_and_update());
        tokio::select! {
            biased;
            answer = call(route) => answer,
            _switched = routes.changed() => Err(BrokerError::Unregistered),
        }
    }
}

#[async_trait]
impl WorkerBroker for SwitchableBroker {
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[HeldClaim],
    ) -> Result<LeaseTerms, BrokerError> {
        let route = Arc::clone(&self.route.borrow());
        let mut worker = worker.clone();
        if let Some(name) = &route.name {
            worker.id = Arc::clone(name);
        }
        route.broker.register(&worker, holding).await
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        self.call(async |route| route.broker.claim(max).await).await
    }

    async fn renew(&self, attempts: &[HeldClaim]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.call(async |route| route.broker.renew(attempts).await)
            .await
    }

    async fn report(&self, mut reports: Vec<Report>) -> Result<(), BrokerError> {
        self.call(async |route| {
            if let Some(name) = &route.name {
                for report in &mut reports {
                    report.worker = Arc::clone(name);
                }
            }
            route.broker.report(reports).await
        })
        .await
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        self.call(async |route| route.broker.signals(max).await)
            .await
    }

    async fn release(&self, attempts: &[HeldClaim]) -> Result<(), BrokerError> {
        self.call(async |route| route.broker.release(attempts).await)
            .await
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        self.call(async |route| route.broker.pause().await).await
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        self.call(async |route| route.broker.leave().await).await
    }
}
