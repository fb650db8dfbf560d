//! What a turn has changed so far and not written: names, not contents. The
//! contents are read off the runs when the turn is committed, so that a thing
//! that changes five times in a turn is written once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use weft_broker::{AttemptKey, Dispatch};
use weft_core::{document::TaskIndex, run::Instance, run_id::RunId, time::Timestamp};
use weft_store::{AttemptRecord, CommandDone, DagKey, NewRun, TimetableUpdate};

/// The changes of a turn.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) new_runs: Vec<NewRun>,
    /// Runs that have events to write.
    pub(crate) touched: BTreeSet<RunId>,
    /// Runs whose row changed.
    pub(crate) runs: BTreeSet<RunId>,
    pub(crate) cleared: BTreeSet<(RunId, TaskIndex)>,
    pub(crate) instances: BTreeSet<(RunId, Instance)>,
    /// Mapped tasks whose counts changed.
    pub(crate) mapped: BTreeSet<(RunId, TaskIndex)>,
    pub(crate) attempts: Vec<AttemptRecord>,
    pub(crate) commands: Vec<CommandDone>,
    pub(crate) timetables: BTreeMap<DagKey, TimetableUpdate>,
    /// To be published once it is committed.
    pub(crate) publish: Vec<Dispatch>,
    /// To be revoked once it is committed.
    pub(crate) revoke: Vec<AttemptKey>,
    /// To be confirmed once it is committed.
    pub(crate) confirm: Vec<AttemptKey>,
    /// Somebody waits for this turn.
    pub(crate) urgent: bool,
    /// Attempts that have started, and when: their rows say it later, and never where they end
    /// before.
    pub(crate) started: VecDeque<(Timestamp, RunId, Instance)>,
}

impl Changes {
    /// Rows that writing it takes, roughly.
    pub(crate) fn rows(&self) -> usize {
        self.instances.len() + self.runs.len() + self.touched.len() + self.attempts.len()
    }

    /// Leaves a run out: it broke the turn.
    pub(crate) fn forget_run(&mut self, run: RunId) {
        self.new_runs.retain(|new| new.id != run);
        self.touched.remove(&run);
        self.runs.remove(&run);
        self.cleared.retain(|(of, _)| *of != run);
        self.instances.retain(|(of, _)| *of != run);
        self.mapped.retain(|(of, _)| *of != run);
        self.started.retain(|(_, of, _)| *of != run);
        self.attempts.retain(|attempt| attempt.run != run);
        self.publish.retain(|dispatch| dispatch.key.run != run);
        // Its reports come again, and are confirmed once it is failed.
        self.confirm.retain(|key| key.run != run);
    }
}
