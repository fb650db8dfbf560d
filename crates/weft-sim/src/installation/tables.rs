//! The simulated database's rows, and what a scheduler reads of them.
//!
//! What always holds: as `weft_store::RunStore` promises, with rows in maps
//! instead of tables. `tests/store.rs` holds it to the real database. Nothing
//! here fails or takes time: that is the [`store`](super::store)'s part.

mod approvals;
mod assets;
mod before;
mod committing;
mod crashing;
mod named_events;
mod operating;
mod run_waits;

pub use committing::Written;
pub use named_events::SentEvent;
pub use operating::Wanted;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Instance, RunState},
    run_id::RunId,
    suspicion::{Blamed, Crash},
    time::{DurationMs, Timestamp},
};
use weft_store::{
    AttemptRecord, Command, CommandId, CommandKind, DagKey, DagState, InstanceRow, Lost, Output,
    Pool, ResumeState, RunKind, RunUpdate, ShardId, ShardLease, ShardSettings, ShardState,
    StoredRun, StoredVersion, TaskSummary, TenantSettings, TurnId, VersionId, share_of,
};

/// The policy of every tenant.
const POLICY: &str = "[queues]\nallow = [\"side\"]\n";
/// Every table that a scheduler reads or writes.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    shards: BTreeMap<ShardId, ShardRow>,
    /// Those that are there, and until when.
    schedulers: BTreeMap<String, Timestamp>,
    tenants: BTreeMap<TenantId, TenantRow>,
    pools: BTreeMap<(TenantId, String), u32>,
    dags: BTreeMap<DagKey, DagRow>,
    versions: BTreeMap<VersionId, StoredVersion>,
    last_version: i64,
    runs: BTreeMap<RunId, RunRow>,
    /// Runs that ended before the world began: the oldest. No operator changes them, and no task waits for them.
    pub(crate) remembered: usize,
    events: BTreeMap<RunId, BTreeMap<i64, String>>,
    pub(crate) instances: BTreeMap<(RunId, Instance), InstanceRow>,
    attempts: BTreeMap<(RunId, Instance, u32), AttemptRecord>,
    summaries: BTreeMap<(RunId, TaskIndex), TaskSummary>,
    commands: BTreeMap<CommandId, CommandRow>,
    queued: BTreeMap<DagKey, BTreeSet<(Timestamp, RunId)>>,
    /// Of scheduled and backfilled runs.
    dates: BTreeSet<(DagKey, Timestamp)>,
    active: BTreeMap<ShardId, BTreeSet<RunId>>,
    waiting: BTreeMap<ShardId, BTreeSet<CommandId>>,
    /// By number.
    named_events: BTreeMap<i64, SentEvent>,
    /// Whether it was answered, of each attempt that asked.
    approvals: BTreeMap<(RunId, Instance, u32), bool>,
    assets: assets::AssetTables,
    /// The last id of a command that was written for an event or an answer.
    last_own_command: i64,
    /// By run, instance and number of the attempt.
    crashes: BTreeMap<(RunId, Instance, u32), (Blamed, Crash)>,
    /// What the blob store has.
    pub(crate) blobs: BTreeMap<Digest, Arc<str>>,
    /// Runs whose events the database refuses, whatever they are.
    pub(crate) unwritable: BTreeSet<RunId>,
    /// A planted bug: the fence accepts turns behind a gap.
    pub(crate) has_inexact_fence: bool,
}

#[derive(Debug, Clone, Default)]
struct ShardRow {
    epoch: i64,
    turn: i64,
    owner: Option<String>,
    until: Timestamp,
    version: i64,
    max_active_tasks: Option<u32>,
    lost_turns: u64,
    committed: TurnId,
}

impl ShardRow {
    fn state(&self) -> ShardState {
        ShardState {
            settings: self.version,
            epoch: self.epoch,
            turn: self.turn,
            committed: self.committed,
        }
    }
}

