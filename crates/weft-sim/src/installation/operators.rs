//! People at work: they deploy, trigger, cancel, clear, mark, wake, pause and
//! change limits. What the database took is acknowledged, and has to come about.

use super::{
    documents::{KEYS, POOLS, Parsed, Shape},
    fates::event_name,
    tables::Wanted,
    truth::Truth,
};
use fastrand::Rng;
use std::collections::BTreeMap;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::{TaskId, TenantId},
    run::{Indexes, Marked, RunState, Selection},
    run_id::RunId,
    time::{DurationMs, Timestamp},
};
use weft_scheduler::Wake;
use weft_store::{CommandId, CommandKind, DagKey, RunKind, RunUpdate, ShardId, VersionId};

/// Runs that have not ended, at most: people wait for some before they want more.
const MAX_OPEN_RUNS: usize = 24;

/// The people of one world.
#[derive(Debug, Clone)]
pub struct Operators {
    tenants: Vec<TenantId>,
    shards: Vec<ShardId>,
    dags: BTreeMap<DagKey, Owned>,
    last_command: i64,
    last_event: i64,
    deployed: u32,
}

#[derive(Debug, Clone)]
struct Owned {
    shape: Shape,
    versions: Vec<VersionId>,
}

impl Operators {
    /// Sets an installation up: shards, tenants, pools, DAGs; and `history`
    /// runs that have ended long ago.
    pub fn settle(truth: &mut Truth, history: u64) -> Self {
        let now = truth.clock.now();
        let shards: Vec<ShardId> = (0..truth.random.rng.i32(1..3)).map(ShardId).collect();
        for shard in &shards {
            truth.tables.add_shard(*shard);
        }
        let mut people = Self {
            tenants: Vec::new(),
            shards,
            dags: BTreeMap::new(),
            last_command: 0,
            last_event: 0,
            deployed: 0,
        };
        for number in 0..truth.random.rng.usize(1..4) {
            let tenant: TenantId = format!("tenant-{number}").parse().expect("it is legal");
            let shard = people.shards[number % people.shards.len()];
            let weight = [50, 100, 100, 300][truth.random.rng.usize(0..4)];
            truth.tables.put_tenant(&tenant, shard, None, weight);
            for pool in POOLS {
                let slots = truth.random.rng.u32(1..5);
                truth.tables.put_pool(&tenant, pool, slots);
            }
            for dag in 0..truth.random.rng.usize(1..4) {
                let id = format!("dag-{number}-{dag}");
                let has_conditions = truth.random.has_conditions;
                let shape = Shape::random(&mut truth.random.rng, id.clone(), has_conditions);
                let id = id.parse().expect("it is legal");
                let key = truth.tables.add_dag(&tenant, id, now);
                truth
                    .auditor
                    .max_active_runs
                    .insert(key, shape.max_active_runs());
                truth
                    .auditor
                    .concurrency
                    .insert(key, shape.concurrency().clone());
                let owned = Owned {
                    shape,
                    versions: Vec::new(),
                };
                people.dags.insert(key, owned);
                people.deploy(truth, key);
            }
            people.tenants.push(tenant);
        }
        people.remember(truth, history);
        people
    }

    /// Runs that ended before the world began.
    fn remember(&self, truth: &mut Truth, history: u64) {
        let dags: Vec<DagKey> = self.dags.keys().copied().collect();
        let mut rng = Rng::with_seed(history);
        for number in 0..history {
            let dag = dags[rng.usize(0..dags.len())];
            let made = Timestamp(1_600_000_000_000 + i64::try_from(number).unwrap_or(0));
            let wanted = Wanted {
                id: RunId::new(made, rng.u64(..)),
                dag,
                version: self.dags[&dag].versions[0],
                kind: RunKind::Manual,
                logical_date: made,
                not_before: made,
                concurrency_key: None,
            };
            if truth.tables.trigger(&wanted, made) {
                truth.tables.remembered += 1;
                truth.tables.end_by_hand(RunUpdate {
                    id: wanted.id,
                    state: RunState::Success,
                    started: Some(made),
                    ended: Some(made),
                    counts: weft_core::run::Counts::default(),
                });
            }
        }
    }

    /// Performs one operator action; returns the wake-up for the schedulers.
    pub fn act(&mut self, truth: &mut Truth) -> Option<Wake> {
        match truth.random.rng.u32(0..100) {
            0..62 => self.trigger(truth),
            62..84 => self.command(truth),
            84..89 => {
                let key = self.any_dag(truth);
                self.deploy(truth, key);
                truth.coverage.add("operator: deploys");
                Some(Wake::Settings)
            }
            89..92 => {
                let key = self.any_dag(truth);
                let versions = &self.dags[&key].versions;
                let version = versions[truth.random.rng.usize(0..versions.len())];
                let now = truth.clock.now();
                truth.tables.activate(key, version, now);
                truth.coverage.add("operator: activates an earlier version");
                Some(Wake::Settings)
            }
            92..95 => {
                let key = self.any_dag(truth);
                let paused = truth.random.rng.bool();
                let now = truth.clock.now();
                truth.tables.set_paused(key, paused, now);
                truth.coverage.add("operator: pauses or unpauses");
                Some(Wake::Settings)
            }
            _ => {
                self.change_limit(truth);
                truth.coverage.add("operator: changes a limit");
                Some(Wake::Settings)
            }
        }
    }

