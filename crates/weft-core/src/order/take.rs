//! Work that comes, goes, and is taken.

use super::{
    Order, Ready, Taken,
    level::{Class, Item, Lane, Place, Rank, Slots, Spot, TenantIx, full},
    ranges::Ranges,
};
use crate::{document::TaskIndex, run::Instance, run_id::RunId};
use std::{cmp::Reverse, collections::BTreeSet, ops::Range, sync::Arc};

impl Order {
    /// Adds ready instances. Those that are there already change nothing;
    /// further ones of the same task stand with them, as `ready` says it now.
    pub fn push(&mut self, ready: Ready) {
        if ready.indexes.is_empty() {
            return;
        }
        let tenant = self.tenant(&ready.account.tenant);
        let dag = ready.account.dag;
        let at = Spot {
            queue: self.queue(&ready.queue),
            tenant,
            dag,
        };
        let place = Place {
            at,
            class: Class {
                slots: self.slots(tenant, &ready.account),
                memory_bytes: ready.memory_bytes,
            },
            rank: Rank {
                priority: Reverse(ready.priority),
                run: ready.run,
                task: ready.task,
            },
        };
        let mut indexes = Ranges::default();
        indexes.add(ready.indexes);
        if self
            .places
            .get(&(ready.run, ready.task))
            .is_some_and(|stands| *stands != place)
            && let Some(moved) = self.take_out(ready.run, ready.task)
        {
            moved.indexes.iter().for_each(|range| indexes.add(range));
        }

        let load = self.dags.entry(dag).or_default();
        let bound_changed = load.max_active != ready.dag_max_active;
        load.max_active = ready.dag_max_active;
        load.queues.insert(at.queue);
        if bound_changed {
            self.refresh_dag(tenant, dag);
        }
        self.tenants[tenant.0].queues.insert(at.queue);
        self.places.insert((ready.run, ready.task), place);

        let before = self.withdraw(at);
        let share = self.share_mut(at.queue, tenant);
        if !share.lines.contains_key(&dag) {
            // Behind everybody who waits.
            share.turns += 1;
            share.lines.entry(dag).or_default().turn = share.turns;
        }
        let line = share.lines.entry(dag).or_default();
        if !line.lanes.contains_key(&place.class) {
            share.shelves.entry(place.class).or_default().lanes += 1;
        }
        let item = line
            .lanes
            .entry(place.class)
            .or_default()
            .entry(place.rank)
            .or_insert_with(|| Item {
                account: Arc::clone(&ready.account),
                indexes: Ranges::default(),
            });
        item.account = ready.account;
        indexes.iter().for_each(|range| item.indexes.add(range));
        if let Some(Slots(pool, slots)) = place.class.slots {
            self.pools[pool.0].shelves.insert((slots, at.queue));
        }
        self.enter(at, before);
    }

    /// Nothing of a task is ready any more: it was cleared, or its run stopped.
    pub fn remove_task(&mut self, run: RunId, task: TaskIndex) {
        self.take_out(run, task);
    }

    /// These instances of a task are not ready any more: somebody marked them.
    pub fn remove_instances(&mut self, run: RunId, task: TaskIndex, indexes: &Range<u32>) {
        let Some(place) = self.places.get(&(run, task)).copied() else {
            return;
        };
        let item = self
            .lane_mut(place)
            .and_then(|lane| lane.get_mut(&place.rank));
        if let Some(item) = item {
            item.indexes.remove(indexes);
            if item.indexes.is_empty() {
                self.take_out(run, task);
            }
        }
    }

    /// Nothing of a run is ready any more.
    pub fn remove_run(&mut self, run: RunId) {
        let (first, last) = ((run, TaskIndex(0)), (run, TaskIndex(u32::MAX)));
        while let Some(((_, task), _)) = self.places.range(first..=last).next() {
            let task = *task;
            self.take_out(run, task);
        }
    }

    /// How many instances of a task stand here.
    pub fn ready_of(&self, run: RunId, task: TaskIndex) -> u64 {
        self.item(run, task)
            .map_or(0, |(_, item)| item.indexes.count())
    }

    /// How many instances are ready for each queue that has some. O(tasks that are ready).
    pub fn ready_by_queue(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.queues.iter().filter_map(|queue| {
            let lines = queue.shares.values().flat_map(|share| share.lines.values());
            let lanes = lines.flat_map(|line| line.lanes.values());
            let items = lanes.flat_map(|lane| lane.values());
            let ready: u64 = items.map(|item| item.indexes.count()).sum();
            (ready > 0).then_some((&queue.name, ready))
        })
    }

