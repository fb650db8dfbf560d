//! Short constructors of work, and the naive reference, which stores every ready
//! instance and looks through all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};
use weft_core::{
    document::TaskIndex,
    fair_queue::{Account, Blocked, Bounds, FairQueue, QueueBounds, Ready, Taken, TenantBounds},
    id::TenantId,
    run::Instance,
    run_id::RunId,
};

/// Work of tenant `a`, DAG 1, run 1, task 0, on queue `q`, one instance.
pub(crate) fn work() -> Work {
    Work {
        tenant: "a",
        dag: 1,
        dag_max_active: None,
        run: 1,
        task: 0,
        indexes: 0..1,
        queue: "q",
        pool: None,
        priority: 0,
        memory_bytes: 0,
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) tenant: &'static str,
    pub(crate) dag: u64,
    pub(crate) dag_max_active: Option<u32>,
    pub(crate) run: i64,
    pub(crate) task: u32,
    pub(crate) indexes: Range<u32>,
    pub(crate) queue: &'static str,
    pub(crate) pool: Option<(&'static str, u32)>,
    pub(crate) priority: i32,
    pub(crate) memory_bytes: u64,
}

pub(crate) fn tenant(name: &str) -> TenantId {
    name.parse().expect("a good id")
}

pub(crate) fn run(number: i64) -> RunId {
    RunId::from_i64(number).expect("not negative")
}

impl Work {
    pub(crate) fn account(&self) -> Account {
        Account {
            tenant: tenant(self.tenant),
            dag: self.dag,
            queue: self.queue.into(),
            pool: self.pool.map(|(name, _)| name.into()),
            pool_slots: self.pool.map_or(1, |(_, slots)| slots),
        }
    }

    pub(crate) fn ready(&self) -> Ready {
        Ready {
            account: Arc::new(self.account()),
            run: run(self.run),
            task: TaskIndex(self.task),
            indexes: self.indexes.clone(),
            priority: self.priority,
            dag_max_active: self.dag_max_active,
            memory_bytes: self.memory_bytes,
        }
    }
}

/// A fair queue with one queue, `q`, of unbounded free slots.
pub(crate) fn fair_queue(work: impl IntoIterator<Item = Work>) -> FairQueue {
    let mut fair_queue = FairQueue::new(Bounds::default());
    fair_queue.set_queue("q", unbounded());
    work.into_iter()
        .for_each(|work| fair_queue.push(work.ready()));
    fair_queue
}

pub(crate) fn unbounded() -> QueueBounds {
    QueueBounds {
        free_slots: u32::MAX,
        workers: 1,
        ..QueueBounds::default()
    }
}

pub(crate) fn with_weight(weight: u32) -> TenantBounds {
    TenantBounds {
        weight,
        ..TenantBounds::default()
    }
}

/// Tenant, run, task and index of each.
pub(crate) fn names(taken: &[Taken]) -> Vec<(String, i64, u32, u32)> {
    taken
        .iter()
        .map(|taken| {
            (
                taken.account.tenant.to_string(),
                taken.run.as_i64(),
                taken.instance.task.0,
                taken.instance.index,
            )
        })
        .collect()
}

type Key = (RunId, TaskIndex);

/// The reference.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) bounds: Bounds,
    pub(crate) tenants: BTreeMap<TenantId, TenantBounds>,
    pub(crate) pools: BTreeMap<(TenantId, Arc<str>), u32>,
    pub(crate) queues: BTreeMap<Arc<str>, (QueueBounds, u32)>,
    pub(crate) dags: BTreeMap<u64, Option<u32>>,
    pub(crate) work: BTreeMap<Key, (Ready, BTreeSet<u32>)>,
    /// What is active.
    pub(crate) active: Vec<Account>,
}

impl Model {
    pub(crate) fn push(&mut self, ready: &Ready) {
        if ready.indexes.is_empty() {
            return;
        }
        self.dags.insert(ready.account.dag, ready.dag_max_active);
        let key = (ready.run, ready.task);
        let entry = self
            .work
            .entry(key)
            .or_insert_with(|| (ready.clone(), BTreeSet::new()));
        entry.0 = ready.clone();
        entry.1.extend(ready.indexes.clone());
    }

    pub(crate) fn remove(&mut self, key: Key, indexes: &Range<u32>) {
        if let Some((_, ready)) = self.work.get_mut(&key) {
            ready.retain(|index| !indexes.contains(index));
            if ready.is_empty() {
                self.work.remove(&key);
            }
        }
    }

    fn count(&self, which: impl Fn(&Account) -> bool) -> u64 {
        self.active.iter().filter(|account| which(account)).count() as u64
    }

    fn taken_of(&self, tenant: &TenantId, pool: &str) -> u64 {
        self.active
            .iter()
            .filter(|account| account.tenant == *tenant && account.pool.as_deref() == Some(pool))
            .map(|account| u64::from(account.pool_slots.max(1)))
            .sum()
    }

