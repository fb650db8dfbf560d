//! The one worker of this process, as the API shows workers.

use async_trait::async_trait;
use std::sync::Arc;
use weft_broker::{SchedulerBroker, in_process::InProcess};
use weft_server::seam::{Fleet, FleetError, QueueInfo, WorkerInfo};
use weft_worker::{WorkerHandle, WorkerPhase};

/// Knows the worker and the broker of this process.
pub(crate) struct OneWorker {
    pub(crate) id: Arc<str>,
    pub(crate) queues: Vec<Arc<str>>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) worker: WorkerHandle,
    pub(crate) broker: Arc<InProcess>,
    pub(crate) demand: Arc<dyn SchedulerBroker>,
}

#[async_trait]
impl Fleet for OneWorker {
    async fn workers(&self) -> Result<Vec<WorkerInfo>, FleetError> {
        let stats = self.worker.stats();
        if stats.phase == WorkerPhase::Gone {
            return Ok(Vec::new());
        }
        Ok(vec![WorkerInfo {
            id: self.id.to_string(),
            queues: self.queues.iter().map(ToString::to_string).collect(),
            slots: stats.slots,
            claimed: stats.claimed(),
            draining: stats.phase == WorkerPhase::Draining,
            labels: self.labels.clone(),
        }])
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
