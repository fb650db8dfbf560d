//! How much more each queue's workers could take.

use super::{queue::Queue, state::State};
use crate::Demand;
use std::{collections::HashMap, sync::Arc};

impl State {
    /// In the queues' order; queues that hold something for nobody are among them.
    pub(super) fn demand(&self) -> Vec<Demand> {
        let nobody = (0_u32, 0_u32, Some(0_u64));
        let mut by_queue: HashMap<&Arc<str>, _> =
            self.queues.keys().map(|queue| (queue, nobody)).collect();
        for worker in self.workers.values().filter(|worker| !worker.is_paused) {
            for queue in &worker.info.queues {
                let (room, workers, largest) = by_queue.entry(queue).or_insert(nobody);
                *room = room.saturating_add(worker.free_slots());
                *workers += 1;
                *largest = largest
                    .zip(worker.info.memory_bytes)
                    .map(|(one, other)| one.max(other));
            }
        }
        let mut demand: Vec<Demand> = by_queue
            .into_iter()
            .map(|(queue, (room, workers, largest))| {
                let waiting = self.queues.get(queue).map_or(0, Queue::len);
                Demand::new(
                    queue.clone(),
                    room,
                    u32::try_from(waiting).unwrap_or(u32::MAX),
                    workers,
                    largest.filter(|_| workers > 0),
                )
            })
            .collect();
        demand.sort_by(|left, right| left.queue.cmp(&right.queue));
        demand
    }
}
