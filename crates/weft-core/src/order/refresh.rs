//! Keeps every level's `open` in step with the level below and with the bounds.

use super::{
    Order,
    level::{Class, QueueIx, Share, Slots, Spot, TenantIx},
};

impl Order {
    /// Takes a DAG out of its shelves on a queue, before its work or turn
    /// changes. Returns the classes it had work of, for [`Self::enter`].
    pub(super) fn withdraw(&mut self, at: Spot) -> Vec<Class> {
        let share = self.share_mut(at.queue, at.tenant);
        let Some(line) = share.lines.get(&at.dag) else {
            return Vec::new();
        };
        let classes: Vec<Class> = line.lanes.keys().copied().collect();
        for class in &classes {
            if let Some(shelf) = share.shelves.get_mut(class) {
                shelf.dags.remove(&(line.turn, at.dag));
            }
        }
        classes
    }

    /// Puts a DAG back, and brings everything above up to date. `before` are
    /// the classes that it had work of.
    pub(super) fn enter(&mut self, at: Spot, before: Vec<Class>) {
        let blocked = self
            .dags
            .get(&at.dag)
            .is_some_and(super::level::DagLoad::full);
        let share = self.share_mut(at.queue, at.tenant);
        let mut classes = before;
        match share.lines.get(&at.dag) {
            Some(line) if line.lanes.is_empty() => {
                share.lines.remove(&at.dag);
                self.forget_queue_of(at);
            }
            Some(line) => {
                for class in line.lanes.keys() {
                    if !blocked {
                        let shelf = share.shelves.entry(*class).or_default();
                        shelf.dags.insert((line.turn, at.dag));
                    }
                    classes.push(*class);
                }
            }
            None => {}
        }
        classes.sort_unstable();
        classes.dedup();
        for class in classes {
            self.refresh_shelf(at.queue, at.tenant, class);
        }
        self.refresh_share(at.queue, at.tenant);
    }

    /// A DAG has no more work on a queue.
    fn forget_queue_of(&mut self, at: Spot) {
        if let Some(dag) = self.dags.get_mut(&at.dag) {
            dag.queues.remove(&at.queue);
            if dag.queues.is_empty() && dag.active == 0 {
                self.dags.remove(&at.dag);
            }
        }
    }

    /// A shelf is open while its pool has room, a worker is large enough, and a DAG on it
    /// isn't blocked.
    pub(super) fn refresh_shelf(&mut self, queue: QueueIx, tenant: TenantIx, class: Class) {
        let room = self.has_room(queue, class);
        let share = self.share_mut(queue, tenant);
        let Some(shelf) = share.shelves.get_mut(&class) else {
            return;
        };
        let wanted = shelf
            .dags
            .first()
            .filter(|_| room)
            .map(|(turn, _dag)| *turn);
        if shelf.listed != wanted {
            if let Some(turn) = std::mem::replace(&mut shelf.listed, wanted) {
                share.open.remove(&(turn, class));
            }
            if let Some(turn) = wanted {
                share.open.insert((turn, class));
            }
        }
        if shelf.lanes == 0 {
            share.shelves.remove(&class);
            if let Some(slots) = class.slots
                && self.classes_of(queue, tenant, slots).is_empty()
            {
                self.pools[slots.0.0].shelves.remove(&(slots.1, queue));
            }
        }
    }

    /// The classes of a tenant's work on a queue that take so many slots of a pool.
    pub(super) fn classes_of(&self, queue: QueueIx, tenant: TenantIx, slots: Slots) -> Vec<Class> {
        let of = |memory_bytes| Class {
            slots: Some(slots),
            memory_bytes,
        };
        let share = self.queues[queue.0].shares.get(&tenant);
        let shelves = share.map(|share| share.shelves.range(of(0)..=of(u64::MAX)));
        shelves
            .into_iter()
            .flatten()
            .map(|(class, _)| *class)
            .collect()
    }

    /// A share is open while its tenant isn't at its bound and a shelf is open.
    pub(super) fn refresh_share(&mut self, queue: QueueIx, tenant: TenantIx) {
        let full = self.tenants[tenant.0].full();
        let queue_at = &mut self.queues[queue.0];
        let share = queue_at.shares.entry(tenant).or_default();
        let wanted = !full && !share.open.is_empty();
        if wanted && !share.listed {
            // Whoever had nothing to take comes back now, not earlier.
            share.pass = share.pass.max(queue_at.clock);
            queue_at.open.insert((share.pass, tenant));
        } else if !wanted && share.listed {
            queue_at.open.remove(&(share.pass, tenant));
        }
        share.listed = wanted;
        self.refresh_queue(queue);
    }

    /// A queue is open while it has places and a share is open.
    pub(super) fn refresh_queue(&mut self, queue: QueueIx) {
        let queue_at = &mut self.queues[queue.0];
        let wanted = queue_at.places > 0 && !queue_at.open.is_empty();
        if wanted && !queue_at.listed {
            self.open.insert((queue_at.turn, queue));
        } else if !wanted && queue_at.listed {
            self.open.remove(&(queue_at.turn, queue));
        }
        queue_at.listed = wanted;
    }

    /// Whether the pool of a class has room for one more of it, and a worker of the queue.
    pub(super) fn has_room(&self, queue: QueueIx, class: Class) -> bool {
        class.memory_bytes <= self.queues[queue.0].memory_bytes && self.has_slots(class)
    }

    /// Whether the pool of a class has room for one more of it.
    pub(super) fn has_slots(&self, class: Class) -> bool {
        class
            .slots
            .is_none_or(|Slots(pool, slots)| self.pools[pool.0].free() >= slots)
    }

    pub(super) fn share_mut(&mut self, queue: QueueIx, tenant: TenantIx) -> &mut Share {
        self.queues[queue.0].shares.entry(tenant).or_default()
    }
}
