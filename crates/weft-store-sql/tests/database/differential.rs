//! The same random operations on SQLite and on Postgres: every answer is the same.
//!
//! What a database draws itself (keys of rows, ids of triggered runs, times) is
//! left out of the answers, everything else is compared as text.

mod rows;

use self::rows::{attempt, instance, instance_row, new_run};
use crate::setup::{self, at, dag_id, file};
use fastrand::Rng;
use std::{collections::BTreeMap, fmt::Write as _};
use weft_core::{
    document::TaskIndex,
    id::{DagId, TaskId, TenantId},
    run::{Counts, Instance, Marked, RunState, Selection},
    run_id::RunId,
    time::DurationMs,
};
use weft_store::{
    ClearedTask, CommandDone, CommandId, CommandKind, EventChunk, InstanceRow, InstanceTag, Pool,
    RunKind, RunStore as _, RunUpdate, ShardId, ShardLease, TaskSummary, TimetableUpdate, Turn,
};
use weft_store_sql::{
    Backfill, BackfillDate, BackfillLimit, DagFilter, Database, Deployed, InstanceFilter,
    RunCursor, RunFilter, TenantLimits,
};

const OPERATIONS: usize = 400;
const SHARD: ShardId = ShardId(0);
const DAGS: [&str; 3] = ["a", "b", "c"];
/// Runs whose ids the test chooses, so that they are in the same order in both.
const RUNS: i64 = 12;

#[tokio::test]
async fn both_databases_give_the_same_answers() {
    for seed in 1..=weft_sweeps::STORE_OPERATIONS.size() {
        let (sqlite, postgres) = (setup::sqlite().await, setup::postgres().await);
        let mut one = World::new(&sqlite.database);
        let mut other = World::new(&postgres.database);
        for step in 0..OPERATIONS {
            let at = seed * 1_000_000 + step as u64;
            // Each world draws the same operation from its own generator.
            let left = one.step(&mut Rng::with_seed(at)).await;
            let right = other.step(&mut Rng::with_seed(at)).await;
            assert_eq!(left, right, "seed {seed}, step {step}");
        }
    }
}

/// One database, and what has to be known to ask it.
struct World<'a> {
    database: &'a Database,
    dags: BTreeMap<&'static str, Deployed>,
    lease: Option<ShardLease>,
    /// Of the lease that turns are numbered in, and the number that they begin after.
    epoch: i64,
    first_turn: i64,
    turns: i64,
    chunks: BTreeMap<i64, i64>,
}

impl<'a> World<'a> {
    fn new(database: &'a Database) -> Self {
        Self {
            database,
            dags: BTreeMap::new(),
            lease: None,
            epoch: 0,
            first_turn: 0,
            turns: 0,
            chunks: BTreeMap::new(),
        }
    }

    /// One operation and its answer.
    async fn step(&mut self, random: &mut Rng) -> String {
        let tenant = TenantId::default();
        let dag = *random.choice(DAGS.iter()).unwrap();
        let id: DagId = dag_id(dag);
        match random.u32(0..20) {
            0 => self.deploy(random, dag).await,
            1 => format!("{:?}", self.database.pause_dag(&tenant, &id, "x").await),
            2 => format!("{:?}", self.database.unpause_dag(&tenant, &id, "x").await),
            3 => {
                let gone = self.database.delete_dag(&tenant, &id, "x").await;
                if format!("{gone:?}").contains("Done") {
                    self.dags.remove(dag);
                }
                format!("delete {gone:?}")
            }
            4 => {
                let number = random.u32(1..5);
                match self
                    .database
                    .activate_version(&tenant, &id, number, "x")
                    .await
                {
                    Ok(before) => format!("activated {:?}", before.map(|version| version.number)),
                    Err(error) => format!("activate {error}"),
                }
            }
            5 => self.lease(random).await,
            6..=11 => self.turn(random, dag).await,
            12 => self.backfill(random, dag).await,
            13 => self.command(random).await,
            14 => self.operators(random).await,
            15 => self.show_dags().await,
            16 | 17 => self.show_runs(random, dag).await,
            _ => self.show_instances(random).await,
        }
    }

