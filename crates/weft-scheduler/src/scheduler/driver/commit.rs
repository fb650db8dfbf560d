//! The commit of a turn, and then the outbox. A turn that can't be committed is retried unchanged
//! until it is committed or another scheduler owns the shard; a run that breaks it fails alone.
//! Nothing is committed while the lease has expired by this machine's clock; whether another
//! scheduler owns the shard is decided by the fence in the database.

use super::Driver;
use crate::{
    retry::RetryDelays,
    shard::{
        Dropped,
        batch::{part_of_run, runs_of},
    },
    steps::commit,
};
use tokio::time::{Instant, sleep};
use weft_core::run_id::RunId;
use weft_store::{CommitError, StoreError, Turn};

/// Why a turn was not committed.
enum Refused {
    /// The shard is void in memory.
    Dropped(Dropped),
    /// The database has a run of this one's DAG and date.
    RunExists(RunId),
    /// The database has a run with this id.
    IdTaken(RunId),
    /// The turn's contents can't be written.
    Broken(String),
}

impl Driver<'_> {
    /// Holds runs whose changes take several turns. Later steps of the turn make none of them: what
    /// these free could be taken before.
    pub(super) fn hold_large_runs(&mut self) {
        let max_rows = self.cx.options.max_rows_per_turn;
        let shard = &mut *self.shard;
        let large = shard.batch.separate_large_runs(&shard.runs, max_rows);
        for run in large {
            if self.cx.faults.holds_large_runs() {
                commit::hold_large_run(self.shard, run);
            }
        }
    }

    /// Commits the batch if it is due. Otherwise its dispatches are sent ahead of their commit.
    pub(in crate::scheduler) async fn commit_if_due(&mut self) -> Result<(), Dropped> {
        let (now, max_rows) = (self.cx.now(), self.cx.options.max_rows_per_turn);
        if self.shard.batch.is_due(now, max_rows) {
            return self.commit().await;
        }
        let ahead = self.shard.batch.take_ahead(now);
        if !ahead.is_empty() {
            self.shard.outbox.extend(ahead, Vec::new(), Vec::new());
            self.send_outbox().await;
        }
        Ok(())
    }

    /// Commits the batch, then notifies listeners and the broker.
    pub(in crate::scheduler) async fn commit(&mut self) -> Result<(), Dropped> {
        let mut broken: Vec<RunId> = Vec::new();
        let now = self.cx.now();
        let shard = &mut *self.shard;
        let max_rows = self.cx.options.max_rows_per_turn;
        shard.batch.include_started(now, &shard.runs, max_rows);
        let began = Instant::now();
        shard.batch.add_portion(&shard.runs, max_rows, began);
        let (publish, confirm) = (shard.batch.dispatches(), shard.batch.confirmations());
        let faults = self.cx.faults;
        faults.before_commit(&*shard.broker, publish, confirm).await;
        let turn = loop {
            let turn = commit::next_turn(self.shard, self.cx);
            match self.write(&turn).await {
                Ok(()) => break turn,
                Err(Refused::Dropped(dropped)) => return Err(dropped),
                Err(Refused::RunExists(run)) => {
                    tracing::info!(%run, operation = "create run", "a run for this date exists; the new run is dropped");
                    commit::drop_run(self.shard, run);
                }
                Err(Refused::IdTaken(run)) => commit::redraw_run_id(self.shard, self.cx, run),
                Err(Refused::Broken(error)) => {
                    if let Some(culprits) = self.find_broken_runs(&turn).await? {
                        commit::drop_broken(self.shard, &culprits, &error);
                        broken.extend(culprits);
                    }
                }
            }
        };
        self.shard.batch.record_commit(began.elapsed());
        commit::finish_turn(self.shard, self.cx, &turn);
        let committed = self.shard.committed_turns();
        self.shard.broker.set_turn(committed);
        self.cx.heartbeat.set_committed(self.shard.id(), committed);
        self.send_outbox().await;
        self.fail_broken_runs(&broken).await
    }

    /// Commits one turn, and retries while the database does not answer or is full.
    async fn write(&self, turn: &Turn) -> Result<(), Refused> {
        let (metrics, faults) = (&self.cx.heartbeat.metrics, self.cx.faults);
        let store = &*self.deps.store;
        let shard = turn.lease.shard.0;
        let mut delays = RetryDelays::default();
        let mut is_retry = false;
        let began = Instant::now();
        loop {
            self.cx.tenure.clone().wait_until_held().await;
            let called = Instant::now();
            match faults.commit_answer(store.commit(turn).await) {
                Ok(()) => {
                    metrics.record_commit_call(called.elapsed());
                    if is_retry {
                        tracing::info!(shard, after = ?began.elapsed(), operation = "commit turn", "the database answers again; the turn is committed");
                    }
                    return Ok(());
                }
                Err(CommitError::Fenced(_)) => return Err(Refused::Dropped(Dropped::Deposed)),
                Err(CommitError::TurnsLost(found)) => {
                    let dropped = self.shard.lost_turns(turn.number - 1, found);
                    return Err(Refused::Dropped(dropped));
                }
                Err(CommitError::RunExists(run)) => return Err(Refused::RunExists(run)),
                Err(CommitError::IdTaken(run)) => return Err(Refused::IdTaken(run)),
                Err(CommitError::Store(
                    error @ (StoreError::Unavailable(_) | StoreError::Full(_)),
                )) => {
                    metrics.record_commit_retry();
                    let delay = delays.next_delay();
                    tracing::warn!(%error, shard, ?delay, operation = "commit turn", "database call failed; the turn is committed again after the delay");
                    sleep(delay).await;
                    is_retry = true;
                    faults.after_failed_commit(store, turn).await;
                }
                Err(CommitError::Store(
                    error @ (StoreError::Corrupt(_) | StoreError::Defect(_)),
                )) => return Err(Refused::Broken(error.to_string())),
            }
        }
    }

    /// Finds the runs whose rows break a turn, by committing each run's part alone. A part that
    /// is committed so is committed again with the whole turn, which changes nothing. `None`
    /// where a new run is refused: the whole turn has to be committed again first.
    async fn find_broken_runs(&mut self, turn: &Turn) -> Result<Option<Vec<RunId>>, Dropped> {
        let mut culprits = Vec::new();
        for run in runs_of(turn) {
            self.shard.turn += 1;
            let part = part_of_run(turn, run, self.shard.turn);
            match self.write(&part).await {
                Ok(()) => commit::finish_part(self.shard, run, &part),
                Err(Refused::Dropped(dropped)) => return Err(dropped),
                Err(Refused::RunExists(_) | Refused::IdTaken(_)) => {
                    self.shard.turn -= 1;
                    return Ok(None);
                }
                Err(Refused::Broken(_)) => {
                    self.shard.turn -= 1;
                    culprits.push(run);
                }
            }
        }
        Ok(Some(culprits))
    }

    /// Fails runs that can't be written, with a row that can.
    async fn fail_broken_runs(&mut self, broken: &[RunId]) -> Result<(), Dropped> {
        for run in broken {
            let turn = commit::failing_turn(self.shard, self.cx, *run);
            match self.write(&turn).await {
                Ok(()) => {
                    self.shard.turn += 1;
                    self.shard.waits.run_ended(*run, None);
                    self.shard.preconditions.dag_changed(None);
                }
                Err(Refused::Dropped(dropped)) => return Err(dropped),
                Err(Refused::RunExists(_) | Refused::IdTaken(_) | Refused::Broken(_)) => {
                    tracing::error!(%run, operation = "fail run", "a run that can't be written can't be failed either; it stays as it is");
                }
            }
        }
        Ok(())
    }
}
