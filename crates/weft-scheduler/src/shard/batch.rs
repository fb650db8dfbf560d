//! The batch of a turn: what it changes in the database, and what it sends after the commit.

mod changes;
mod pace;
mod portions;
mod rows;
mod split;

pub(crate) use portions::REVOKED;
pub(crate) use rows::{attempt_record, cause_name, failed_run, instance_tag};
pub(crate) use split::{part_of_run, runs_of};

use super::runs::Runs;
use crate::{
    limits::{AHEAD_COMMIT_DELAY, LAZY_COMMIT_DELAY},
    options::millis,
};
pub(crate) use changes::Changes;
use pace::Pace;
use portions::LargeRuns;
use std::{
    collections::{BTreeSet, VecDeque},
    ops::Range,
    time::Duration,
};
use tokio::time::Instant;
use weft_broker::{AttemptKey, Dispatch};
use weft_core::{
    document::TaskIndex,
    run::{Instance, InstanceState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{
    AttemptRecord, CommandDone, CommandId, DagKey, MissedDeadline, NewRun, ShardLease,
    TimetableUpdate, Turn,
};

/// The changes since the last committed turn.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    changes: Changes,
    /// Runs whose changes take several turns.
    large: LargeRuns,
    pace: Pace,
    /// Large runs of which this turn writes the last portion.
    completed: BTreeSet<RunId>,
    urgency: Urgency,
    /// When the first dispatch was sent ahead of its commit, if one was since the last commit.
    sent_ahead: Option<Timestamp>,
    /// Attempts that have started, and when. Their rows are written later, or never where they
    /// end before.
    started: VecDeque<(Timestamp, RunId, Instance)>,
    /// Commands that were applied and whose results can't be written.
    unwritable: BTreeSet<CommandId>,
}

/// Whether the changes are committed in this iteration of the loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// They may wait for others.
    #[default]
    None,
    /// They may wait if dispatches are sent ahead of the commit, until the first of those attempts ends.
    Dispatch,
    /// They are.
    Now,
}

/// What steps record.
impl Batch {
    /// Has the changes committed in this iteration of the loop.
    pub(crate) fn set_urgent(&mut self) {
        self.raise_urgency(Urgency::Now);
    }

    /// Has the changes committed at least as soon.
    pub(crate) fn raise_urgency(&mut self, urgency: Urgency) {
        self.urgency = self.urgency.max(urgency);
    }

    /// What the changes so far need.
    pub(crate) const fn urgency(&self) -> Urgency {
        self.urgency
    }

    /// The changes since the urgency was `before` may wait as those of a dispatch may.
    pub(crate) fn relax_since(&mut self, before: Urgency) {
        self.urgency = before.max(Urgency::Dispatch);
    }

    /// Records that a run has new events.
    pub(crate) fn add_events_of(&mut self, run: RunId) {
        self.changes.with_events.insert(run);
    }

    /// Records a change of a run's row.
    pub(crate) fn change_run(&mut self, run: RunId) {
        self.changes.runs.insert(run);
    }

    /// Records that a run which is not in memory ends as failed.
    pub(crate) fn fail_run(&mut self, run: RunId, now: Timestamp) {
        self.changes.failed.insert(run, now);
        self.set_urgent();
    }

    /// Records a change of an instance's row.
    pub(crate) fn change_instance(&mut self, run: RunId, instance: Instance) {
        self.changes.instances.insert((run, instance));
    }

    /// Records a change of a mapped task's counts.
    pub(crate) fn change_mapped_task(&mut self, run: RunId, task: TaskIndex) {
        self.changes.mapped.insert((run, task));
    }

    /// Records that a task starts over that had so many instances.
    pub(crate) fn clear_task(&mut self, run: RunId, task: TaskIndex, instances: u32) {
        let cleared = self.changes.cleared.entry((run, task)).or_default();
        *cleared = instances.max(*cleared);
    }

    /// Records that instances of a mapped task start over.
    pub(crate) fn clear_instances(&mut self, run: RunId, task: TaskIndex, indexes: Range<u32>) {
        let ranges = self.changes.cleared_ranges.entry((run, task)).or_default();
        ranges.push_back(indexes);
    }

    /// Records an attempt that ended while its instance goes on.
    pub(crate) fn add_attempt(&mut self, record: Option<AttemptRecord>) {
        self.changes.attempts.extend(record);
    }

