//! How much more each queue's workers could take.

use super::{queue::Queue, state::State};
use crate::Demand;
use std::{collections::HashMap, sync::Arc};

impl State {
    /// The demand of every queue, by name; queues without workers are included.
    pub(super) fn demand(&self) -> Vec<Demand> {
        let no_workers = (0_u32, 0_u32, Some(0_u64));
        let mut by_queue: HashMap<&Arc<str>, _> = self
            .queues
            .keys()
            .map(|queue| (queue, no_workers))
            .collect();
        for worker in self.workers.values().filter(|worker| !worker.is_paused) {
            for queue in &worker.info.queues {
                let (free_slots, workers, largest) = by_queue.entry(queue).or_insert(no_workers);
                *free_slots = free_slots.saturating_add(worker.free_slots());
                *workers += 1;
                *largest = largest
                    .zip(worker.info.memory_bytes)
                    .map(|(one, other)| one.max(other));
            }
        }
        let mut demand: Vec<Demand> = by_queue
            .into_iter()
            .map(|(queue, (free_slots, workers, largest))| {
                let waiting = self.queues.get(queue).map_or(0, Queue::len);
                Demand::new(
                    queue.clone(),
                    free_slots,
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
