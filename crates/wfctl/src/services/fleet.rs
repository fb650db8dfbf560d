//! The workers and queues of the broker of this process, as the API shows them.

use async_trait::async_trait;
use std::sync::Arc;
use weft_broker::{
    SchedulerBroker,
    in_process::{InProcess, Registered},
};
use weft_server::seam::{Fleet, FleetError, QueueInfo, WorkerInfo};

/// Knows the workers by their registrations: that of this process, and those that came through the gate.
pub(crate) struct LocalFleet {
    pub(crate) broker: Arc<InProcess>,
    pub(crate) demand: Arc<dyn SchedulerBroker>,
}

#[async_trait]
impl Fleet for LocalFleet {
    async fn workers(&self) -> Result<Vec<WorkerInfo>, FleetError> {
        let view = |worker: Registered| WorkerInfo {
            id: worker.info.id.to_string(),
            queues: worker.info.queues.iter().map(ToString::to_string).collect(),
            slots: worker.info.slots,
            claimed: worker.held,
            draining: worker.is_paused,
            labels: worker.info.labels,
        };
        Ok(self.broker.workers().into_iter().map(view).collect())
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, FleetError> {
        let demand = self
            .demand
            .demand()
            .await
            .map_err(|error| FleetError(error.to_string()))?;
        let queued = self.broker.stats().queued;
        let waiting = |name: &str| {
            let found = queued.iter().find(|(queue, _)| **queue == *name);
            found.map_or(0, |(_, waiting)| *waiting as u64)
        };
        let served = demand.iter().map(|demand| QueueInfo {
            name: demand.queue.to_string(),
            workers: demand.workers,
            places: demand.places,
            queued: waiting(&demand.queue),
        });
        let deserted = queued
            .iter()
            .filter(|(queue, _)| !demand.iter().any(|demand| demand.queue == *queue))
            .map(|(queue, waiting)| QueueInfo {
                name: queue.to_string(),
                workers: 0,
                places: 0,
                queued: *waiting as u64,
            });
        let mut queues: Vec<QueueInfo> = served.chain(deserted).collect();
        queues.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(queues)
    }
}
