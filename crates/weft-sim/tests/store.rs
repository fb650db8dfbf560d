//! The simulated database against the real one: the same random transactions
//! on both, and every read of a scheduler answers alike.

use fastrand::Rng;
use std::sync::Arc;
use tempfile::TempDir;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::{DurationMs, Timestamp},
};
use weft_sim::installation::{
    documents::KEYS,
    tables::{Tables, Wanted, Written},
};
use weft_store::{
    AttemptRecord, ClearedTask, CommandDone, CommandId, CommandKind, CommitError, DagKey,
    EventChunk, FileEntry, InstanceRow, InstanceTag, Lost, NewRun, Output, Pool, RunKind,
    RunStore as _, RunUpdate, ShardId, ShardLease, StoredRun, TaskSummary, TimetableUpdate, Turn,
};
use weft_store_sql::{Database, DatabaseLocation, Deploy, DeployDag, Deployed, Trigger};

const SHARD: ShardId = ShardId(0);
const STEPS: u32 = 300;
const DAGS: [&str; 3] = ["a", "b", "c"];
/// Far more than there is of anything.
const ALL: u32 = 1_000;

/// Both databases, and what has to be known to ask them.
struct Pair {
    rng: Rng,
    real: Database,
    simulated: Tables,
    dags: Vec<Deployed>,
    lease: Option<ShardLease>,
    turn: i64,
    /// The numbers that the turns of the last lease begin after.
    real_first: i64,
    simulated_first: i64,
    runs: Vec<RunId>,
    commands: Vec<CommandId>,
    chunks: i64,
    _folder: TempDir,
}

#[tokio::test]
async fn the_simulated_database_answers_like_the_real_one() {
    for seed in 0..weft_sweeps::SIMULATED_STORES.size() {
        let mut pair = Pair::new(seed).await;
        for step in 0..STEPS {
            let done = pair.step().await;
            pair.compare(&format!("seed {seed}, step {step}, {done}"))
                .await;
        }
        assert!(
            pair.runs.len() > 20 && pair.chunks > 20,
            "seed {seed} does something"
        );
    }
}