    /// The database lost what they did since: they see what it has, and use no id again.
    pub fn go_back(&mut self, past: Self) {
        let (last_command, deployed) = (self.last_command, self.deployed);
        let last_event = self.last_event;
        *self = Self {
            last_command,
            last_event,
            deployed,
            ..past
        };
    }

    /// Removes everything that blocks any run, and nothing
    /// is scheduled any more.
    pub fn remove_obstacles(&mut self, truth: &mut Truth) {
        let now = truth.clock.now();
        let keys: Vec<DagKey> = self.dags.keys().copied().collect();
        for key in keys {
            truth.tables.set_paused(key, false, now);
            let owned = self.dags.get_mut(&key).expect("it is one of them");
            owned.shape.schedule_nothing();
            self.deploy(truth, key);
        }
        for tenant in &self.tenants {
            truth.tables.put_tenant(tenant, ShardId(0), None, 100);
            for pool in POOLS {
                truth.tables.put_pool(tenant, pool, 2);
            }
        }
        for shard in &self.shards {
            truth.tables.put_shard_limit(*shard, None);
        }
    }

    /// One more run of each DAG.
    pub fn trigger_all(&self, truth: &mut Truth) {
        let now = truth.clock.now();
        for key in self.dags.keys() {
            let wanted = Self::wanted(truth, *key, now);
            truth.tables.trigger(&wanted, now);
        }
    }