    /// Removes the record of an attempt's end that was added last.
    pub(crate) fn remove_attempt(&mut self, key: &AttemptKey) {
        let attempts = &mut self.changes.attempts;
        let last = attempts.iter().rposition(|attempt| {
            attempt.run == key.run
                && attempt.instance == key.attempt.instance
                && attempt.number == key.attempt.number
        });
        if let Some(last) = last {
            attempts.remove(last);
        }
    }

    /// Records the start of an attempt, whose row may be written later.
    pub(crate) fn add_started(&mut self, now: Timestamp, run: RunId, instance: Instance) {
        self.started.push_back((now, run, instance));
    }

    /// Records a missed deadline.
    pub(crate) fn add_missed(&mut self, missed: MissedDeadline) {
        self.changes.missed.push(missed);
        self.set_urgent();
    }

    /// Records the result of a command.
    pub(crate) fn add_command(&mut self, command: CommandDone) {
        self.changes.commands.push(command);
        self.set_urgent();
    }

    /// Whether a command was applied: its result is uncommitted, or can't be written.
    pub(crate) fn has_command(&self, id: CommandId) -> bool {
        self.changes.commands.iter().any(|done| done.id == id)
            || self.large.has_command(id)
            || self.unwritable.contains(&id)
    }

    /// Records a run that this turn creates.
    pub(crate) fn add_run(&mut self, new: NewRun) {
        self.changes.new_runs.push(new);
        self.set_urgent();
    }

    /// The runs of a DAG that this turn creates.
    pub(crate) fn new_runs_of(&self, dag: DagKey) -> impl Iterator<Item = RunId> {
        let new_runs = self.changes.new_runs.iter();
        new_runs.filter(move |new| new.dag == dag).map(|new| new.id)
    }

    /// Whether this turn creates a run of a DAG that is made of updates of assets.
    pub(crate) fn takes_updates_of(&self, dag: DagKey) -> bool {
        let mut new_runs = self.changes.new_runs.iter();
        new_runs.any(|new| new.dag == dag && !new.taken.is_empty())
    }

    pub(crate) fn has_new_run(&self, run: RunId) -> bool {
        self.changes.new_runs.iter().any(|new| new.id == run)
    }

    /// Records how far a timetable has come.
    pub(crate) fn update_timetable(&mut self, update: TimetableUpdate) {
        self.changes.timetables.insert(update.dag, update);
        self.set_urgent();
    }

    /// Has a dispatch published after the commit, or before it where nothing else is urgent and the attempt
    /// may run ahead of it.
    pub(crate) fn publish(&mut self, dispatch: Dispatch, may_run_ahead: bool) {
        self.changes.publish.push(dispatch);
        // After a recovery there may be nothing else to commit.
        self.raise_urgency(if may_run_ahead {
            Urgency::Dispatch
        } else {
            Urgency::Now
        });
    }

    /// Has an attempt revoked after the commit.
    pub(crate) fn revoke(&mut self, key: AttemptKey) {
        self.changes.revoke.push(key);
        self.set_urgent();
    }

    /// Has a report confirmed after the commit.
    pub(crate) fn confirm(&mut self, key: AttemptKey) {
        self.changes.confirm.push(key);
        self.set_urgent();
    }

    /// What is published after the commit.
    pub(crate) fn dispatches(&self) -> &[Dispatch] {
        &self.changes.publish
    }

    /// What is confirmed after the commit.
    pub(crate) fn confirmations(&self) -> &[AttemptKey] {
        &self.changes.confirm
    }
}

/// When a turn is committed.
impl Batch {
    /// Whether the changes are to be committed now.
    pub(crate) fn is_due(&self, now: Timestamp, max_rows: usize) -> bool {
        let is_urgent = match self.urgency {
            Urgency::None => false,
            Urgency::Dispatch => self.changes.publish.is_empty(),
            Urgency::Now => true,
        };
        is_urgent
            || self.has_large_runs()
            || self.changes.rows() >= max_rows
            || self.lazy_due().is_some_and(|due| due <= now)
    }

    /// When the starts of attempts, and what was sent ahead of its commit, are committed at the latest.
    pub(crate) fn lazy_due(&self) -> Option<Timestamp> {
        let started = self.started.front();
        let started = started.map(|(since, ..)| since.plus(millis(LAZY_COMMIT_DELAY)));
        let sent = self.sent_ahead;
        let sent = sent.map(|since| since.plus(millis(AHEAD_COMMIT_DELAY)));
        started.into_iter().chain(sent).min()
    }

