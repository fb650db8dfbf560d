//! The changes of a turn: names, not contents. The contents are read from the runs when the turn
//! is committed, so that an instance that changes five times in a turn is written once.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Range,
};
use weft_broker::{AttemptKey, Dispatch};
use weft_core::{document::TaskIndex, run::Instance, run_id::RunId, time::Timestamp};
use weft_store::{AttemptRecord, CommandDone, DagKey, MissedDeadline, NewRun, TimetableUpdate};

/// The changes of one turn.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(super) new_runs: Vec<NewRun>,
    /// Runs with new events.
    pub(super) with_events: BTreeSet<RunId>,
    /// Runs whose row changed.
    pub(super) runs: BTreeSet<RunId>,
    /// Runs that are not in memory and end as failed, and when.
    pub(super) failed: BTreeMap<RunId, Timestamp>,
    /// Tasks that start over, and how many instances they had.
    pub(super) cleared: BTreeMap<(RunId, TaskIndex), u32>,
    /// Tasks of which a portion starts over: the instances below these map indexes.
    pub(super) cleared_below: BTreeMap<(RunId, TaskIndex), u32>,
    /// Instances that start over by themselves, as ranges of map indexes.
    pub(super) cleared_ranges: BTreeMap<(RunId, TaskIndex), VecDeque<Range<u32>>>,
    pub(super) instances: BTreeSet<(RunId, Instance)>,
    /// Mapped tasks whose counts changed.
    pub(super) mapped: BTreeSet<(RunId, TaskIndex)>,
    pub(super) attempts: Vec<AttemptRecord>,
    pub(super) missed: Vec<MissedDeadline>,
    pub(super) commands: Vec<CommandDone>,
    pub(super) timetables: BTreeMap<DagKey, TimetableUpdate>,
    /// Published after the commit.
    pub(super) publish: Vec<Dispatch>,
    /// Revoked after the commit.
    pub(super) revoke: Vec<AttemptKey>,
    /// Confirmed after the commit.
    pub(super) confirm: Vec<AttemptKey>,
}

/// How many map indexes are in these ranges.
pub(super) fn indexes_of(ranges: &VecDeque<Range<u32>>) -> usize {
    ranges.iter().map(ExactSizeIterator::len).sum()
}

impl Changes {
    /// About how many rows the turn writes.
    pub(super) fn rows(&self) -> usize {
        let cleared: usize = self.cleared.values().map(|count| *count as usize).sum();
        self.instances.len()
            + self.runs.len()
            + self.with_events.len()
            + self.attempts.len()
            + cleared
            + self.cleared_ranges.values().map(indexes_of).sum::<usize>()
    }

    /// Whether there is nothing to write or to send.
    pub(super) fn is_empty(&self) -> bool {
        self.rows() == 0
            && self.new_runs.is_empty()
            && self.failed.is_empty()
            && self.cleared_below.is_empty()
            && self.mapped.is_empty()
            && self.missed.is_empty()
            && self.commands.is_empty()
            && self.timetables.is_empty()
            && self.publish.is_empty()
            && self.revoke.is_empty()
            && self.confirm.is_empty()
    }

    /// Removes and returns what belongs to some runs that exist.
    pub(super) fn take_runs(&mut self, is_taken: impl Fn(RunId) -> bool) -> Self {
        Self {
            new_runs: Vec::new(),
            with_events: self
                .with_events
                .extract_if(.., |run| is_taken(*run))
                .collect(),
            runs: self.runs.extract_if(.., |run| is_taken(*run)).collect(),
            failed: self
                .failed
                .extract_if(.., |run, _| is_taken(*run))
                .collect(),
            cleared: self
                .cleared
                .extract_if(.., |(run, _), _| is_taken(*run))
                .collect(),
            cleared_below: BTreeMap::new(),
            cleared_ranges: self
                .cleared_ranges
                .extract_if(.., |(run, _), _| is_taken(*run))
                .collect(),
            instances: self
                .instances
                .extract_if(.., |(run, _)| is_taken(*run))
                .collect(),
            mapped: self
                .mapped
                .extract_if(.., |(run, _)| is_taken(*run))
                .collect(),
            attempts: self
                .attempts
                .extract_if(.., |row| is_taken(row.run))
                .collect(),
            missed: self
                .missed
                .extract_if(.., |row| is_taken(row.run))
                .collect(),
            commands: self
                .commands
                .extract_if(.., |row| is_taken(row.run))
                .collect(),
            timetables: BTreeMap::new(),
            publish: self
                .publish
                .extract_if(.., |row| is_taken(row.key.run))
                .collect(),
            revoke: self
                .revoke
                .extract_if(.., |key| is_taken(key.run))
                .collect(),
            confirm: self
                .confirm
                .extract_if(.., |key| is_taken(key.run))
                .collect(),
        }
    }

    /// Adds other changes, which were made later.
    pub(super) fn append(&mut self, mut other: Self) {
        self.new_runs.append(&mut other.new_runs);
        self.with_events.append(&mut other.with_events);
        self.runs.append(&mut other.runs);
        for (task, instances) in other.cleared {
            let cleared = self.cleared.entry(task).or_default();
            *cleared = instances.max(*cleared);
        }
        self.cleared_below.append(&mut other.cleared_below);
        for (task, mut ranges) in other.cleared_ranges {
            let cleared = self.cleared_ranges.entry(task).or_default();
            cleared.append(&mut ranges);
        }
        self.instances.append(&mut other.instances);
        self.mapped.append(&mut other.mapped);
        self.attempts.append(&mut other.attempts);
        self.missed.append(&mut other.missed);
        self.commands.append(&mut other.commands);
        self.timetables.append(&mut other.timetables);
        self.publish.append(&mut other.publish);
        self.revoke.append(&mut other.revoke);
        self.confirm.append(&mut other.confirm);
    }

    pub(super) fn remove_run(&mut self, run: RunId) {
        self.remove_written(run);
        self.with_events.remove(&run);
        self.runs.remove(&run);
        self.failed.remove(&run);
        self.instances.retain(|(of, _)| *of != run);
        self.mapped.retain(|(of, _)| *of != run);
        self.publish.retain(|dispatch| dispatch.key.run != run);
        self.confirm.retain(|key| key.run != run);
    }

    /// Removes what may be written once only.
    pub(super) fn remove_written(&mut self, run: RunId) {
        self.new_runs.retain(|new| new.id != run);
        self.attempts.retain(|attempt| attempt.run != run);
        self.missed.retain(|missed| missed.run != run);
        self.cleared.retain(|(of, _), _| *of != run);
        self.cleared_below.retain(|(of, _), _| *of != run);
        self.cleared_ranges.retain(|(of, _), _| *of != run);
    }

    /// Runs whose row or events were committed.
    pub(crate) fn committed_runs(&self) -> impl Iterator<Item = RunId> {
        self.with_events.iter().chain(&self.runs).copied()
    }

    /// Instances whose row was committed.
    pub(crate) fn committed_instances(&self) -> impl Iterator<Item = (RunId, Instance)> {
        self.instances.iter().copied()
    }

    /// What is sent to the broker: dispatches, revocations, confirmations.
    pub(crate) fn into_messages(self) -> (Vec<Dispatch>, Vec<AttemptKey>, Vec<AttemptKey>) {
        (self.publish, self.revoke, self.confirm)
    }
}
