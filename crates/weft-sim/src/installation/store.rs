//! One scheduler's connection to the simulated database: its calls take time, fail,
//! and lose their answers.

use super::{
    audit::Seen,
    call::{Call, Stage},
    random::CommitFate,
    tables::{Tables, Wanted, Written},
    truth::Shared,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use weft_core::{
    asset::AssetName,
    document::TaskIndex,
    id::TenantId,
    run::Instance,
    run_id::RunId,
    suspicion::{Blamed, Crash},
    time::{DurationMs, Timestamp},
    wait::{TaskEnd, Wait},
};
use weft_store::{
    Awaited, Command, CommandId, CommitError, CrashUpdate, DagKey, DagState, HeldRun, Lost, Output,
    ResumeState, Rows, RunBefore, RunKind, RunStore, ShardId, ShardLease, ShardSettings,
    ShardState, StoreError, StoredRun, StoredUpdate, StoredVersion, Taken, Turn, Unreadable,
    VersionId, WaitingDag,
};

/// The database, as one start of a scheduler sees it.
#[derive(Debug)]
pub struct SimStore {
    /// The world that the store belongs to.
    pub(crate) world: Shared,
    /// Which scheduler asks.
    pub(crate) who: usize,
    /// Under which name.
    pub(crate) id: String,
    /// Which start of it, over all schedulers.
    pub(crate) start: u64,
}

fn away() -> StoreError {
    StoreError::Unavailable("as the random fell".into())
}

impl SimStore {
    /// Reads something; `rows` counts the rows read.
    async fn read<T>(
        &self,
        call: Call,
        read: impl FnOnce(&mut Tables, Timestamp) -> T + Send,
        rows: impl Fn(&T) -> usize + Send,
    ) -> Result<T, StoreError>
    where
        T: Send,
    {
        self.world.pause(self.who, call, Stage::Before).await;
        let answer = {
            let mut truth = self.world.lock();
            if call == Call::Lease {
                truth.check_takeovers(self.who);
            }
            if !truth.store_answers() || truth.random.read_fails() {
                truth.fault("fault: read of the database failed");
                if call.is_of_renewals() {
                    truth.hinder_renewals(self.who, Duration::ZERO);
                }
                return Err(away());
            }
            let now = truth.clock.now();
            let answer = read(&mut truth.tables, now);
            truth.auditor.work.read(call, rows(&answer));
            answer
        };
        self.world.pause(self.who, call, Stage::After).await;
        Ok(answer)
    }
}

#[async_trait]
impl RunStore for SimStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.read(Call::Now, |_, now| now, |_| 1).await
    }

    async fn share_of_shards(&self, scheduler: &str, lease: DurationMs) -> Result<u32, StoreError> {
        let share = |tables: &mut Tables, now| tables.share_of_shards(scheduler, lease, now);
        self.read(Call::Share, share, |_share| 1).await
    }

    async fn lease_shards(
        &self,
        scheduler: &str,
        lease: DurationMs,
        at_most: u32,
    ) -> Result<Vec<ShardLease>, StoreError> {
        let take = |tables: &mut Tables, now| tables.lease_shards(scheduler, lease, now, at_most);
        self.read(Call::Lease, take, Vec::len).await
    }

    async fn release_shard(&self, lease: ShardLease) -> Result<(), StoreError> {
        let release = |tables: &mut Tables, _| tables.release_shard(lease);
        self.read(Call::ReleaseOne, release, |()| 1).await
    }

    async fn release_shards(&self, scheduler: &str) -> Result<(), StoreError> {
        let release = |tables: &mut Tables, _| tables.release_shards(scheduler);
        self.read(Call::Release, release, |()| 1).await
    }

    async fn settings(&self, shard: ShardId) -> Result<ShardSettings, StoreError> {
        let read = |tables: &mut Tables, _| tables.settings(shard);
        let rows = |settings: &ShardSettings| settings.tenants.len() + settings.pools.len();
        let settings = self.read(Call::Settings, read, rows).await?;
        let mut truth = self.world.lock();
        truth
            .auditor
            .settings_read(self.start, shard, settings.clone());
        Ok(settings)
    }

    async fn shard_state(&self, shard: ShardId) -> Result<ShardState, StoreError> {
        let read = |tables: &mut Tables, _| tables.shard_state(shard);
        self.read(Call::ShardState, read, |_| 1).await
    }

    async fn give_up_shard(&self, lease: ShardLease, lost: Lost) -> Result<(), StoreError> {
        let give_up = |tables: &mut Tables, _| tables.give_up_shard(lease, lost);
        self.read(Call::GiveUp, give_up, |()| 1).await
    }

    async fn record_lost_turns(&self, lease: ShardLease, turns: u64) -> Result<(), StoreError> {
        let record = |tables: &mut Tables, _| tables.record_lost_turns(lease, turns);
        self.read(Call::RecordLost, record, |()| 1).await
    }

    async fn dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Rows<DagState, DagKey>, StoreError> {
        let read = |tables: &mut Tables, _| tables.dags(shard, after, limit);
        let dags = self.read(Call::Dags, read, Vec::len).await?;
        self.world.lock().auditor.dags_read(self.start, &dags);
        Ok(dags.into())
    }

    async fn versions(
        &self,
        versions: &[VersionId],
    ) -> Result<Rows<StoredVersion, VersionId>, StoreError> {
        let read = |tables: &mut Tables, _| tables.versions(versions);
        Ok(self.read(Call::Versions, read, Vec::len).await?.into())
    }

    async fn version(&self, version: VersionId) -> Result<Option<StoredVersion>, StoreError> {
        let read = |tables: &mut Tables, _| tables.version(version);
        self.read(Call::Version, read, |_| 1).await
    }

    async fn active_runs(
        &self,
        shard: ShardId,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        let read = |tables: &mut Tables, _| tables.active_runs(shard, after, limit);
        if after.is_none() {
            let mut truth = self.world.lock();
            let owner = truth
                .tables
                .owner(shard)
                .map(|(name, epoch)| (name == self.id, epoch));
            if let Some((true, epoch)) = owner {
                let verdict = truth.auditor.recovers(shard, epoch);
                truth.judge(verdict);
            }
        }
        let rows =
            |runs: &Vec<StoredRun>| runs.iter().map(|run| 1 + run.events.len()).sum::<usize>();
        Ok(self.read(Call::ActiveRuns, read, rows).await?.into())
    }

    async fn run(
        &self,
        run: RunId,
    ) -> Result<Option<Result<StoredRun, Unreadable<RunId>>>, StoreError> {
        let read = |tables: &mut Tables, _| tables.run(run);
        let rows = |run: &Option<StoredRun>| {
            run.as_ref()
                .map_or(1, |run: &StoredRun| 1 + run.events.len())
        };
        Ok(self.read(Call::Run, read, rows).await?.map(Ok))
    }

    async fn dags_of_runs(&self, runs: &[RunId]) -> Result<Vec<(RunId, DagKey)>, StoreError> {
        let read = |tables: &mut Tables, _| tables.dags_of_runs(runs);
        self.read(Call::DagsOfRuns, read, Vec::len).await
    }

    async fn queued_runs(
        &self,
        dag: DagKey,
        now: Timestamp,
        without: &[Arc<str>],
        limit: u32,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        let read = |tables: &mut Tables, _| tables.queued_runs(dag, now, without, limit);
        Ok(self.read(Call::QueuedRuns, read, Vec::len).await?.into())
    }

    async fn starts_by_key(
        &self,
        dag: DagKey,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Timestamp, Arc<str>)>, StoreError> {
        let read = |tables: &mut Tables, _| tables.starts_by_key(dag, after, limit);
        self.read(Call::StartsByKey, read, Vec::len).await
    }

    async fn count_queued_scheduled(&self, dag: DagKey, limit: u32) -> Result<u32, StoreError> {
        let read = |tables: &mut Tables, _| tables.count_queued_scheduled(dag, limit);
        self.read(Call::CountQueuedScheduled, read, |_| 1).await
    }

    async fn dags_with_queued_runs(
        &self,
        shard: ShardId,
        now: Timestamp,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<DagKey>, StoreError> {
        let read = |tables: &mut Tables, _| tables.dags_with_queued_runs(shard, now, after, limit);
        self.read(Call::DagsWithQueuedRuns, read, Vec::len).await
    }

    async fn waiting_dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<WaitingDag>, StoreError> {
        let read = |tables: &mut Tables, _| tables.waiting_dags(shard, after, limit);
        self.read(Call::WaitingDags, read, Vec::len).await
    }

    async fn waiting_updates(
        &self,
        dag: DagKey,
        taken: &[Taken],
        limit: u32,
    ) -> Result<Vec<StoredUpdate>, StoreError> {
        let read = |tables: &mut Tables, _| tables.waiting_updates(dag, taken, limit);
        self.read(Call::WaitingUpdates, read, Vec::len).await
    }

    async fn next_queued(
        &self,
        shard: ShardId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let read = |tables: &mut Tables, _| tables.next_queued(shard, now);
        self.read(Call::NextQueued, read, |_| 1).await
    }

    async fn commands(
        &self,
        shard: ShardId,
        after: Option<CommandId>,
        limit: u32,
    ) -> Result<Rows<Command, (CommandId, RunId)>, StoreError> {
        let read = |tables: &mut Tables, now| tables.commands(shard, after, limit, now);
        Ok(self.read(Call::Commands, read, Vec::len).await?.into())
    }

    async fn outputs(
        &self,
        run: RunId,
        instances: &[Instance],
    ) -> Result<Vec<(Instance, Output)>, StoreError> {
        let read = |tables: &mut Tables, _| tables.outputs(run, instances);
        self.read(Call::OutputsOfTask, read, Vec::len).await
    }

    async fn outputs_of_task(
        &self,
        run: RunId,
        task: TaskIndex,
        from: u32,
        limit: u32,
    ) -> Result<Vec<(Instance, Output)>, StoreError> {
        let read = |tables: &mut Tables, _| tables.outputs_of_task(run, task, from, limit);
        self.read(Call::OutputsOfTask, read, Vec::len).await
    }

    async fn resume_states(
        &self,
        instances: &[(RunId, Instance)],
    ) -> Result<Vec<ResumeState>, StoreError> {
        let read = |tables: &mut Tables, _| tables.resume_states(instances);
        self.read(Call::ResumeStates, read, Vec::len).await
    }

    async fn awaited(&self, waits: &[(TenantId, Wait)]) -> Result<Vec<Awaited>, StoreError> {
        let read = |tables: &mut Tables, _| tables.awaited(waits);
        self.read(Call::Awaited, read, Vec::len).await
    }

    async fn runs_before(
        &self,
        dates: &[(DagKey, Timestamp)],
    ) -> Result<Vec<Option<RunBefore>>, StoreError> {
        let read = |tables: &mut Tables, _| tables.runs_before(dates);
        self.read(Call::RunsBefore, read, Vec::len).await
    }

    async fn task_ends(
        &self,
        tasks: &[(RunId, TaskIndex)],
    ) -> Result<Vec<(RunId, TaskIndex, TaskEnd)>, StoreError> {
        let read = |tables: &mut Tables, _| tables.task_ends(tasks);
        self.read(Call::TaskEnds, read, Vec::len).await
    }

    async fn asset_changes(
        &self,
        assets: &[(TenantId, AssetName)],
    ) -> Result<Vec<i64>, StoreError> {
        let read = |tables: &mut Tables, _| tables.asset_changes(assets);
        self.read(Call::AssetChanges, read, Vec::len).await
    }

    async fn crashes(&self, shard: ShardId) -> Result<Rows<(Blamed, Crash), RunId>, StoreError> {
        // Always read together with the settings, whose await covers both.
        Ok(self.world.lock().tables.crashes(shard).into())
    }

    async fn record_crashes(&self, news: &[CrashUpdate]) -> Result<(), StoreError> {
        let mut truth = self.world.lock();
        if !truth.store_answers() || truth.random.read_fails() {
            truth.fault("fault: news of crashes not written");
            return Err(away());
        }
        truth.tables.record_crashes(news);
        Ok(())
    }

    async fn replace_held_runs(
        &self,
        _lease: ShardLease,
        held: &[HeldRun],
    ) -> Result<(), StoreError> {
        if let Some(held) = held.first() {
            let verdict = Err(format!("{} is held, and every row can be read", held.run));
            self.world.lock().judge(verdict);
        }
        Ok(())
    }

    async fn commit(&self, turn: &Turn) -> Result<(), CommitError> {
        self.world
            .pause(self.who, Call::Commit, Stage::Before)
            .await;
        let answered = self.world.lock().commit(self.who, self.start, turn)?;
        self.world.pause(self.who, Call::Commit, Stage::After).await;
        if answered { Ok(()) } else { Err(away().into()) }
    }
}

