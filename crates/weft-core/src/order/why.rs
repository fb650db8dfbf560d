//! What goes next, and why something else doesn't.

use super::{
    Order,
    level::{Item, Place, QueueIx, Slots, Spot, full},
};
use crate::{document::TaskIndex, run_id::RunId};
use std::sync::Arc;

/// What keeps ready work back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// Nobody serves its queue.
    QueueHasNoWorkers {
        /// The queue.
        queue: Arc<str>,
    },
    /// None of the queue's workers has the memory.
    TooLarge {
        /// The queue.
        queue: Arc<str>,
        /// What an instance of this task may take, in bytes.
        needs: u64,
        /// What the largest of the workers can give.
        largest: u64,
    },
    /// The queue's workers have all that they can take.
    QueueFull {
        /// The queue.
        queue: Arc<str>,
        /// How many places it last had.
        places: u32,
    },
    /// As many instances are active as the installation may have.
    InstallationLimit {
        /// The bound.
        limit: u32,
        /// Active instances.
        active: u64,
    },
    /// As many instances are active as the tenant may have.
    TenantLimit {
        /// The bound.
        limit: u32,
        /// Active instances of the tenant.
        active: u64,
    },
    /// As many instances are active as the DAG may have over all its runs.
    DagLimit {
        /// The bound.
        limit: u32,
        /// Active instances of the DAG.
        active: u64,
    },
    /// The pool has too few slots left.
    Pool {
        /// The pool.
        name: Arc<str>,
        /// How many it has; 0 where there is no such pool.
        slots: u32,
        /// How many are taken.
        taken: u64,
        /// How many an instance of this task takes.
        needs: u32,
    },
    /// Nothing but other work, which goes first.
    Behind {
        /// The run of what goes next from the queue.
        run: RunId,
        /// Its task.
        task: TaskIndex,
    },
}

impl Order {
    /// What keeps the ready instances of a task back: every bound that blocks
    /// them; where none does, the work that goes next. Empty where they go next
    /// themselves, and where the task has none.
    pub fn why(&self, run: RunId, task: TaskIndex) -> Vec<Blocked> {
        let Some((place, item)) = self.item(run, task) else {
            return Vec::new();
        };
        let mut blocked = Vec::new();
        let queue = &self.queues[place.at.queue.0];
        if queue.workers == 0 && queue.places == 0 {
            let queue = Arc::clone(&queue.name);
            blocked.push(Blocked::QueueHasNoWorkers { queue });
        } else if place.class.memory_bytes > queue.memory_bytes {
            blocked.push(Blocked::TooLarge {
                queue: Arc::clone(&queue.name),
                needs: place.class.memory_bytes,
                largest: queue.memory_bytes,
            });
        } else if queue.places == 0 {
            blocked.push(Blocked::QueueFull {
                queue: Arc::clone(&queue.name),
                places: queue.offered,
            });
        }
        let bound = |active, limit: Option<u32>| limit.filter(|_| full(active, limit));
        if let Some(limit) = bound(self.active, self.bounds.max_active) {
            let active = self.active;
            blocked.push(Blocked::InstallationLimit { limit, active });
        }
        let tenant = &self.tenants[place.at.tenant.0];
        if let Some(limit) = bound(tenant.active, tenant.bounds.max_active) {
            let active = tenant.active;
            blocked.push(Blocked::TenantLimit { limit, active });
        }
        if let Some(dag) = self.dags.get(&place.at.dag)
            && let Some(limit) = bound(dag.active, dag.max_active)
        {
            let active = dag.active;
            blocked.push(Blocked::DagLimit { limit, active });
        }
        if let Some(Slots(pool, needs)) = place.class.slots
            && !self.has_slots(place.class)
        {
            let pool = &self.pools[pool.0];
            blocked.push(Blocked::Pool {
                name: item.account.pool.clone().unwrap_or_default(),
                slots: pool.slots,
                taken: pool.taken,
                needs,
            });
        }
        if blocked.is_empty()
            && let Some(first) = self.next_of(place.at.queue)
            && first != place
        {
            let (run, task) = (first.rank.run, first.rank.task);
            blocked.push(Blocked::Behind { run, task });
        }
        blocked
    }

    /// What goes next from a queue, if it had a place.
    pub(super) fn next_of(&self, at: QueueIx) -> Option<Place> {
        let queue = &self.queues[at.0];
        let (_pass, tenant) = *queue.open.first()?;
        let share = queue.shares.get(&tenant)?;
        let (_turn, class) = share.open.first()?;
        let (_turn, dag) = *share.shelves.get(class)?.dags.first()?;
        // The DAG's turn has come; which of its pools' work goes first is decided by rank.
        let (class, rank) = share
            .lines
            .get(&dag)?
            .lanes
            .iter()
            .filter(|(class, _)| self.has_room(at, **class))
            .filter_map(|(class, lane)| lane.first_key_value().map(|(rank, _)| (*class, *rank)))
            .min_by_key(|(_, rank)| *rank)?;
        let at = Spot {
            queue: at,
            tenant,
            dag,
        };
        Some(Place { at, class, rank })
    }

    pub(super) fn item(&self, run: RunId, task: TaskIndex) -> Option<(Place, &Item)> {
        let place = self.places.get(&(run, task)).copied()?;
        let item = self.queues[place.at.queue.0]
            .shares
            .get(&place.at.tenant)?
            .lines
            .get(&place.at.dag)?
            .lanes
            .get(&place.class)?
            .get(&place.rank)?;
        Some((place, item))
    }
}
