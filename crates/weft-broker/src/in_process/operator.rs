//! The operators' handle: the survey and drains.

use super::{broker::InProcess, queue::Queue};
use crate::{BrokerError, OperatorBroker, QueueLoad, RegisteredWorker, Signal, Survey};
use async_trait::async_trait;
use tokio::time::Instant;

#[async_trait]
impl OperatorBroker for InProcess {
    async fn survey(&self) -> Result<Survey, BrokerError> {
        if self.is_closed() {
            return Err(BrokerError::Closed);
        }
        let mut state = self.lock();
        state.pass_time(Instant::now(), &self.options.bounds);
        let mut workers: Vec<RegisteredWorker> = state
            .workers
            .values()
            .map(|worker| RegisteredWorker {
                info: worker.info.clone(),
                held: worker.held,
                is_paused: worker.is_paused,
            })
            .collect();
        workers.sort_by(|one, other| one.info.id.cmp(&other.info.id));
        let queues = state
            .demand()
            .into_iter()
            .map(|demand| QueueLoad {
                queued: state.queues.get(&demand.queue).map_or(0, Queue::len) as u64,
                name: demand.queue,
                free_slots: demand.free_slots,
                workers: demand.workers,
            })
            .collect();
        Ok(Survey { workers, queues })
    }

    async fn drain(&self, worker: &str) -> Result<bool, BrokerError> {
        if self.is_closed() {
            return Err(BrokerError::Closed);
        }
        let bounds = &self.options.bounds;
        let mut state = self.lock();
        state.pass_time(Instant::now(), bounds);
        let session = state.sessions.get(worker).copied();
        let registered = session.and_then(|session| state.workers.get_mut(&session));
        Ok(match registered {
            Some(worker) => {
                worker.signal(Signal::Drain, bounds);
                true
            }
            None => false,
        })
    }
}