#[derive(Debug, Clone)]
struct TenantRow {
    shard: ShardId,
    max_active_tasks: Option<u32>,
    weight: u32,
}

#[derive(Debug, Clone)]
struct DagRow {
    shard: ShardId,
    state: DagState,
}

/// A run as stored in the database.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// As it was created; its events are in a table of their own.
    pub stored: StoredRun,
    /// Who schedules it.
    pub shard: ShardId,
    /// What was committed last; none before it started.
    pub update: Option<RunUpdate>,
}

#[derive(Debug, Clone)]
struct CommandRow {
    run: RunId,
    kind: CommandKind,
    shard: ShardId,
    /// Not seen before: transactions become visible in another order than ids are drawn.
    visible: Timestamp,
}

impl RunRow {
    /// Its state by its row.
    pub fn state(&self) -> RunState {
        self.update
            .as_ref()
            .map_or(RunState::Pending, |update| update.state)
    }
}

/// What a scheduler reads. Names and contracts are `RunStore`'s.
impl Tables {
    /// See `RunStore::share_of_shards`.
    pub fn share_of_shards(&mut self, scheduler: &str, lease: DurationMs, now: Timestamp) -> u32 {
        self.schedulers
            .insert(scheduler.to_owned(), now.plus(lease));
        self.schedulers
            .retain(|id, until| id == scheduler || *until > now);
        let held = |id: &str| {
            let own = self.shards.values().filter(|row| {
                row.owner.as_deref() == Some(id) && (row.until > now || id == scheduler)
            });
            u32::try_from(own.count()).unwrap_or(u32::MAX)
        };
        let schedulers = self.schedulers.keys().map(|id| (id.clone(), held(id)));
        let shards = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
        share_of(scheduler, schedulers.collect(), shards)
    }

    /// Whether a scheduler owns a shard whose lease has expired.
    pub fn has_expired_lease(&self, scheduler: &str, now: Timestamp) -> bool {
        let mut shards = self.shards.values();
        shards.any(|row| row.owner.as_deref() == Some(scheduler) && row.until <= now)
    }

    /// See `RunStore::lease_shards`.
    pub fn lease_shards(
        &mut self,
        scheduler: &str,
        lease: DurationMs,
        now: Timestamp,
        at_most: u32,
    ) -> Vec<ShardLease> {
        let own = |row: &ShardRow| row.owner.as_deref() == Some(scheduler);
        let owned = self.shards.values().filter(|row| own(row)).count();
        let mut room = (at_most as usize).saturating_sub(owned);
        let mut leases = Vec::new();
        for (shard, row) in &mut self.shards {
            let own = own(row);
            if !own && row.owner.is_some() && row.until > now {
                continue;
            }
            if !own {
                if room == 0 {
                    continue;
                }
                room -= 1;
                row.epoch += 1;
                row.turn = now.0;
                row.owner = Some(scheduler.to_owned());
            }
            row.until = now.plus(lease);
            leases.push(ShardLease {
                shard: *shard,
                epoch: row.epoch,
                until: row.until,
                turn: row.turn,
            });
        }
        leases
    }

    /// See `RunStore::release_shard`.
    pub fn release_shard(&mut self, lease: ShardLease) {
        if let Some(row) = self.shards.get_mut(&lease.shard)
            && row.epoch == lease.epoch
        {
            row.owner = None;
            row.until = Timestamp(0);
        }
    }

    /// See `RunStore::give_up_shard`.
    pub fn give_up_shard(&mut self, lease: ShardLease, lost: Lost) {
        if let Some(row) = self.shards.get_mut(&lease.shard) {
            row.lost_turns += lost.turns;
            if row.epoch <= lease.epoch {
                row.committed = TurnId {
                    epoch: lease.epoch,
                    turn: i64::MAX,
                };
                row.epoch = lease.epoch + i64::from(lost.epochs);
                row.owner = None;
                row.until = Timestamp(0);
            }
        }
    }