    async fn deploy(&mut self, random: &mut Rng, dag: &'static str) -> String {
        let mut deploy = file(random.choice(["u", "v", "w"]).unwrap(), &[dag]);
        deploy.activate = random.u32(0..4) > 0;
        deploy.paused = random.bool();
        let deployed = self.database.deploy(&deploy).await.unwrap().remove(0);
        let answer = format!(
            "{:?} {} {:?}",
            deployed.change,
            deployed.number,
            deployed
                .previous
                .as_ref()
                .map(|previous| (previous.number, &previous.document))
        );
        self.dags.insert(dag, deployed);
        answer
    }

    async fn lease(&mut self, random: &mut Rng) -> String {
        let scheduler = random.choice(["s", "t"]).unwrap();
        let lease = DurationMs(if random.bool() { 0 } else { 3_600_000 });
        if random.u32(0..3) == 0 {
            self.database.release_shards(scheduler).await.unwrap();
        }
        // Leases of no time have run out in both; long ones in neither.
        let leases = self
            .database
            .lease_shards(scheduler, lease, u32::MAX)
            .await
            .unwrap();
        // Sometimes the old one is kept, which is then refused.
        if let Some(new) = leases.first().filter(|_lease| random.u32(0..5) > 0) {
            self.lease = Some(*new);
            let state = self.database.shard_state(new.shard).await.unwrap();
            if state.epoch != self.epoch {
                // Each database numbers turns from its own clock on.
                (self.epoch, self.first_turn, self.turns) = (state.epoch, state.turn, 0);
            }
        }
        format!(
            "{:?}",
            leases.iter().map(|lease| lease.epoch).collect::<Vec<_>>()
        )
    }

    async fn turn(&mut self, random: &mut Rng, dag: &'static str) -> String {
        let Some(lease) = self.lease else {
            return "no lease".into();
        };
        let number = self.turns
            + match random.u32(0..16) {
                0 => 0,
                1 => 2,
                _ => 1,
            };
        let mut turn = setup::turn(self.database, lease).await;
        turn.number = self.first_turn + number;
        if let Some(dag) = self.dags.get(dag) {
            for _run in 0..random.u32(0..3) {
                turn.new_runs.push(new_run(random, dag));
            }
            turn.new_runs.sort_by_key(|run| run.id);
            turn.timetables
                .extend(random.bool().then(|| TimetableUpdate {
                    dag: dag.key,
                    last_scheduled: at(random.i64(0..50)),
                    next: random.bool().then(|| at(random.i64(0..50))),
                }));
        }
        self.fill(random, &mut turn).await;
        match self.database.commit(&turn).await {
            Ok(()) => {
                self.turns = number;
                for chunk in &turn.events {
                    self.chunks.insert(chunk.run.as_i64(), chunk.seq);
                }
                "committed".into()
            }
            // Texts of defects are the databases' own.
            Err(weft_store::CommitError::Store(_)) => "defect".into(),
            Err(weft_store::CommitError::TurnsLost(_)) => "turns lost".into(),
            Err(error) => format!("{error}"),
        }
    }

    async fn fill(&self, random: &mut Rng, turn: &mut Turn) {
        let number = random.i64(1..=RUNS);
        let run = RunId::from_i64(number).unwrap();
        if self.database.run(run).await.unwrap().is_none() {
            return;
        }
        let states = [
            RunState::Pending,
            RunState::Running,
            RunState::Success,
            RunState::Failed,
        ];
        turn.runs.push(RunUpdate {
            id: run,
            state: *random.choice(states.iter()).unwrap(),
            started: random.bool().then(|| at(random.i64(0..99))),
            ended: random.bool().then(|| at(random.i64(0..99))),
            counts: Counts {
                success: random.u64(0..9),
                ..Counts::default()
            },
        });
        turn.events.push(EventChunk {
            run,
            seq: self.chunks.get(&number).map_or(0, |last| last + 1),
            at: at(1),
            body: format!("{}", random.u32(..)),
        });
        turn.cleared
            .extend((random.u32(0..4) == 0).then(|| ClearedTask {
                run,
                task: TaskIndex(random.u32(0..3)),
                from: random.u32(0..3),
                below: random.bool().then(|| random.u32(0..9)),
            }));
        let mut instances: BTreeMap<Instance, InstanceRow> = BTreeMap::new();
        for _row in 0..random.u32(0..40) {
            let row = instance_row(random, run);
            instances.insert(row.instance, row);
        }
        turn.instances.extend(instances.into_values());
        turn.attempts
            .extend(random.bool().then(|| attempt(random, run)));
        turn.tasks.extend(random.bool().then(|| TaskSummary {
            run,
            task: TaskIndex(random.u32(0..3)),
            instances: random.u32(0..9),
            counts: Counts {
                failed: random.u64(0..9),
                ..Counts::default()
            },
        }));
        for command in self
            .database
            .commands(SHARD, None, 2)
            .await
            .unwrap()
            .readable
        {
            turn.commands.push(CommandDone {
                id: command.id,
                run: command.run,
                refused: random.bool().then(|| "no".into()),
            });
        }
    }

