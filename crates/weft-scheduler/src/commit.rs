//! A turn's changes written, and only then told.

use crate::{
    active_run::ActiveRun,
    changes::Changes,
    fault::planted,
    feed::Change,
    options::{COMMIT_RETRY, COMMIT_RETRY_MAX, LAZY_COMMIT, OUTPUT_BYTES, ROWS_A_TURN, millis},
    rows,
    shard::{Context, Shard},
};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};
use tokio::time::{Instant, sleep};
use weft_broker::{AttemptKey, BrokerError, Dispatch};
use weft_core::{
    run::{Instance, InstanceState, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{
    CommitError, NewRun, RunKind, RunUpdate, ShardId, StoreError, TimetableUpdate, Turn,
};

/// The shard belongs to somebody else: everything in memory of it is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shard {0:?} belongs to another scheduler")]
pub(crate) struct Deposed(pub(crate) ShardId);

impl Shard {
    /// Whether the changes so far should be written now.
    pub(crate) fn wants_commit(&self, now: Timestamp) -> bool {
        self.changes.urgent
            || self.changes.rows() >= ROWS_A_TURN
            || self.lazy_due().is_some_and(|due| due <= now)
    }

    /// When changes that nobody waits for are written at the latest.
    pub(crate) fn lazy_due(&self) -> Option<Timestamp> {
        let (since, ..) = self.changes.started.front()?;
        Some(since.plus(millis(LAZY_COMMIT)))
    }

    /// An attempt has started; its row needn't say so at once.
    pub(crate) fn shows_later(&mut self, now: Timestamp, run: RunId, instance: Instance) {
        self.changes.started.push_back((now, run, instance));
    }

    /// Writes the rows of attempts that run for some time: with those that are due go the ones
    /// that would be soon, so that many that started one by one are few turns. More than one turn
    /// may write are the next one's.
    fn show_started(&mut self, now: Timestamp) {
        let some_time = millis(LAZY_COMMIT / 2);
        while let Some((since, run, instance)) = self.changes.started.front().copied()
            && since.plus(some_time) <= now
            && self.changes.rows() < ROWS_A_TURN
        {
            self.changes.started.pop_front();
            let active = self.runs.get(&run);
            let state = active.and_then(|active| active.run.instance(instance));
            if matches!(state, Some(InstanceState::Running { .. })) {
                self.changes.instances.insert((run, instance));
            }
        }
    }

    /// Writes the changes, however often that takes, and tells the broker and
    /// whoever listens.
    pub(crate) async fn commit(&mut self, cx: &mut Context) -> Result<(), Deposed> {
        let mut broken: Vec<RunId> = Vec::new();
        self.show_started(cx.now());
        self.tell_too_early(cx).await;
        let turn = loop {
            let number = self.turn + 1;
            let turn = rows::turn(self.lease, number, cx.now(), &self.changes, &self.runs);
            match self.write(cx, &turn).await {
                Ok(()) => break turn,
                Err(Refused::Deposed(deposed)) => return Err(deposed),
                Err(Refused::Taken(run)) => {
                    tracing::info!(%run, "a run for this date exists already");
                    self.drop_run(run);
                }
                Err(Refused::IdTaken(run)) => self.draw_again(cx, run),
                Err(Refused::Broken(why)) => {
                    let Some(culprits) = self.find_broken(cx, &turn).await? else {
                        continue;
                    };
                    for run in &culprits {
                        tracing::error!(%run, why, "a run can't be written; it is failed, so that the others go on");
                        self.drop_run(*run);
                    }
                    broken.extend(&culprits);
                    // What isn't any run's doing can only be given up.
                    if culprits.is_empty() {
                        tracing::error!(
                            why,
                            "a turn can't be written, and it is no run's doing; its commands and timetables are left out"
                        );
                        let left_out = self.changes.commands.drain(..);
                        self.unwritable.extend(left_out.map(|done| done.id));
                        self.changes.timetables.clear();
                        self.changes.new_runs.clear();
                    }
                }
            }
        };
        self.turn += 1;
        cx.heartbeat.metrics.commits.inc();
        for update in &turn.runs {
            if let Some(active) = self.runs.get_mut(&update.id) {
                active.share.show(&cx.heartbeat.metrics, update.counts);
            }
        }
        self.tell_listeners(cx);
        let mut changes = std::mem::take(&mut self.changes);
        self.changes.started = std::mem::take(&mut changes.started);
        self.settle(cx, &changes);
        self.tell_broker(changes).await;
        self.fail_broken(cx, &broken).await
    }

    /// Nothing, but for bugs that are planted.
    async fn tell_too_early(&self, cx: &Context) {
        if planted!(cx, PublishBeforeCommit) {
            drop(self.broker.publish(self.changes.publish.clone()).await);
        }
        if planted!(cx, ConfirmBeforeCommit) {
            drop(self.broker.confirm(&self.changes.confirm).await);
        }
    }

    /// Writes one turn; waits while the database doesn't answer or is full.
    async fn write(&self, cx: &Context, turn: &Turn) -> Result<(), Refused> {
        let mut wait = COMMIT_RETRY;
        let began = Instant::now();
        loop {
            let asked = Instant::now();
            match cx.deps.store.commit(turn).await {
                Ok(()) => {
                    cx.heartbeat.metrics.written(asked.elapsed());
                    if wait > COMMIT_RETRY {
                        tracing::info!(after = ?began.elapsed(), "the database can be written again");
                    }
                    return Ok(());
                }
                Err(CommitError::Fenced(_)) if planted!(cx, FenceIgnored) => return Ok(()),
                Err(CommitError::Fenced(shard)) => return Err(Refused::Deposed(Deposed(shard))),
                Err(CommitError::RunExists(run)) => return Err(Refused::Taken(run)),
                Err(CommitError::IdTaken(run)) => return Err(Refused::IdTaken(run)),
                Err(CommitError::Store(
                    error @ (StoreError::Unavailable(_) | StoreError::Full(_)),
                )) => {
                    cx.heartbeat.metrics.not_written();
                    tracing::warn!(%error, ?wait, "a turn could not be written; it is tried again");
                    sleep(wait).await;
                    wait = (wait * 2).min(COMMIT_RETRY_MAX);
                    if planted!(cx, LostAnswerForgotten) {
                        let mut another = turn.clone();
                        another.number += 1;
                        drop(cx.deps.store.commit(&another).await);
                    }
                }
                Err(CommitError::Store(
                    error @ (StoreError::Corrupt(_) | StoreError::Defect(_)),
                )) => {
                    return Err(Refused::Broken(error.to_string()));
                }
            }
        }
    }

    /// The runs whose rows break a turn, found by writing each run's alone.
    /// What can be written is written by that, and written once more with the
    /// turn as a whole, which changes nothing. None where a new run got in the way: the
    /// turn has to be written again first.
    async fn find_broken(
        &mut self,
        cx: &Context,
        turn: &Turn,
    ) -> Result<Option<Vec<RunId>>, Deposed> {
        let mut culprits = Vec::new();
        let mut runs: BTreeSet<RunId> = turn
            .events
            .iter()
            .map(|chunk| chunk.run)
            .chain(turn.runs.iter().map(|run| run.id))
            .collect();
        // A timetable goes on with each of its runs: those are written in the order of dates.
        let mut new_runs: Vec<&NewRun> = turn.new_runs.iter().collect();
        new_runs.sort_by_key(|new| (new.dag, new.logical_date));
        for new in &new_runs {
            runs.remove(&new.id);
        }
        for run in runs.into_iter().chain(new_runs.iter().map(|new| new.id)) {
            self.turn += 1;
            let alone = alone(turn, run, self.turn);
            match self.write(cx, &alone).await {
                Ok(()) => self.written(run),
                Err(Refused::Deposed(deposed)) => return Err(deposed),
                Err(Refused::Taken(_) | Refused::IdTaken(_)) => {
                    self.turn -= 1;
                    return Ok(None);
                }
                Err(Refused::Broken(_)) => {
                    self.turn -= 1;
                    culprits.push(run);
                }
            }
        }
        Ok(Some(culprits))
    }

    /// Makes a run of this turn under another id, since another run has the one that was
    /// drawn. What it began is forgotten: it is queued, and begins in the next turn.
    fn draw_again(&mut self, cx: &mut Context, taken: RunId) {
        tracing::info!(run = %taken, "another run has this id; the new one gets another");
        let new_runs = self.changes.new_runs.iter();
        let again: Vec<_> = new_runs.filter(|new| new.id == taken).cloned().collect();
        self.drop_run(taken);
        for new in again {
            self.to_start.insert(new.dag);
            let id = self.new_run_id(cx);
            self.changes.new_runs.push(NewRun { id, ..new });
        }
    }

    /// A run's part of the turn is in the database.
    fn written(&mut self, run: RunId) {
        if let Some(active) = self.runs.get_mut(&run)
            && !active.happened.is_empty()
        {
            active.happened.clear();
            active.next_seq += 1;
        }
        self.changes.new_runs.retain(|new| new.id != run);
        self.changes.attempts.retain(|attempt| attempt.run != run);
        self.changes.cleared.retain(|(of, _)| *of != run);
    }

    /// Forgets a run of this turn, and what it was going to do.
    fn drop_run(&mut self, run: RunId) {
        self.changes.forget_run(run);
        self.order.remove_run(run);
        let Some(mut active) = self.runs.remove(&run) else {
            return;
        };
        let live: Vec<_> = active.live.iter().copied().collect();
        for instance in live {
            active.release(instance, &mut self.order);
        }
        if let Some(entry) = self.dags.get_mut(&active.dag) {
            entry.active.remove(&run);
        }
    }

    /// Ends runs that can't be written with a row that can.
    async fn fail_broken(&mut self, cx: &Context, broken: &[RunId]) -> Result<(), Deposed> {
        for run in broken {
            let number = self.turn + 1;
            let mut turn = rows::turn(
                self.lease,
                number,
                cx.now(),
                &Changes::default(),
                &self.runs,
            );
            turn.runs.push(RunUpdate {
                id: *run,
                state: RunState::Failed,
                started: None,
                ended: Some(cx.now()),
                counts: weft_core::run::Counts::default(),
            });
            match self.write(cx, &turn).await {
                Ok(()) => self.turn += 1,
                Err(Refused::Deposed(deposed)) => return Err(deposed),
                Err(Refused::Taken(_) | Refused::IdTaken(_) | Refused::Broken(_)) => {
                    tracing::error!(%run, "a broken run can't even be failed; it is left as it is");
                }
            }
        }
        Ok(())
    }

    /// Memory after a commit: chunks are numbered on, what ended is forgotten.
    fn settle(&mut self, cx: &mut Context, changes: &Changes) {
        for id in changes.touched.iter().chain(&changes.runs) {
            let Some(active) = self.runs.get_mut(id) else {
                continue;
            };
            if !active.happened.is_empty() {
                active.happened.clear();
                active.next_seq += 1;
            }
            if active.is_over() {
                cx.output_bytes = cx.output_bytes.saturating_sub(active.outputs.forget());
                self.runs.remove(id);
                if !self.suspects.is_empty() {
                    self.suspects.forget_run(*id);
                }
            }
        }
        for (id, instance) in &changes.instances {
            if let Some(active) = self.runs.get_mut(id)
                && active
                    .run
                    .instance(*instance)
                    .is_none_or(InstanceState::is_ended)
            {
                active.records.remove(instance);
            }
        }
        if cx.output_bytes > OUTPUT_BYTES {
            let freed: usize = self
                .runs
                .values_mut()
                .map(|active| active.outputs.forget())
                .sum();
            cx.output_bytes = cx.output_bytes.saturating_sub(freed);
        }
    }

    fn tell_listeners(&mut self, cx: &Context) {
        if cx.feed.wants_runs() {
            let runs = std::mem::take(&mut self.changes.runs);
            for run in &runs {
                let told = self.runs.get_mut(run).map(|active| active.tell(&cx.feed));
                if told == Some(false) {
                    self.pending_notifications.insert(*run);
                }
            }
            self.changes.runs = runs;
        }
        if !cx.feed.wants_everything() {
            return;
        }
        for (id, instance) in &self.changes.instances {
            if let Some(active) = self.runs.get(id)
                && let Some(state) = rows::tag(active, *instance)
            {
                let attempt = active
                    .records
                    .get(instance)
                    .and_then(|record| record.attempt.as_ref());
                let change = Change::Instance {
                    tenant: active.tenant.clone(),
                    run: *id,
                    task: active.version.dag.tasks[instance.task.as_usize()]
                        .id
                        .clone(),
                    map_index: active
                        .run
                        .is_expanded(instance.task)
                        .then_some(instance.index),
                    state,
                    number: attempt.map_or(0, |attempt| attempt.number),
                    worker: attempt.and_then(|attempt| attempt.worker.clone()),
                };
                cx.feed.tell(change);
            }
        }
        for active in self.changes.runs.iter().filter_map(|id| self.runs.get(id)) {
            cx.feed.tell(active.change());
        }
    }

    /// Tells who follows runs what they were spared so far.
    pub(crate) fn tell_rest(&mut self, cx: &Context) {
        for run in std::mem::take(&mut self.pending_notifications) {
            if let Some(active) = self.runs.get_mut(&run)
                && !active.tell(&cx.feed)
            {
                self.pending_notifications.insert(run);
            }
        }
    }

    /// Hands out, takes back and confirms; what the broker doesn't take now is
    /// offered again in the next turn.
    async fn tell_broker(&mut self, changes: Changes) {
        self.to_revoke.extend(changes.revoke);
        self.to_publish.extend(changes.publish);
        self.to_confirm.extend(changes.confirm);
        self.call_broker().await;
    }

    /// Offers the broker what it has not taken so far.
    pub(crate) async fn call_broker(&mut self) {
        let broker = Arc::clone(&self.broker);
        if !self.to_revoke.is_empty() {
            match broker.revoke(&self.to_revoke).await {
                Ok(()) => self.to_revoke.clear(),
                Err(error) => away(&error),
            }
        }
        let (runs, released) = (&self.runs, &self.released);
        self.to_publish.retain(|dispatch| {
            let run = runs.get(&dispatch.key.run).map(|run| &**run);
            still_wanted(run, dispatch, released)
        });
        let publish = async {
            let dispatches = std::mem::take(&mut self.to_publish);
            if !dispatches.is_empty()
                && let Err((left, error)) = broker.publish(dispatches).await
            {
                self.to_publish = left;
                away(&error);
            }
        };
        let confirm = async {
            if !self.to_confirm.is_empty() {
                match broker.confirm(&self.to_confirm).await {
                    Ok(()) => self.to_confirm.clear(),
                    Err(error) => away(&error),
                }
            }
        };
        tokio::join!(publish, confirm);
    }

    /// Whether the broker is still to be told something.
    pub(crate) fn has_broker_calls(&self) -> bool {
        !(self.to_revoke.is_empty() && self.to_publish.is_empty() && self.to_confirm.is_empty())
    }
}

/// Why a turn was not written.
enum Refused {
    Deposed(Deposed),
    Taken(RunId),
    IdTaken(RunId),
    Broken(String),
}

/// Whether an attempt that is not handed out yet is still the current one, and no worker's.
fn still_wanted(
    active: Option<&ActiveRun>,
    dispatch: &Dispatch,
    released: &HashSet<AttemptKey>,
) -> bool {
    let attempt = dispatch.key.attempt;
    match active.and_then(|active| active.run.instance(attempt.instance)) {
        Some(InstanceState::Queued { attempt: current }) => current == attempt,
        Some(InstanceState::Running { attempt: current }) => {
            current == attempt && released.contains(&dispatch.key)
        }
        Some(_) | None => false,
    }
}

/// A run's part of a turn; of a scheduled run that is made in it also that its timetable
/// has come so far, or its date would be made again, or never, after a crash.
fn alone(turn: &Turn, run: RunId, number: i64) -> Turn {
    Turn {
        lease: turn.lease,
        number,
        new_runs: turn
            .new_runs
            .iter()
            .filter(|new| new.id == run)
            .cloned()
            .collect(),
        runs: turn
            .runs
            .iter()
            .filter(|update| update.id == run)
            .cloned()
            .collect(),
        events: turn
            .events
            .iter()
            .filter(|chunk| chunk.run == run)
            .cloned()
            .collect(),
        cleared: turn
            .cleared
            .iter()
            .filter(|(of, _)| *of == run)
            .copied()
            .collect(),
        attempts: turn
            .attempts
            .iter()
            .filter(|attempt| attempt.run == run)
            .cloned()
            .collect(),
        instances: turn
            .instances
            .iter()
            .filter(|row| row.run == run)
            .cloned()
            .collect(),
        tasks: turn
            .tasks
            .iter()
            .filter(|task| task.run == run)
            .cloned()
            .collect(),
        commands: Vec::new(),
        timetables: turn
            .new_runs
            .iter()
            .filter(|new| new.id == run && new.kind == RunKind::Scheduled)
            .filter_map(|new| {
                let update = turn
                    .timetables
                    .iter()
                    .find(|update| update.dag == new.dag)?;
                Some(TimetableUpdate {
                    last_scheduled: new.logical_date,
                    ..update.clone()
                })
            })
            .collect(),
    }
}

fn away(error: &BrokerError) {
    tracing::warn!(%error, "the broker was told something");
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::id::TenantId;
    use weft_store::{DagKey, ShardLease, VersionId};

    fn new_run(id: i64, dag: i64, date: i64, kind: RunKind) -> NewRun {
        let date = Timestamp(date);
        NewRun {
            id: RunId::from_i64(id).expect("not negative"),
            tenant: TenantId::default(),
            dag: DagKey(dag),
            version: VersionId(1),
            kind,
            logical_date: date,
            interval: (date, date),
            params: "{}".into(),
            not_before: date,
            created: date,
            trace: None,
        }
    }

    fn last_scheduled(turn: &Turn, run: i64) -> Vec<(i64, i64)> {
        let run = RunId::from_i64(run).expect("not negative");
        let alone = alone(turn, run, 8);
        assert_eq!(alone.new_runs.len(), 1);
        let timetables = alone.timetables.iter();
        timetables
            .map(|update| (update.dag.0, update.last_scheduled.0))
            .collect()
    }

    #[test]
    fn a_new_run_that_is_written_alone_takes_its_timetable_as_far_as_its_own_date() {
        let update = |dag, date| TimetableUpdate {
            dag: DagKey(dag),
            last_scheduled: Timestamp(date),
            next: None,
        };
        let turn = Turn {
            lease: ShardLease {
                shard: ShardId(0),
                epoch: 1,
                until: Timestamp(0),
            },
            number: 7,
            new_runs: vec![
                new_run(1, 1, 10, RunKind::Scheduled),
                new_run(2, 1, 20, RunKind::Scheduled),
                new_run(3, 2, 15, RunKind::Scheduled),
                new_run(4, 3, 15, RunKind::Scheduled),
            ],
            runs: Vec::new(),
            events: Vec::new(),
            cleared: Vec::new(),
            attempts: Vec::new(),
            instances: Vec::new(),
            tasks: Vec::new(),
            commands: Vec::new(),
            timetables: vec![update(1, 20), update(2, 15)],
        };
        assert_eq!(last_scheduled(&turn, 1), [(1, 10)]);
        assert_eq!(last_scheduled(&turn, 2), [(1, 20)]);
        assert_eq!(last_scheduled(&turn, 3), [(2, 15)]);
        assert_eq!(last_scheduled(&turn, 4), [], "a continuous one has none");
    }
}