    /// Records lost turns that a takeover noticed.
    pub fn record_lost_turns(&mut self, lease: ShardLease, turns: u64) {
        if let Some(row) = self.shards.get_mut(&lease.shard)
            && row.epoch == lease.epoch
        {
            row.lost_turns += turns;
            row.committed = TurnId {
                epoch: row.epoch,
                turn: row.turn,
            };
        }
    }

    /// Goes back to what was there earlier; whether turns are lost by that. No id of a version is
    /// given out again, since Postgres logs its sequences ahead. The versions of settings go on:
    /// in a sweep's time people do not change as much as was lost.
    pub fn go_back(&mut self, past: Self) -> bool {
        let unwritable = std::mem::take(&mut self.unwritable);
        // The blob store is no part of the database.
        let blobs = std::mem::take(&mut self.blobs);
        let later = std::mem::replace(self, past);
        self.unwritable = unwritable;
        self.blobs = blobs;
        self.last_version = later.last_version;
        self.last_own_command = later.last_own_command;
        let mut is_lost = false;
        for (shard, row) in &mut self.shards {
            if let Some(later) = later.shards.get(shard) {
                is_lost |= (row.epoch, row.turn) != (later.epoch, later.turn);
                row.version = row.version.max(later.version) + 1;
            }
        }
        is_lost
    }

    /// See `RunStore::release_shards`.
    pub fn release_shards(&mut self, scheduler: &str) {
        self.schedulers.remove(scheduler);
        for row in self.shards.values_mut() {
            if row.owner.as_deref() == Some(scheduler) {
                row.owner = None;
                row.until = Timestamp(0);
            }
        }
    }

    /// A shard that a scheduler owns.
    pub fn owned_shard(&self) -> Option<ShardId> {
        let mut shards = self.shards.iter();
        shards.find_map(|(id, row)| row.owner.is_some().then_some(*id))
    }

    /// See `RunStore::settings`.
    pub fn settings(&self, shard: ShardId) -> ShardSettings {
        let Some(row) = self.shards.get(&shard) else {
            return ShardSettings::default();
        };
        let in_shard = |tenant: &TenantId| self.tenants[tenant].shard == shard;
        ShardSettings {
            version: row.version,
            max_active_tasks: row.max_active_tasks,
            tenants: self
                .tenants
                .iter()
                .filter(|(_, row)| row.shard == shard)
                .map(|(tenant, row)| TenantSettings {
                    tenant: tenant.clone(),
                    policy: Some(POLICY.into()),
                    max_active_tasks: row.max_active_tasks,
                    weight: row.weight,
                })
                .collect(),
            pools: self
                .pools
                .iter()
                .filter(|((tenant, _), _)| in_shard(tenant))
                .map(|((tenant, name), slots)| Pool {
                    tenant: tenant.clone(),
                    name: name.clone(),
                    slots: *slots,
                })
                .collect(),
            unreadable: Vec::new(),
        }
    }

    /// See `RunStore::dags`.
    pub fn dags(&self, shard: ShardId, after: Option<DagKey>, limit: u32) -> Vec<DagState> {
        self.dags
            .range(after.map_or(DagKey(0), |key| DagKey(key.0 + 1))..)
            .filter(|(_, row)| row.shard == shard)
            .take(limit as usize)
            .map(|(_, row)| row.state.clone())
            .collect()
    }

    /// See `RunStore::version`.
    pub fn version(&self, version: VersionId) -> Option<StoredVersion> {
        self.versions.get(&version).cloned()
    }

    /// See `RunStore::versions`.
    pub fn versions(&self, versions: &[VersionId]) -> Vec<StoredVersion> {
        versions.iter().filter_map(|id| self.version(*id)).collect()
    }

    /// See `RunStore::dags_of_runs`.
    pub fn dags_of_runs(&self, runs: &[RunId]) -> Vec<(RunId, DagKey)> {
        let rows = runs.iter().filter_map(|id| Some((*id, self.runs.get(id)?)));
        rows.map(|(id, row)| (id, row.stored.dag)).collect()
    }

