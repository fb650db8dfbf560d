//! How much more each queue's workers could take.

use super::{queue::Queue, state::State};
use crate::Demand;
use std::{collections::HashMap, sync::Arc};

impl State {
    /// In the queues' order; queues that hold something for nobody are among them.
    pub(super) fn demand(&self) -> Vec<Demand> {
        let mut by_queue: HashMap<&Arc<str>, (u32, u32)> =
            self.queues.keys().map(|queue| (queue, (0, 0))).collect();
        for worker in self.workers.values().filter(|worker| !worker.is_paused) {
            for queue in &worker.info.queues {
                let (room, workers) = by_queue.entry(queue).or_default();
                *room = room.saturating_add(worker.room());
                *workers += 1;
            }
        }
        let mut demand: Vec<Demand> = by_queue
            .into_iter()
            .map(|(queue, (room, workers))| {
                let waiting = self.queues.get(queue).map_or(0, Queue::len);
                Demand {
                    queue: queue.clone(),
                    places: room.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX)),
                    workers,
                }
            })
            .collect();
        demand.sort_by(|left, right| left.queue.cmp(&right.queue));
        demand
    }
}