    /// DAGs whose timetable leaves no date out, with the span between dates in milliseconds.
    pub fn dated(&self) -> impl Iterator<Item = (DagKey, i64)> + '_ {
        let dated = |owned: &Owned| owned.shape.every_date_ms();
        self.dags
            .iter()
            .filter_map(move |(key, owned)| Some((*key, dated(owned)?)))
    }

    fn any_dag(&self, truth: &mut Truth) -> DagKey {
        let at = truth.random.rng.usize(0..self.dags.len());
        *self.dags.keys().nth(at).expect("within the length")
    }

    fn deploy(&mut self, truth: &mut Truth, key: DagKey) {
        self.deployed += 1;
        let now = truth.clock.now();
        let owned = self.dags.get_mut(&key).expect("it is one of them");
        let document = owned.shape.document(&mut truth.random.rng, self.deployed);
        let digest = Digest::of(format!("{key:?} {} {document}", self.deployed).as_bytes());
        truth.note(|| format!("deploys {key:?}: {document}"));
        let version = truth.tables.deploy(key, document, digest, now);
        owned.versions.push(version);
    }

    fn wanted(truth: &mut Truth, dag: DagKey, now: Timestamp) -> Wanted {
        let active = truth.tables.dag(dag).and_then(|dag| dag.active);
        Wanted {
            id: RunId::new(now, truth.random.rng.u64(..)),
            dag,
            version: active.expect("each has an active version"),
            kind: RunKind::Manual,
            logical_date: now,
            not_before: now,
            concurrency_key: None,
        }
    }

    fn trigger(&self, truth: &mut Truth) -> Option<Wake> {
        let runs = truth.tables.run_rows();
        if runs.filter(|(_, row)| !row.state().is_ended()).count() >= MAX_OPEN_RUNS {
            return None;
        }
        let key = self.any_dag(truth);
        let now = truth.clock.now();
        let mut wanted = Self::wanted(truth, key, now);
        if self.dags[&key].shape.concurrency().key.is_some() {
            truth.coverage.add("operator: triggers by key");
            wanted.concurrency_key = Some(KEYS[truth.random.rng.usize(0..KEYS.len())].into());
        }
        match truth.random.rng.u32(0..10) {
            0 => {
                truth.coverage.add("operator: wants a run for later");
                wanted.not_before = now.plus(DurationMs(truth.random.rng.u64(100..5_000)));
            }
            1 => {
                truth.coverage.add("operator: backfills");
                wanted.kind = RunKind::Backfill;
                // Dates of the timetable's own, so that both may want the same.
                let ahead = truth.random.rng.i64(-20..4) * 1_000;
                wanted.logical_date = Timestamp((now.0 + ahead) / 1_000 * 1_000);
                if self.dags[&key].shape.every_date_ms().is_some() {
                    // Those are counted, and must be the timetable's.
                    wanted.kind = RunKind::Manual;
                }
            }
            _ => truth.coverage.add("operator: triggers"),
        }
        if truth.tables.trigger(&wanted, now) {
            truth.note(|| format!("triggers {} of {key:?}", wanted.id));
        }
        Some(Wake::Queued(key))
    }

    fn command(&mut self, truth: &mut Truth) -> Option<Wake> {
        let recent: Vec<(RunId, VersionId)> = truth
            .tables
            .run_rows()
            .skip(truth.tables.remembered)
            .filter(|(_, row)| row.update.is_some() || !row.state().is_ended())
            .map(|(id, row)| (id, row.stored.version))
            .collect();
        let from = recent.len().saturating_sub(30);
        if recent.is_empty() {
            return None;
        }
        let (run, version) = recent[truth.random.rng.usize(from..recent.len())];
        if let Some((name, is_waited_for)) = truth.random.sends_event() {
            self.send_event(truth, run, name, is_waited_for);
        }
        let row = truth.tables.version_row(version)?;
        let parsed = Parsed::read(&row.document);
        let rng = &mut truth.random.rng;
        let task = TaskIndex(rng.u32(0..parsed.plan.task_count()));
        let task = parsed.dag.tasks[task.as_usize()].id.clone();
        let index = if rng.u32(0..3) == 0 { rng.u32(0..4) } else { 0 };
        let kind = match rng.u32(0..10) {
            0 => CommandKind::Cancel,
            1..=3 => CommandKind::Clear(Self::selection(rng, task)),
            4..=7 => CommandKind::Mark {
                task,
                index,
                as_state: [Marked::Success, Marked::Failed, Marked::Skipped][rng.usize(0..3)],
            },
            _ => CommandKind::Wake { task, index },
        };
        truth.coverage.add("operator: commands");
        // Ids are drawn before transactions end, so a later one may be seen earlier.
        self.last_command += 1;
        let late = truth.random.rng.u32(0..8) == 0;
        let now = truth.clock.now();
        let visible = if late {
            truth.fault("fault: command visible after a later one");
            now.plus(DurationMs(truth.random.rng.u64(1..1_500)))
        } else {
            now
        };
        self.insert_command(truth, run, kind, visible);
        Some(Wake::Command)
    }

    fn insert_command(&self, truth: &mut Truth, run: RunId, kind: CommandKind, visible: Timestamp) {
        truth.note(|| format!("command {} to {run}: {kind:?}", self.last_command));
        let id = CommandId(self.last_command);
        truth.tables.insert_command(id, run, kind, visible);
    }

    /// Sends a command to a run; the next sweep finds it.
    pub fn send_command(&mut self, truth: &mut Truth, run: RunId, kind: CommandKind) {
        self.last_command += 1;
        let now = truth.clock.now();
        self.insert_command(truth, run, kind, now);
    }

    fn selection(rng: &mut Rng, task: TaskId) -> Selection<TaskId> {
        let plain = Selection::of(vec![task], rng.bool());
        match rng.u32(0..4) {
            0 => Selection::failed(),
            1 => Selection {
                indexes: Indexes::of(std::iter::once(0..rng.u32(1..3))).ok(),
                only_failed: rng.bool(),
                ..plain
            },
            2 => Selection {
                upstream: true,
                ..plain
            },
            _ => plain,
        }
    }

    /// Sends an event to a run, or to one that waits for an event.
    fn send_event(&mut self, truth: &mut Truth, run: RunId, name: u32, is_waited_for: bool) {
        if is_waited_for && truth.tables.answer_one() {
            truth.note(|| "answers what a task asks".to_owned());
            truth.coverage.add("operator: answers");
            return;
        }
        let waiting = is_waited_for.then(|| truth.tables.waiting_instance());
        let (run, name) = waiting.flatten().unwrap_or((run, event_name(name)));
        // Numbers are not used again, also where the database loses the event.
        self.last_event += 1;
        let number = self.last_event;
        truth.note(|| format!("sends the event {number} called {name} to {run}"));
        if truth.tables.send_event(number, run, name) {
            truth.coverage.add("operator: sends an event");
        }
    }

    fn change_limit(&self, truth: &mut Truth) {
        let tenant = self.tenants[truth.random.rng.usize(0..self.tenants.len())].clone();
        let rng = &mut truth.random.rng;
        match rng.u32(0..4) {
            0 => {
                let shard = self.shards[rng.usize(0..self.shards.len())];
                let most = rng.bool().then(|| rng.u32(1..8));
                truth.tables.put_shard_limit(shard, most);
                truth.note(|| format!("{shard:?} has {most:?} active tasks at the most"));
            }
            1 => {
                let most = rng.bool().then(|| rng.u32(1..5));
                let weight = [50, 100, 300][rng.usize(0..3)];
                truth.tables.put_tenant(&tenant, ShardId(0), most, weight);
                truth.note(|| {
                    format!("{tenant} has the weight {weight}, {most:?} active tasks at the most")
                });
            }
            _ => {
                let pool = POOLS[rng.usize(0..POOLS.len())];
                let slots = rng.u32(0..5);
                truth.tables.put_pool(&tenant, pool, slots);
                truth.note(|| format!("the pool {pool} of {tenant} has {slots} slots"));
            }
        }
    }
}