    /// The sum of the weights of tenants that have something ready or active.
    pub fn weight(&self) -> u32 {
        let ready: BTreeSet<TenantIx> = self
            .queues
            .iter()
            .flat_map(|queue| &queue.shares)
            .filter(|(_, share)| !share.lines.is_empty())
            .map(|(tenant, _)| *tenant)
            .collect();
        let tenants = self.tenants.iter().enumerate();
        let at_work =
            tenants.filter(|(at, tenant)| tenant.active > 0 || ready.contains(&TenantIx(*at)));
        at_work
            .map(|(_, tenant)| tenant.bounds.weight)
            .fold(0, u32::saturating_add)
    }

    /// Of these, how many need more memory than any of the workers that serve their queue has.
    pub fn too_large_by_queue(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.queues.iter().filter_map(|queue| {
            if queue.workers == 0 || queue.memory_bytes == u64::MAX {
                return None;
            }
            let lines = queue.shares.values().flat_map(|share| share.lines.values());
            let lanes = lines.flat_map(|line| &line.lanes);
            let items = lanes
                .filter(|(class, _)| class.memory_bytes > queue.memory_bytes)
                .flat_map(|(_, lane)| lane.values());
            let large: u64 = items.map(|item| item.indexes.count()).sum();
            (large > 0).then_some((&queue.name, large))
        })
    }

    /// Whether nothing at all is ready.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes what goes next, at most `max` instances. Less only where nothing
    /// more can go under all bounds.
    pub fn take(&mut self, max: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        while taken.len() < max && !full(self.active, self.bounds.max_active) {
            match self.take_one() {
                Some(one) => taken.push(one),
                None => break,
            }
        }
        taken
    }

    fn take_one(&mut self) -> Option<Taken> {
        let (_turn, queue) = *self.open.first()?;
        let place = self
            .next_of(queue)
            .expect("an open queue has something to take");
        let at = place.at;

        let before = self.withdraw(at);
        let item = self
            .lane_mut(place)
            .and_then(|lane| lane.get_mut(&place.rank))
            .expect("the next item stands at its place");
        let index = item.indexes.pop().expect("no item is empty");
        let account = Arc::clone(&item.account);
        if item.indexes.is_empty() {
            self.drop_item(place);
        }
        let share = self.share_mut(queue, at.tenant);
        share.turns += 1;
        if let Some(line) = share.lines.get_mut(&at.dag) {
            line.turn = share.turns;
        }
        self.enter(at, before);
        self.advance(place);
        self.charge(at.tenant, at.dag, place.class.slots);
        Some(Taken {
            run: place.rank.run,
            instance: Instance {
                task: place.rank.task,
                index,
            },
            account,
        })
    }

    /// Moves the clocks of queue and tenant on after a take.
    fn advance(&mut self, place: Place) {
        let step = self.tenants[place.at.tenant.0].bounds.step();
        let queue = &mut self.queues[place.at.queue.0];
        let share = queue.shares.entry(place.at.tenant).or_default();
        queue.clock = share.pass;
        let next = share.pass + step;
        if share.listed {
            queue.open.remove(&(share.pass, place.at.tenant));
            queue.open.insert((next, place.at.tenant));
        }
        share.pass = next;

        self.turns += 1;
        queue.places -= 1;
        if queue.listed {
            self.open.remove(&(queue.turn, place.at.queue));
            queue.listed = false;
        }
        queue.turn = self.turns;
        self.refresh_queue(place.at.queue);
    }

    /// Takes all that is ready of a task out.
    fn take_out(&mut self, run: RunId, task: TaskIndex) -> Option<Item> {
        let place = self.places.get(&(run, task)).copied()?;
        let before = self.withdraw(place.at);
        let item = self.drop_item(place);
        self.enter(place.at, before);
        item
    }

    /// Removes an item, and its lane if nothing else is in it. Between
    /// `withdraw` and `enter`.
    fn drop_item(&mut self, place: Place) -> Option<Item> {
        self.places.remove(&(place.rank.run, place.rank.task));
        let share = self.share_mut(place.at.queue, place.at.tenant);
        let line = share.lines.get_mut(&place.at.dag)?;
        let lane = line.lanes.get_mut(&place.class)?;
        let item = lane.remove(&place.rank);
        if lane.is_empty() {
            line.lanes.remove(&place.class);
            if let Some(shelf) = share.shelves.get_mut(&place.class) {
                shelf.lanes -= 1;
            }
        }
        item
    }

    fn lane_mut(&mut self, place: Place) -> Option<&mut Lane> {
        self.share_mut(place.at.queue, place.at.tenant)
            .lines
            .get_mut(&place.at.dag)?
            .lanes
            .get_mut(&place.class)
    }
}