    /// See `RunStore::active_runs`.
    pub fn active_runs(&self, shard: ShardId, after: Option<RunId>, limit: u32) -> Vec<StoredRun> {
        let after = after.map_or(-1, RunId::as_i64);
        let active = self.active.get(&shard).into_iter().flatten();
        active
            .filter(|id| id.as_i64() > after)
            .take(limit as usize)
            .filter_map(|id| self.run(*id))
            .collect()
    }

    /// See `RunStore::run`.
    pub fn run(&self, id: RunId) -> Option<StoredRun> {
        let mut run = self.runs.get(&id)?.stored.clone();
        if let Some(chunks) = self.events.get(&id) {
            run.next_seq = chunks.last_key_value().map_or(0, |(seq, _)| seq + 1);
            run.events = chunks.values().cloned().collect();
        }
        Some(run)
    }

    /// See `RunStore::queued_runs`.
    pub fn queued_runs(
        &self,
        dag: DagKey,
        now: Timestamp,
        without: &[Arc<str>],
        limit: u32,
    ) -> Vec<StoredRun> {
        let is_wanted = |id: &RunId| {
            let key = &self.runs[id].stored.concurrency_key;
            key.as_ref().is_none_or(|key| !without.contains(key))
        };
        self.due(dag, now)
            .filter(is_wanted)
            .take(limit as usize)
            .filter_map(|id| self.run(id))
            .collect()
    }

    /// See `RunStore::starts_by_key`.
    pub fn starts_by_key(
        &self,
        dag: DagKey,
        after: Timestamp,
        limit: u32,
    ) -> Vec<(Timestamp, Arc<str>)> {
        let runs = self.runs.values().filter(|row| row.stored.dag == dag);
        let starts = runs.filter_map(|row| {
            let started = row.update.as_ref()?.started?;
            Some((started, row.stored.concurrency_key.clone()?))
        });
        let mut starts: Vec<_> = starts.filter(|(at, _key)| *at > after).collect();
        starts.sort();
        let beyond = starts.len().saturating_sub(limit as usize);
        starts.split_off(beyond)
    }

    /// See `RunStore::count_queued_scheduled`.
    pub fn count_queued_scheduled(&self, dag: DagKey, limit: u32) -> u32 {
        let queued = self.queued.get(&dag).into_iter().flatten();
        let scheduled = queued.filter(|(_, id)| {
            matches!(
                self.runs[id].stored.kind,
                RunKind::Scheduled | RunKind::Assets
            )
        });
        u32::try_from(scheduled.count()).unwrap_or(limit).min(limit)
    }

    /// See `RunStore::dags_with_queued_runs`.
    pub fn dags_with_queued_runs(
        &self,
        shard: ShardId,
        now: Timestamp,
        after: Option<DagKey>,
        limit: u32,
    ) -> Vec<DagKey> {
        self.queued
            .keys()
            .filter(|dag| after.is_none_or(|after| **dag > after))
            .filter(|dag| {
                let row = &self.dags[*dag];
                row.shard == shard && !row.state.paused && self.due(**dag, now).next().is_some()
            })
            .take(limit as usize)
            .copied()
            .collect()
    }

    /// See `RunStore::next_queued`.
    pub fn next_queued(&self, shard: ShardId, now: Timestamp) -> Option<Timestamp> {
        self.queued
            .iter()
            .filter(|(dag, _)| self.dags[*dag].shard == shard)
            .flat_map(|(_, runs)| runs)
            .map(|(_, id)| self.runs[id].stored.not_before)
            .filter(|at| *at > now)
            .min()
    }

    /// Whether a command of a run was not carried out.
    pub fn has_waiting_command(&self, run: RunId) -> bool {
        let mut waiting = self.waiting.values().flatten();
        waiting.any(|id| self.commands[id].run == run)
    }