impl super::truth::Truth {
    /// Writes a turn unless a fault prevents it; whether the answer reaches the scheduler.
    fn commit(&mut self, who: usize, start: u64, turn: &Turn) -> Result<bool, CommitError> {
        let fate = if self.store_answers() {
            self.random.commit()
        } else {
            CommitFate::NotWritten
        };
        match fate {
            CommitFate::NotWritten => {
                self.fault("fault: commit not written");
                return Err(away().into());
            }
            CommitFate::Full => {
                self.fault("fault: commit not written for want of space");
                return Err(StoreError::Full("as the random fell".into()).into());
            }
            CommitFate::Written | CommitFate::AnswerLost => {}
        }
        self.take_run_id(turn);
        let written = match self.tables.commit(turn) {
            Ok(written) => written,
            Err(error) => {
                self.note_refusal(who, turn, &error);
                return Err(error);
            }
        };
        match written {
            Written::Before => self.coverage.add("answer: turn written before"),
            Written::New => {
                self.note(|| describe(who, turn));
                let mut seen = Seen {
                    tables: &self.tables,
                    workers: &self.workers,
                    broker_state: &self.broker_state,
                    coverage: &mut self.coverage,
                };
                let verdict = self.auditor.committed(start, turn, &mut seen);
                self.judge(verdict);
            }
        }
        if fate == CommitFate::AnswerLost {
            self.fault("fault: commit written and its answer lost");
        }
        Ok(fate == CommitFate::Written)
    }

