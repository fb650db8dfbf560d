//! What becomes due without an event: timers, scheduled runs, queued runs.

use super::timers::Timers;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};
use weft_core::{run::Timer, run_id::RunId, time::Timestamp};
use weft_store::DagKey;

/// The due times of a shard, and the DAGs whose queued runs may start.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    timers: Timers,
    /// When scheduled runs are created. The DAG's own entry says which date holds: one that no
    /// longer holds is skipped when it is due.
    timetables: BinaryHeap<Reverse<(Timestamp, DagKey)>>,
    /// Planned creations that wait until fewer runs of the DAG are queued.
    delayed: BTreeMap<DagKey, Timestamp>,
    /// DAGs that may have a queued run that may start.
    to_start: BTreeSet<DagKey>,
    /// When the next queued run that waits for its time may start.
    next_queued: Option<Timestamp>,
}

impl Schedule {
    /// When the shard has work even if no event arrives.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let next_run = self.timetables.peek().map(|Reverse((at, _))| *at);
        [self.timers.next(), next_run, self.next_queued]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn set_timer(&mut self, at: Timestamp, run: RunId, timer: Timer) {
        self.timers.set(at, run, timer);
    }

    pub(crate) fn pop_timer(&mut self, now: Timestamp) -> Option<(RunId, Timer)> {
        self.timers.pop_due(now)
    }

    /// Plans the creation of a DAG's next scheduled run.
    pub(crate) fn set_timetable(&mut self, at: Timestamp, dag: DagKey) {
        self.timetables.push(Reverse((at, dag)));
    }

    /// Removes the earliest planned creation that is due by now.
    pub(crate) fn pop_timetable(&mut self, now: Timestamp) -> Option<(Timestamp, DagKey)> {
        self.timetables
            .peek()
            .filter(|Reverse((at, _))| *at <= now)?;
        self.timetables.pop().map(|Reverse(entry)| entry)
    }

    /// Delays a planned creation until [`Self::resume_timetable`] is called.
    pub(crate) fn delay_timetable(&mut self, at: Timestamp, dag: DagKey) {
        self.delayed.insert(dag, at);
    }

    /// Plans a delayed creation of a DAG's again, since queued runs of it may have started.
    pub(crate) fn resume_timetable(&mut self, dag: DagKey) {
        if let Some(at) = self.delayed.remove(&dag) {
            self.set_timetable(at, dag);
        }
    }

    /// Plans every delayed creation again.
    pub(crate) fn resume_timetables(&mut self) {
        for (dag, at) in std::mem::take(&mut self.delayed) {
            self.set_timetable(at, dag);
        }
    }

    /// Marks a DAG whose queued runs may start.
    pub(crate) fn mark_startable(&mut self, dag: DagKey) {
        self.to_start.insert(dag);
    }

    /// Whether a DAG is marked as one whose queued runs may start.
    pub(crate) fn is_startable(&self, dag: DagKey) -> bool {
        self.to_start.contains(&dag)
    }

    pub(crate) fn pop_startable(&mut self) -> Option<DagKey> {
        self.to_start.pop_first()
    }

    pub(crate) fn has_startable(&self) -> bool {
        !self.to_start.is_empty()
    }

    /// Takes over which queued runs the database has: the DAGs of those that may start, and when
    /// the next one may.
    pub(crate) fn set_queued(&mut self, dags: Vec<DagKey>, next: Option<Timestamp>) {
        self.to_start.extend(dags);
        self.next_queued = next;
    }

    /// Whether a queued run that waited for its time may start now.
    pub(crate) fn is_queued_run_due(&self, now: Timestamp) -> bool {
        self.next_queued.is_some_and(|at| at <= now)
    }
}
