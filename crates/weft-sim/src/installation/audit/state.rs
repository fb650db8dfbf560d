//! The auditor's records of runs, active work and fairness.

use super::{super::documents::Parsed, ahead::Counted};
use crate::reference::Model;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};
use tokio::time::Instant;
use weft_core::{
    document::{Task, TaskIndex},
    id::TenantId,
    policy::DEFAULT_QUEUE,
    run::{Attempt, Instance, Run},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, Output, ShardId, VersionId};

/// A run, rebuilt from its committed events.
#[expect(
    clippy::struct_excessive_bools,
    reason = "any of these facts about a run may hold beside any other"
)]
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) tenant: TenantId,
    pub(super) dag: DagKey,
    pub(super) version: VersionId,
    pub(super) shard: ShardId,
    pub(super) parsed: Arc<Parsed>,
    pub(super) machine: Run,
    pub(super) model: Model,
    /// Whether events of it were committed.
    pub(super) has_begun: bool,
    pub(super) dispatched: HashSet<Attempt>,
    /// Of attempts that began before all upstreams had ended: how many instances of each
    /// task that their inputs come from had succeeded by then.
    pub(super) had: HashMap<Attempt, BTreeMap<TaskIndex, u64>>,
    /// By task: what its instances take up, and how many of them do.
    pub(super) accounts: Vec<Account>,
    /// Every output that was ever committed.
    pub(super) outputs: HashMap<Instance, Vec<Arc<str>>>,
    /// The output that counted, by instance and number.
    pub(super) counted: HashMap<(Instance, u32), Output>,
    /// What deferrals left.
    pub(super) resume: HashMap<Instance, Vec<Arc<str>>>,
    /// The last deferral, and whether those that were reported of it wait for an event.
    pub(super) deferred: HashMap<Instance, (Attempt, BTreeSet<bool>)>,
    /// Deferrals that called a run.
    pub(super) calls: HashMap<Instance, usize>,
    /// It was cleared or marked: what was committed may have changed since.
    pub(super) was_operated: bool,
    /// Rows of its end were written whose events come with a later turn.
    pub(super) is_written_in_portions: bool,
    /// Its rows can't be written, and it was failed for that.
    pub(super) broken: bool,
}

/// The effects of one turn.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) events: u64,
    pub(super) actions: u64,
    pub(super) started: BTreeSet<(DagKey, RunId)>,
    pub(super) dispatched: Vec<(RunId, Instance)>,
    /// Attempts that ran ahead.
    pub(super) ahead: Vec<Counted>,
    /// Tasks that may run as far as other runs go.
    pub(super) allowed: Vec<(RunId, TaskIndex)>,
    /// The time of its latest event.
    pub(super) latest: Option<Timestamp>,
}

/// What an instance of a task occupies, and how many instances do.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) queue: Arc<str>,
    pub(super) pool: Option<String>,
    pub(super) slots: u64,
    pub(super) active: u64,
    pub(super) ready: u64,
}

impl Account {
    pub(super) fn of(task: &Task) -> Self {
        Self {
            queue: task.queue.as_deref().unwrap_or(DEFAULT_QUEUE).into(),
            pool: task.pool.as_deref().map(ToOwned::to_owned),
            slots: u64::from(task.pool_slots.unwrap_or(1).max(1)),
            active: 0,
            ready: 0,
        }
    }
}

/// How much is queued or running, by everything that bounds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Active {
    pub(super) shards: BTreeMap<ShardId, u64>,
    pub(super) tenants: BTreeMap<TenantId, u64>,
    pub(super) dags: BTreeMap<DagKey, u64>,
    pub(super) pools: BTreeMap<(TenantId, String), u64>,
    pub(super) queues: BTreeMap<(ShardId, Arc<str>, TenantId), u64>,
}

/// What each tenant occupied of each queue.
#[derive(Debug, Default)]
pub(super) struct Fairness {
    pub(super) occupied: BTreeMap<(ShardId, Arc<str>, TenantId), Occupied>,
}

/// What a tenant occupied of a queue until some time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occupied {
    /// The slots since then.
    pub(super) active: u64,
    /// The mean of its slots before, where what is longer ago counts less.
    pub(super) lately: f64,
    pub(super) until: Instant,
}

impl Occupied {
    /// Nothing before `now`.
    pub(super) const fn since(now: Instant) -> Self {
        Self {
            active: 0,
            lately: 0.0,
            until: now,
        }
    }
}