    /// By chance, somebody else's run has drawn the id of the turn's first new run.
    fn take_run_id(&mut self, turn: &Turn) {
        let Some(new) = turn.new_runs.first() else {
            return;
        };
        if !self.random.id_taken() {
            return;
        }
        let now = self.clock.now();
        let wanted = Wanted {
            id: new.id,
            dag: new.dag,
            version: new.version,
            kind: RunKind::Manual,
            logical_date: now,
            not_before: now,
            concurrency_key: None,
        };
        // Not where the turn is written already.
        if self.tables.trigger(&wanted, now) {
            self.fault("fault: another run drew the same id");
            self.note(|| format!("triggers {} of {:?}, by chance", new.id, new.dag));
        }
    }

    /// A refusal that no fault explains is a bug of the scheduler.
    fn note_refusal(&mut self, who: usize, turn: &Turn, error: &CommitError) {
        match error {
            CommitError::Fenced(_) => self.fault("fault: deposed scheduler writes"),
            CommitError::TurnsLost(_) => self.coverage.add("answer: turns lost"),
            CommitError::RunExists(_) => self.coverage.add("answer: run exists already"),
            CommitError::IdTaken(_) => self.coverage.add("answer: run's id is taken"),
            CommitError::Store(_) if self.tables.unwritable.is_empty() => {
                self.judge(Err(format!(
                    "scheduler {who} writes what can't be: {error}"
                )));
            }
            CommitError::Store(_) => self.fault("fault: run can't be written"),
        }
        self.note(|| format!("scheduler {who}: turn {} refused: {error}", turn.number));
    }
}

fn describe(who: usize, turn: &Turn) -> String {
    let events: Vec<String> = turn
        .events
        .iter()
        .map(|chunk| format!("{} {}: {}", chunk.run, chunk.seq, chunk.body))
        .collect();
    let made: Vec<String> = turn.new_runs.iter().map(|new| new.id.to_string()).collect();
    let runs: Vec<String> = turn
        .runs
        .iter()
        .map(|run| format!("{} {:?}", run.id, run.state))
        .collect();
    format!(
        "scheduler {who}: shard {} epoch {} turn {}: made [{}], now [{}], {} rows; {}",
        turn.lease.shard.0,
        turn.lease.epoch,
        turn.number,
        made.join(", "),
        runs.join(", "),
        turn.instances.len(),
        events.join("; ")
    )
}