impl Pair {
    /// What a run counts by, if it has a key.
    fn key(&mut self) -> Option<Arc<str>> {
        let at = self.rng.usize(0..=KEYS.len());
        KEYS.get(at).map(|key| Arc::from(*key))
    }

    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = DatabaseLocation::Sqlite {
            folder: folder.path().to_owned(),
        };
        let real = Database::open(&place).await.expect("it opens");
        real.migrate().await.expect("it migrates");
        let mut simulated = Tables::default();
        simulated.add_shard(SHARD);
        let tenant = TenantId::default();
        simulated.put_tenant(&tenant, SHARD, None, 100);
        // Unowned shards, which are shared out.
        real.grow_shards(3, "test").await.expect("there is room");
        for other in 1..3 {
            simulated.add_shard(ShardId(other));
        }
        let mut dags = Vec::new();
        for name in DAGS {
            let digest = Digest::of(name.as_bytes());
            let document: Arc<str> = format!("{{\"id\":\"{name}\"}}").into();
            let deploy = Deploy {
                tenant: tenant.clone(),
                digest,
                dags: vec![DeployDag {
                    id: name.parse().expect("an id"),
                    document: Arc::clone(&document),
                    files: vec![FileEntry {
                        name: String::new(),
                        digest,
                    }],
                }],
                activate: true,
                paused: false,
                by: "test".into(),
            };
            let deployed = real.deploy(&deploy).await.expect("it deploys").remove(0);
            let id = name.parse().expect("an id");
            let key = simulated.add_dag(&tenant, id, Timestamp(0));
            let version = simulated.deploy(key, document, digest, Timestamp(0));
            assert_eq!((key, version), (deployed.key, deployed.version));
            dags.push(deployed);
        }
        Self {
            rng: Rng::with_seed(seed),
            real,
            simulated,
            dags,
            lease: None,
            turn: 0,
            real_first: 0,
            simulated_first: 0,
            runs: Vec::new(),
            commands: Vec::new(),
            chunks: 0,
            _folder: folder,
        }
    }

    async fn step(&mut self) -> &'static str {
        match self.rng.u32(0..20) {
            0 => self.take_lease().await,
            1..=3 => self.trigger().await,
            4 => self.give_command().await,
            5 => self.pause().await,
            6 => self.change_pool().await,
            _ => self.commit().await,
        }
    }

    async fn take_lease(&mut self) -> &'static str {
        let scheduler = ["s", "t"][self.rng.usize(0..2)];
        if self.rng.u32(0..3) == 0 {
            self.real
                .release_shards(scheduler)
                .await
                .expect("it answers");
            self.simulated.release_shards(scheduler);
        }
        // A lease of no time has run out in both, a long one in neither.
        let lease = DurationMs([0, 3_600_000][self.rng.usize(0..2)]);
        let share = self.real.share_of_shards(scheduler, lease).await;
        let share = share.expect("it answers");
        let now = self.real.now().await.expect("it answers");
        assert_eq!(share, self.simulated.share_of_shards(scheduler, lease, now));
        let at_most = [share, u32::MAX][self.rng.usize(0..2)];
        let real = self.real.lease_shards(scheduler, lease, at_most).await;
        let real = real.expect("it answers");
        let now = self.real.now().await.expect("it answers");
        let simulated = self.simulated.lease_shards(scheduler, lease, now, at_most);
        let seen = |leases: &[ShardLease]| -> Vec<(ShardId, i64)> {
            leases
                .iter()
                .map(|lease| (lease.shard, lease.epoch))
                .collect()
        };
        assert_eq!(seen(&real), seen(&simulated));
        if let Some(last) = real.last().filter(|lease| lease.shard != SHARD)
            && self.rng.bool()
        {
            self.real.release_shard(*last).await.expect("it answers");
            self.simulated.release_shard(*last);
        }
        if let Some(lease) = self.lease.filter(|_| self.rng.u32(0..8) == 0) {
            let epochs = self.rng.u32(0..3);
            let lost = Lost { turns: 1, epochs };
            self.real
                .give_up_shard(lease, lost)
                .await
                .expect("it answers");
            self.simulated.give_up_shard(lease, lost);
        }
        let of_dags = real.iter().find(|lease| lease.shard == SHARD);
        if let Some(new) = of_dags.filter(|_| self.rng.u32(0..6) > 0) {
            if self.lease.is_none_or(|old| old.epoch != new.epoch) {
                self.turn = 0;
                self.real_first = self.real.shard_state(SHARD).await.expect("it answers").turn;
                self.simulated_first = self.simulated.shard_state(SHARD).turn;
            }
            self.lease = Some(*new);
        }
        "lease"
    }

    async fn trigger(&mut self) -> &'static str {
        let dag = self.dags[self.rng.usize(0..DAGS.len())].clone();
        let date = Timestamp(self.rng.i64(0..50));
        let not_before = Timestamp(self.rng.i64(0..100));
        let trigger = Trigger {
            tenant: TenantId::default(),
            dag: dag.id.clone(),
            version: dag.version,
            logical_date: Some(date),
            interval: None,
            params: "{}".into(),
            concurrency_key: self.key(),
            not_before: Some(not_before),
            by: "test".into(),
            trace: None,
            idempotency_key: None,
        };
        let id = self
            .real
            .trigger(&trigger)
            .await
            .expect("it triggers")
            .run();
        let wanted = Wanted {
            id,
            dag: dag.key,
            version: dag.version,
            kind: RunKind::Manual,
            logical_date: date,
            not_before,
            concurrency_key: trigger.concurrency_key,
        };
        assert!(self.simulated.trigger(&wanted, Timestamp(0)));
        self.runs.push(id);
        "trigger"
    }

    async fn give_command(&mut self) -> &'static str {
        let Some(run) = self.rng.choice(&self.runs).copied() else {
            return "nothing";
        };
        let kind = CommandKind::Cancel;
        let tenant = TenantId::default();
        let id = self.real.insert_command(&tenant, run, &kind, "test").await;
        let id = id.expect("it is taken");
        self.simulated.insert_command(id, run, kind, Timestamp(0));
        self.commands.push(id);
        "command"
    }

    async fn pause(&mut self) -> &'static str {
        let dag = self.dags[self.rng.usize(0..DAGS.len())].clone();
        let tenant = TenantId::default();
        let paused = self.rng.bool();
        let changed = if paused {
            self.real.pause_dag(&tenant, &dag.id, "test").await
        } else {
            self.real.unpause_dag(&tenant, &dag.id, "test").await
        };
        changed.expect("it answers");
        self.simulated.set_paused(dag.key, paused, Timestamp(0));
        "pause"
    }

    async fn change_pool(&mut self) -> &'static str {
        let pool = Pool {
            tenant: TenantId::default(),
            name: ["p", "q"][self.rng.usize(0..2)].into(),
            slots: self.rng.u32(0..9),
        };
        assert!(self.real.put_pool(&pool, "test").await.expect("it answers"));
        self.simulated
            .put_pool(&pool.tenant, &pool.name, pool.slots);
        "pool"
    }

    async fn commit(&mut self) -> &'static str {
        let Some(lease) = self.lease else {
            return "nothing";
        };
        // The same number again, an older one, or one behind a gap, now and then.
        let number = match self.rng.u32(0..16) {
            0 => self.turn,
            1 => self.turn - 1,
            2 => self.turn + 2,
            _ => self.turn + 1,
        };
        // Each counts from its own clock on.
        let mut turn = self.random_turn(lease, self.simulated_first + number);
        let simulated = self.simulated.commit(&turn);
        turn.number = self.real_first + number;
        let real = self.real.commit(&turn).await;
        assert_eq!(answer(&real), answer(&simulated), "turn {turn:?}");
        if matches!(simulated, Ok(Written::New)) {
            self.turn = self.turn.max(number);
            self.runs.extend(turn.new_runs.iter().map(|run| run.id));
            self.runs.sort_unstable();
            self.runs.dedup();
        }
        "commit"
    }

    fn random_turn(&mut self, lease: ShardLease, number: i64) -> Turn {
        let mut turn = Turn {
            lease,
            number,
            new_runs: Vec::new(),
            runs: Vec::new(),
            events: Vec::new(),
            cleared: Vec::new(),
            attempts: Vec::new(),
            instances: Vec::new(),
            tasks: Vec::new(),
            commands: Vec::new(),
            approvals: Vec::new(),
            missed: Vec::new(),
            updates: Vec::new(),
            timetables: Vec::new(),
        };
        let dag = self.dags[self.rng.usize(0..DAGS.len())].clone();
        if self.rng.bool() {
            let date = Timestamp(self.rng.i64(0..60));
            turn.new_runs.push(NewRun {
                id: RunId::from_i64(self.rng.i64(1..200)).expect("not negative"),
                tenant: TenantId::default(),
                dag: dag.key,
                version: dag.version,
                kind: RunKind::Scheduled,
                logical_date: date,
                interval: (date, date),
                params: "{}".into(),
                concurrency_key: self.key(),
                not_before: Timestamp(self.rng.i64(0..100)),
                created: Timestamp(0),
                trace: None,
                caller: None,
                taken: Vec::new(),
            });
            turn.timetables.push(TimetableUpdate {
                dag: dag.key,
                last_scheduled: date,
                next: None,
            });
        }
        if let Some(run) = self.rng.choice(&self.runs).copied() {
            self.touch(&mut turn, run);
        }
        if let Some(id) = self.rng.choice(&self.commands).copied() {
            turn.commands.push(CommandDone {
                id,
                // By the command's row, which both have.
                run: RunId::from_i64(1).expect("not negative"),
                refused: None,
            });
        }
        turn
    }

    fn touch(&mut self, turn: &mut Turn, run: RunId) {
        let states = [
            RunState::Running,
            RunState::Running,
            RunState::Success,
            RunState::Pending,
        ];
        turn.runs.push(RunUpdate {
            id: run,
            state: states[self.rng.usize(0..states.len())],
            started: None,
            ended: None,
            counts: Counts::default(),
        });
        if self.rng.bool() {
            // Hardly ever one that is there already.
            self.chunks += i64::from(self.rng.u32(0..10) > 0);
            turn.events.push(EventChunk {
                run,
                seq: self.chunks,
                at: Timestamp(0),
                body: format!("chunk {}", self.chunks),
            });
        }
        let instance = Instance {
            task: TaskIndex(self.rng.u32(0..3)),
            index: self.rng.u32(0..4),
        };
        if self.rng.u32(0..8) == 0 {
            let below = self.rng.bool().then_some(self.rng.u32(0..4));
            turn.cleared.push(ClearedTask {
                run,
                task: instance.task,
                from: 0,
                below,
            });
            return;
        }
        let text = |rng: &mut Rng| -> Option<Arc<str>> {
            rng.bool()
                .then(|| format!("\"{}\"", rng.u32(0..100)).into())
        };
        turn.instances.push(InstanceRow {
            run,
            instance,
            state: InstanceTag::Success,
            cause: "outcome",
            number: 1,
            nonce: self.rng.u64(..),
            queued: None,
            started: None,
            ended: None,
            due: None,
            worker: None,
            output: text(&mut self.rng).map(Output::Inline),
            resume: text(&mut self.rng),
            wait: None,
            woken: None,
            error: None,
            usage: None,
            log: None,
        });
        turn.tasks.push(TaskSummary {
            run,
            task: instance.task,
            instances: 4,
            counts: Counts::default(),
        });
        turn.attempts.push(AttemptRecord {
            run,
            instance,
            number: 1,
            end: "failed",
            queued: None,
            started: None,
            ended: Timestamp(0),
            worker: None,
            error: None,
            usage: None,
            log: None,
        });
    }

    /// Asks both everything that a scheduler asks.
    async fn compare(&mut self, at: &str) {
        let now = Timestamp(self.rng.i64(0..100));
        let limit = [1, 2, ALL][self.rng.usize(0..3)];
        let (real, simulated) = (&self.real, &self.simulated);
        let state = real.shard_state(SHARD).await.expect("it answers");
        assert_eq!(state.epoch, simulated.shard_state(SHARD).epoch, "{at}");
        let settings = real.settings(SHARD).await.expect("it answers");
        let expected = simulated.settings(SHARD);
        assert_eq!(settings.pools, expected.pools, "{at}");
        let mut dags = real
            .dags(SHARD, None, limit)
            .await
            .expect("it answers")
            .readable;
        let mut expected = simulated.dags(SHARD, None, limit);
        for dag in dags.iter_mut().chain(&mut expected) {
            // By each one's own clock.
            dag.scheduled_since = Timestamp(0);
        }
        assert_eq!(dags, expected, "{at}");
        let runs = real.active_runs(SHARD, None, limit).await;
        let expected = simulated.active_runs(SHARD, None, limit);
        same_runs(runs.expect("it answers").readable, expected, at);
        for dag in &self.dags {
            let version = real.version(dag.version).await.expect("it answers");
            assert_eq!(version, simulated.version(dag.version), "{at}");
            let keys = KEYS.map(Arc::from);
            let without = &keys[..self.rng.usize(0..=keys.len())];
            let starts = real.starts_by_key(dag.key, Timestamp(0), ALL).await;
            let mut starts = starts.expect("it answers");
            starts.sort();
            assert_eq!(
                starts,
                simulated.starts_by_key(dag.key, Timestamp(0), ALL),
                "{at}"
            );
            let queued = real.queued_runs(dag.key, now, without, limit).await;
            let expected = simulated.queued_runs(dag.key, now, without, limit);
            same_runs(queued.expect("it answers").readable, expected, at);
        }
        let after = [None, Some(self.dags[0].key)][self.rng.usize(0..2)];
        let waiting = real.dags_with_queued_runs(SHARD, now, after, limit).await;
        let expected: Vec<DagKey> = simulated.dags_with_queued_runs(SHARD, now, after, limit);
        assert_eq!(waiting.expect("it answers"), expected, "{at}");
        let next = real.next_queued(SHARD, now).await.expect("it answers");
        assert_eq!(next, simulated.next_queued(SHARD, now), "{at}");
        let commands = real
            .commands(SHARD, None, limit)
            .await
            .expect("it answers")
            .readable;
        assert_eq!(
            commands,
            simulated.commands(SHARD, None, limit, now),
            "{at}"
        );
        let Some(run) = self.rng.choice(&self.runs).copied() else {
            return;
        };
        let one = real.run(run).await.expect("it answers");
        same_runs(
            one.into_iter()
                .map(|run| run.expect("it can be read"))
                .collect(),
            simulated.run(run).into_iter().collect(),
            at,
        );
        let task = TaskIndex(1);
        let outputs = real.outputs_of_task(run, task, 1, limit).await;
        let expected = simulated.outputs_of_task(run, task, 1, limit);
        assert_eq!(outputs.expect("it answers"), expected, "{at}");
        let asked: Vec<Instance> = (0..4).map(|index| Instance { task, index }).collect();
        let mut outputs = real.outputs(run, &asked).await.expect("it answers");
        outputs.sort_by_key(|(instance, _)| *instance);
        assert_eq!(outputs, simulated.outputs(run, &asked), "{at}");
        let asked: Vec<_> = asked.into_iter().map(|one| (run, one)).collect();
        let mut states = real.resume_states(&asked).await.expect("it answers");
        states.sort_by_key(|left| left.instance);
        assert_eq!(states, simulated.resume_states(&asked), "{at}");
        let dags = real.dags_of_runs(&[run]).await.expect("it answers");
        assert_eq!(dags, simulated.dags_of_runs(&[run]), "{at}");
    }
}

/// An answer without the database's own words.
fn answer<T>(result: &Result<T, CommitError>) -> String {
    match result {
        Ok(_) => "committed".into(),
        Err(CommitError::Store(_)) => "defect".into(),
        Err(CommitError::TurnsLost(_)) => "turns lost".into(),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn same_runs(mut real: Vec<StoredRun>, mut simulated: Vec<StoredRun>, at: &str) {
    for run in real.iter_mut().chain(&mut simulated) {
        // By each one's own clock.
        run.created = Timestamp(0);
    }
    assert_eq!(real, simulated, "{at}");
}
