//! The changes of a turn: names, not contents. The contents are read from the runs when the turn
//! is committed, so that an instance that changes five times in a turn is written once.

use std::collections::{BTreeMap, BTreeSet};
use weft_broker::{AttemptKey, Dispatch};
use weft_core::{document::TaskIndex, run::Instance, run_id::RunId};
use weft_store::{AttemptRecord, CommandDone, DagKey, NewRun, TimetableUpdate};

/// The changes of one turn.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(super) new_runs: Vec<NewRun>,
    /// Runs with new events.
    pub(super) with_events: BTreeSet<RunId>,
    /// Runs whose row changed.
    pub(super) runs: BTreeSet<RunId>,
    pub(super) cleared: BTreeSet<(RunId, TaskIndex)>,
    pub(super) instances: BTreeSet<(RunId, Instance)>,
    /// Mapped tasks whose counts changed.
    pub(super) mapped: BTreeSet<(RunId, TaskIndex)>,
    pub(super) attempts: Vec<AttemptRecord>,
    pub(super) commands: Vec<CommandDone>,
    pub(super) timetables: BTreeMap<DagKey, TimetableUpdate>,
    /// Published after the commit.
    pub(super) publish: Vec<Dispatch>,
    /// Revoked after the commit.
    pub(super) revoke: Vec<AttemptKey>,
    /// Confirmed after the commit.
    pub(super) confirm: Vec<AttemptKey>,
}

impl Changes {
    /// About how many rows the turn writes.
    pub(super) fn rows(&self) -> usize {
        self.instances.len() + self.runs.len() + self.with_events.len() + self.attempts.len()
    }

    pub(super) fn remove_run(&mut self, run: RunId) {
        self.remove_written(run);
        self.with_events.remove(&run);
        self.runs.remove(&run);
        self.instances.retain(|(of, _)| *of != run);
        self.mapped.retain(|(of, _)| *of != run);
        self.publish.retain(|dispatch| dispatch.key.run != run);
        self.confirm.retain(|key| key.run != run);
    }

    /// Removes what may be written once only.
    pub(super) fn remove_written(&mut self, run: RunId) {
        self.new_runs.retain(|new| new.id != run);
        self.attempts.retain(|attempt| attempt.run != run);
        self.cleared.retain(|(of, _)| *of != run);
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