    /// Every bound that blocks the work, in the order of `find_blockers`.
    pub(crate) fn blocked(&self, ready: &Ready) -> Vec<Blocked> {
        let account = &ready.account;
        let mut blocked = Vec::new();
        let queue = Arc::clone(&ready.account.queue);
        let (bounds, offered) = self.queues.get(&queue).copied().unwrap_or_default();
        if bounds.free_slots == 0 && bounds.workers == 0 {
            blocked.push(Blocked::QueueHasNoWorkers { queue });
        } else if ready.memory_bytes > bounds.memory_bytes {
            blocked.push(Blocked::Oversized {
                queue,
                needs: ready.memory_bytes,
                largest: bounds.memory_bytes,
            });
        } else if bounds.free_slots == 0 {
            blocked.push(Blocked::QueueFull {
                queue,
                slots: offered,
            });
        }
        let active = self.active.len() as u64;
        if let Some(limit) = self
            .bounds
            .max_active
            .filter(|limit| active >= u64::from(*limit))
        {
            blocked.push(Blocked::InstallationLimit { limit, active });
        }
        let active = self.count(|other| other.tenant == account.tenant);
        let limit = self
            .tenants
            .get(&account.tenant)
            .and_then(|bounds| bounds.max_active);
        if let Some(limit) = limit.filter(|limit| active >= u64::from(*limit)) {
            blocked.push(Blocked::TenantLimit { limit, active });
        }
        let active = self.count(|other| other.dag == account.dag);
        let limit = self.dags.get(&account.dag).copied().flatten();
        if let Some(limit) = limit.filter(|limit| active >= u64::from(*limit)) {
            blocked.push(Blocked::DagLimit { limit, active });
        }
        if let Some(name) = &account.pool {
            let key = (account.tenant.clone(), Arc::clone(name));
            let slots = self.pools.get(&key).copied().unwrap_or(0);
            let (taken, needs) = (
                self.taken_of(&account.tenant, name),
                account.pool_slots.max(1),
            );
            if taken + u64::from(needs) > u64::from(slots) {
                let name = Arc::clone(name);
                blocked.push(Blocked::Pool {
                    name,
                    slots,
                    taken,
                    needs,
                });
            }
        }
        blocked
    }

    /// All that could be taken now.
    pub(crate) fn takeable(&self) -> Vec<&Ready> {
        self.work
            .values()
            .map(|(ready, _)| ready)
            .filter(|ready| self.blocked(ready).is_empty())
            .collect()
    }

    /// Whether an instance may be taken that a worker ran already: only bounds on active ones count.
    pub(crate) fn may_take_ran(&self, key: Key) -> bool {
        let is_of_queue = |blocked: &Blocked| {
            matches!(
                blocked,
                Blocked::QueueHasNoWorkers { .. }
                    | Blocked::Oversized { .. }
                    | Blocked::QueueFull { .. }
            )
        };
        let ready = self.work.get(&key).map(|(ready, _)| ready);
        ready.is_some_and(|ready| self.blocked(ready).iter().all(is_of_queue))
    }

    /// The first instances of a run among the work that is like an active one, in their order.
    pub(crate) fn like(&self, like: &Ready) -> Vec<Instance> {
        let class = |ready: &Ready| {
            let mut account = Account::clone(&ready.account);
            account.pool_slots = account.pool_slots.max(1);
            (account, ready.memory_bytes)
        };
        let mut work: Vec<_> = self.work.values().collect();
        work.retain(|(ready, _)| class(ready) == class(like));
        work.sort_by_key(|(ready, _)| (std::cmp::Reverse(ready.priority), ready.run, ready.task));
        let of_run = work.iter().take_while(|(ready, _)| ready.run == like.run);
        let instances = of_run.flat_map(|(ready, indexes)| {
            let task = ready.task;
            indexes.iter().map(move |index| Instance {
                task,
                index: *index,
            })
        });
        instances.collect()
    }

    /// Takes an instance, whatever free slots there are.
    pub(crate) fn take_ran(&mut self, taken: &Taken) {
        let index = taken.instance.index;
        self.remove((taken.run, taken.instance.task), &(index..index + 1));
        self.active.push(Account::clone(&taken.account));
    }

    /// Takes the same instance, if it may be taken and no other of its DAG goes first.
    pub(crate) fn take(&mut self, taken: &Taken) -> Result<(), String> {
        let key = (taken.run, taken.instance.task);
        let (ready, indexes) = self.work.get(&key).ok_or("it isn't ready")?;
        if ready.account != taken.account {
            return Err("its account is another".into());
        }
        let blocked = self.blocked(ready);
        if !blocked.is_empty() {
            return Err(format!("it is blocked by {blocked:?}"));
        }
        if indexes.first() != Some(&taken.instance.index) {
            return Err("another index goes first".into());
        }
        let rank = |ready: &Ready| (std::cmp::Reverse(ready.priority), ready.run, ready.task);
        let same = |other: &&Ready| {
            other.account.queue == ready.account.queue
                && other.account.tenant == ready.account.tenant
                && other.account.dag == ready.account.dag
        };
        let first = self
            .takeable()
            .into_iter()
            .filter(same)
            .min_by_key(|other| rank(other));
        if first.map(rank) != Some(rank(ready)) {
            return Err(format!("{first:?} of its DAG goes first"));
        }
        let queue = Arc::clone(&ready.account.queue);
        let index = taken.instance.index;
        self.remove(key, &(index..index + 1));
        self.active.push(Account::clone(&taken.account));
        if let Some((bounds, _)) = self.queues.get_mut(&queue) {
            bounds.free_slots -= 1;
        }
        Ok(())
    }
}
