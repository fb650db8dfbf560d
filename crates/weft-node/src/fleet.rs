//! The workers and queues of a broker, as the API shows them.

use async_trait::async_trait;
use std::sync::Arc;
use weft_broker::{BrokerError, OperatorBroker, QueueLoad, RegisteredWorker};
use weft_server::ports::{Drain, Fleet, FleetError, QueueInfo, WorkerInfo};

/// Knows the workers by their registrations: that of this process, and those of others.
pub(crate) struct BrokersFleet {
    pub(crate) broker: Arc<dyn OperatorBroker>,
    /// The name of this process' own worker, which leaves with the process alone.
    pub(crate) own: Option<&'static str>,
}

#[async_trait]
impl Fleet for BrokersFleet {
    async fn workers(&self) -> Result<Vec<WorkerInfo>, FleetError> {
        let view = |worker: RegisteredWorker| WorkerInfo {
            id: worker.info.id.to_string(),
            queues: worker.info.queues.iter().map(ToString::to_string).collect(),
            slots: worker.info.slots,
            claimed: worker.held,
            draining: worker.is_paused,
            labels: worker.info.labels,
        };
        let survey = self.broker.survey().await.map_err(silent)?;
        Ok(survey.workers.into_iter().map(view).collect())
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, FleetError> {
        let view = |queue: QueueLoad| QueueInfo {
            name: queue.name.to_string(),
            workers: queue.workers,
            places: queue.free_slots,
            queued: queue.queued,
            ready: 0,
        };
        let survey = self.broker.survey().await.map_err(silent)?;
        Ok(survey.queues.into_iter().map(view).collect())
    }

    async fn drain(&self, worker: &str) -> Result<Drain, FleetError> {
        if self.own == Some(worker) {
            return Ok(Drain::PartOfServer);
        }
        let is_known = self.broker.drain(worker).await.map_err(silent)?;
        Ok(if is_known {
            Drain::Requested
        } else {
            Drain::Unknown
        })
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` is given"
)]
fn silent(error: BrokerError) -> FleetError {
    FleetError(error.to_string())
}