    async fn backfill(&self, random: &mut Rng, dag: &'static str) -> String {
        let Some(deployed) = self.dags.get(dag) else {
            return "not deployed".into();
        };
        let dates = (0..random.u32(0..5)).map(|_date| {
            let date = at(random.i64(0..30));
            BackfillDate {
                logical_date: date,
                interval: (date, date),
            }
        });
        let backfill = Backfill {
            tenant: TenantId::default(),
            dag: deployed.id.clone(),
            version: deployed.version,
            range: (at(0), at(30)),
            dates: dates.collect(),
            params: "{}".into(),
            concurrency_key: None,
            limit: random.bool().then(|| BackfillLimit {
                runs: random.usize(1..4),
                newest_first: random.bool(),
            }),
            by: "x".into(),
        };
        match self.database.backfill(&backfill).await {
            Ok(done) => format!(
                "{:?} {:?}",
                done.made
                    .iter()
                    .map(|(_id, date)| *date)
                    .collect::<Vec<_>>(),
                done.existing
            ),
            Err(error) => format!("{error}"),
        }
    }

    async fn command(&self, random: &mut Rng) -> String {
        let run = RunId::from_i64(random.i64(1..=RUNS)).unwrap();
        let task: TaskId = "t".parse().unwrap();
        let kind = match random.u32(0..3) {
            0 => CommandKind::Cancel,
            1 => CommandKind::Clear(Selection {
                upstream: random.bool(),
                ..Selection::of(vec![task], random.bool())
            }),
            _ => CommandKind::Mark {
                task,
                index: random.u32(..),
                as_state: Marked::Failed,
            },
        };
        let made = self
            .database
            .insert_command(&TenantId::default(), run, &kind, "x")
            .await;
        let waiting = self
            .database
            .commands(SHARD, None, 9)
            .await
            .unwrap()
            .readable;
        let waiting: Vec<_> = waiting
            .into_iter()
            .map(|command| (command.run, command.kind))
            .collect();
        format!(
            "{:?} {waiting:?}",
            made.map(|_id: CommandId| ())
                .map_err(|error| error.to_string())
        )
    }

    async fn operators(&self, random: &mut Rng) -> String {
        let tenant: TenantId = random.choice(["default", "acme"]).unwrap().parse().unwrap();
        let pool = Pool {
            tenant: tenant.clone(),
            name: random.choice(["p", "q", "\u{e9}", "Z"]).unwrap().into(),
            slots: random.u32(0..9),
        };
        let done = match random.u32(0..4) {
            0 => {
                let limits = TenantLimits {
                    weight: random.u32(1..9),
                    max_active_tasks: None,
                };
                let done = self.database.put_tenant(&tenant, limits, "x").await;
                format!("{done:?}")
            }
            1 => format!("{:?}", self.database.put_pool(&pool, "x").await),
            2 => {
                let gone = self.database.delete_pool(&tenant, &pool.name, "x").await;
                format!("{gone:?}")
            }
            _ => {
                let text = random.bool().then_some("policy");
                let done = self.database.put_policy(&tenant, text, "x").await;
                format!("{done:?}")
            }
        };
        let settings = self.database.settings(SHARD).await.unwrap();
        format!("{done} {settings:?}")
    }