    /// Removes and returns the dispatches of a turn that is not committed: they are sent ahead of their
    /// commit.
    pub(crate) fn take_ahead(&mut self, now: Timestamp) -> Vec<Dispatch> {
        let ahead = std::mem::take(&mut self.changes.publish);
        if !ahead.is_empty() {
            self.sent_ahead.get_or_insert(now);
            self.urgency = Urgency::None;
        }
        ahead
    }

    /// Whether the starts of runs may be uncommitted.
    pub(crate) const fn has_sent_ahead(&self) -> bool {
        self.sent_ahead.is_some()
    }

    /// Includes the rows of started attempts. Those that would be due soon go with those that are
    /// due, so that many attempts that start one by one take few turns. The next turn writes
    /// those beyond the bound.
    pub(crate) fn include_started(&mut self, now: Timestamp, runs: &Runs, max_rows: usize) {
        let min_age = millis(LAZY_COMMIT_DELAY / 2);
        while let Some((since, run, instance)) = self.started.front().copied()
            && since.plus(min_age) <= now
            && self.changes.rows() < max_rows
        {
            self.started.pop_front();
            let state = runs.instance(run, instance);
            if matches!(state, Some(InstanceState::Running { .. })) {
                self.change_instance(run, instance);
            }
        }
    }
}

/// Runs whose changes take several turns.
impl Batch {
    /// Separates large runs while the other changes are more than `max_rows`; returns those.
    pub(crate) fn separate_large_runs(&mut self, runs: &Runs, max_rows: usize) -> BTreeSet<RunId> {
        self.large.separate(&mut self.changes, runs, max_rows)
    }

    /// Adds the next portion of the large runs to a turn of at most about `max_rows`.
    pub(crate) fn add_portion(&mut self, runs: &Runs, max_rows: usize, now: Instant) {
        if !self.has_large_runs() {
            return;
        }
        self.large.take_changes(&mut self.changes, runs);
        let rows = self.pace.rows(&self.changes, max_rows, now);
        self.completed = self.large.draw(rows, &mut self.changes, runs);
    }

    /// Records how long the commit of a turn took.
    pub(crate) fn record_commit(&mut self, took: Duration) {
        self.pace.record_commit(took);
    }

    /// Removes and returns the large runs of which the turn wrote the last portion.
    pub(crate) fn take_completed(&mut self) -> BTreeSet<RunId> {
        std::mem::take(&mut self.completed)
    }

    pub(crate) fn has_large_runs(&self) -> bool {
        !self.large.is_empty()
    }

    pub(crate) fn is_large(&self, run: RunId) -> bool {
        self.large.contains(run)
    }
}

/// What a commit does with the batch.
impl Batch {
    /// The turn that writes the batch.
    pub(crate) fn turn(&self, lease: ShardLease, number: i64, now: Timestamp, runs: &Runs) -> Turn {
        rows::turn(lease, number, now, &self.changes, runs)
    }

    /// Runs whose row the turn changes.
    pub(crate) fn changed_runs(&self) -> &BTreeSet<RunId> {
        &self.changes.runs
    }

    /// Instances whose row the turn changes.
    pub(crate) fn changed_instances(&self) -> &BTreeSet<(RunId, Instance)> {
        &self.changes.instances
    }

    /// Removes a run that can't be written. Its reports come again.
    pub(crate) fn remove_run(&mut self, run: RunId) {
        self.completed.remove(&run);
        let rest = self.large.release(run);
        self.changes.append(rest);
        self.changes.remove_run(run);
        self.started.retain(|(_, of, _)| *of != run);
    }

    /// Records that a run's part of the turn was committed by itself.
    pub(crate) fn remove_written(&mut self, run: RunId) {
        self.changes.remove_written(run);
    }

    /// Removes and returns the new runs with this id.
    pub(crate) fn take_new_runs(&mut self, run: RunId) -> Vec<NewRun> {
        let taken = self.changes.new_runs.iter();
        let taken = taken.filter(|new| new.id == run).cloned().collect();
        self.changes.new_runs.retain(|new| new.id != run);
        taken
    }

    /// Removes the parts that belong to no run, since the turn can't be written with them.
    pub(crate) fn remove_unwritable(&mut self) {
        let commands = self.changes.commands.drain(..);
        self.unwritable.extend(commands.map(|done| done.id));
        self.changes.timetables.clear();
        self.changes.new_runs.clear();
    }

    /// Starts the next turn's batch; returns the changes that were committed.
    pub(crate) fn take_committed(&mut self) -> Changes {
        self.urgency = Urgency::None;
        self.sent_ahead = None;
        std::mem::take(&mut self.changes)
    }
}