    /// See `RunStore::commands`.
    pub fn commands(
        &self,
        shard: ShardId,
        after: Option<CommandId>,
        limit: u32,
        now: Timestamp,
    ) -> Vec<Command> {
        let waiting = self.waiting.get(&shard).into_iter().flatten();
        waiting
            .filter(|id| after.is_none_or(|after| **id > after))
            .map(|id| (*id, &self.commands[id]))
            .filter(|(_, row)| row.visible <= now)
            .take(limit as usize)
            .map(|(id, row)| Command {
                id,
                run: row.run,
                kind: row.kind.clone(),
            })
            .collect()
    }

    /// The text of an output, wherever it is.
    pub fn text_of(&self, output: &Output) -> Option<Arc<str>> {
        match output {
            Output::Inline(text) => Some(Arc::clone(text)),
            Output::Blob { digest, bytes: _ } => self.blobs.get(digest).cloned(),
        }
    }

    /// See `RunStore::outputs`.
    pub fn outputs(&self, run: RunId, instances: &[Instance]) -> Vec<(Instance, Output)> {
        instances
            .iter()
            .filter_map(|instance| {
                let output = self.instances.get(&(run, *instance))?.output.clone()?;
                Some((*instance, output))
            })
            .collect()
    }

    /// See `RunStore::outputs_of_task`.
    pub fn outputs_of_task(
        &self,
        run: RunId,
        task: TaskIndex,
        from: u32,
        limit: u32,
    ) -> Vec<(Instance, Output)> {
        let first = Instance { task, index: from };
        self.instances
            .range((run, first)..)
            .take_while(|((of, instance), _)| *of == run && instance.task == task)
            .filter_map(|((_, instance), row)| Some((*instance, row.output.clone()?)))
            .take(limit as usize)
            .collect()
    }

    /// See `RunStore::resume_states`.
    pub fn resume_states(&self, instances: &[(RunId, Instance)]) -> Vec<ResumeState> {
        instances
            .iter()
            .filter_map(|key| {
                let row = self.instances.get(key)?;
                Some(ResumeState {
                    run: key.0,
                    instance: key.1,
                    state: row.resume.clone()?,
                    wait: row.wait.clone(),
                    woken: row.woken.clone(),
                })
            })
            .collect()
    }

    /// Queued runs whose time has come.
    fn due(&self, dag: DagKey, now: Timestamp) -> impl Iterator<Item = RunId> + '_ {
        let runs = self.queued.get(&dag).into_iter().flatten();
        runs.map(|(_, id)| *id)
            .filter(move |id| self.runs[id].stored.not_before <= now)
    }
}

/// What an auditor looks at.
impl Tables {
    /// A run's row.
    pub fn run_row(&self, id: RunId) -> Option<&RunRow> {
        self.runs.get(&id)
    }

    /// Every run's row.
    pub fn run_rows(&self) -> impl Iterator<Item = (RunId, &RunRow)> {
        self.runs.iter().map(|(id, row)| (*id, row))
    }

    /// Commands that no scheduler has applied or refused.
    pub fn unanswered_commands(&self) -> impl Iterator<Item = CommandId> + '_ {
        self.waiting.values().flatten().copied()
    }

    /// A version's document, if it exists.
    pub fn version_row(&self, id: VersionId) -> Option<&StoredVersion> {
        self.versions.get(&id)
    }

    /// A DAG as stored.
    pub fn dag(&self, key: DagKey) -> Option<&DagState> {
        self.dags.get(&key).map(|row| &row.state)
    }

    /// See `RunStore::shard_state`.
    pub fn shard_state(&self, shard: ShardId) -> ShardState {
        let row = self.shards.get(&shard);
        row.map_or_else(ShardState::default, ShardRow::state)
    }

    /// Who owns a shard, and its epoch.
    pub fn owner(&self, shard: ShardId) -> Option<(&str, i64)> {
        let row = self.shards.get(&shard)?;
        Some((row.owner.as_deref()?, row.epoch))
    }
}