    async fn show_dags(&self) -> String {
        let mut shown = String::new();
        for dag in self
            .database
            .list_dags(&DagFilter::default(), 9)
            .await
            .unwrap()
        {
            writeln!(
                shown,
                "{} {} {:?} {:?} {:?}",
                dag.id,
                dag.paused,
                dag.active.map(|active| (active.number, active.digest)),
                dag.last_scheduled,
                dag.next_run
            )
            .unwrap();
            let versions = self
                .database
                .list_versions(&dag.tenant, &dag.id, None, 9)
                .await
                .unwrap();
            for version in versions {
                writeln!(
                    shown,
                    "  {} {} {}",
                    version.number, version.digest, version.active
                )
                .unwrap();
            }
        }
        let queue = self
            .database
            .dags_with_queued_runs(SHARD, at(25), None, 9)
            .await
            .unwrap();
        let next = self.database.next_queued(SHARD, at(10)).await.unwrap();
        // Backfilled runs are due at times of the databases' own clocks.
        writeln!(
            shown,
            "{} {:?}",
            queue.len(),
            next.filter(|next| next.0 < 1_000)
        )
        .unwrap();
        shown
    }

    async fn show_runs(&self, random: &mut Rng, dag: &'static str) -> String {
        let states = [RunState::Pending, RunState::Running, RunState::Success];
        let kinds = [RunKind::Manual, RunKind::Scheduled, RunKind::Backfill];
        let cursor = RunId::from_i64(random.i64(1..=RUNS)).unwrap();
        let filter = RunFilter {
            tenant: TenantId::default(),
            dag: random.bool().then(|| dag_id(dag)),
            state: random
                .bool()
                .then(|| *random.choice(states.iter()).unwrap()),
            kind: random.bool().then(|| *random.choice(kinds.iter()).unwrap()),
            created_from: random.bool().then(|| at(random.i64(0..2))),
            created_before: None,
            from: match random.u32(0..2) {
                0 => RunCursor::Before(cursor),
                _ => RunCursor::After(cursor),
            },
        };
        let mut shown = String::new();
        for run in self.database.list_runs(&filter, 5).await.unwrap() {
            let run = run.unwrap();
            if run.id.as_i64() > RUNS {
                continue;
            }
            let stored = self.database.run(run.id).await.unwrap().unwrap().unwrap();
            writeln!(
                shown,
                "{} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                run.id,
                run.dag_id,
                run.version_number,
                run.kind,
                run.state,
                run.logical_date,
                run.interval,
                run.started,
                run.ended,
                run.counts,
                (stored.events, stored.next_seq),
            )
            .unwrap();
        }
        let counts = self
            .database
            .count_active_runs(&filter.tenant)
            .await
            .unwrap();
        write!(shown, "{counts:?}").unwrap();
        shown
    }

    async fn show_instances(&self, random: &mut Rng) -> String {
        let run = RunId::from_i64(random.i64(1..=RUNS)).unwrap();
        let tags = [
            InstanceTag::Success,
            InstanceTag::Failed,
            InstanceTag::Deferred,
        ];
        let filter = InstanceFilter {
            tenant: TenantId::default(),
            run,
            task: random.bool().then(|| TaskIndex(random.u32(0..3))),
            state: random.bool().then(|| *random.choice(tags.iter()).unwrap()),
            after: random.bool().then(|| instance(random)),
        };
        let rows = self.database.list_instances(&filter, 7).await.unwrap();
        let one = instance(random);
        let shown = self
            .database
            .show_instance(&filter.tenant, run, one, 5)
            .await
            .unwrap();
        let mut outputs = self
            .database
            .outputs(run, &[one, instance(random)])
            .await
            .unwrap();
        outputs.sort_by_key(|(instance, _output)| *instance);
        outputs.dedup();
        let tail = self
            .database
            .outputs_of_task(run, one.task, one.index, 4)
            .await
            .unwrap();
        let resume = self.database.resume_states(&[(run, one)]).await.unwrap();
        let tasks = self
            .database
            .list_task_summaries(&filter.tenant, run)
            .await
            .unwrap();
        format!("{rows:?} {shown:?} {outputs:?} {tail:?} {resume:?} {tasks:?}")
    }
}
