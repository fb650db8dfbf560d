//! Work of a shard that becomes due without an event: timers, scheduled runs, queued runs.

use super::timers::Timers;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashSet, VecDeque},
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
    /// DAGs that may have a queued run that may start, in the order in which they were marked: one
    /// that is marked again and again goes behind the others each time.
    to_start: VecDeque<DagKey>,
    /// The same.
    is_to_start: HashSet<DagKey>,
    /// DAGs that have no queued run that may start, as of the last read, and were not marked since.
    without_queued: HashSet<DagKey>,
    /// When the next queued run that waits for its time may start.
    next_queued: Option<Timestamp>,
    /// When the rate of a DAG allows further starts.
    held_back: BTreeSet<(Timestamp, DagKey)>,
}

impl Schedule {
    /// When the shard has work even if no event arrives.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let next_run = self.timetables.peek().map(|Reverse((at, _))| *at);
        let next_held_back = self.held_back.first().map(|(at, _)| *at);
        [
            self.timers.next(),
            next_run,
            self.next_queued,
            next_held_back,
        ]
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
        self.without_queued.remove(&dag);
        if self.is_to_start.insert(dag) {
            self.to_start.push_back(dag);
        }
    }

    /// Marks a DAG of which a run has ended, if it may have another one that waited for that.
    pub(crate) fn mark_run_ended(&mut self, dag: DagKey) {
        if !self.without_queued.contains(&dag) {
            self.mark_startable(dag);
        }
    }

    /// Records that all queued runs of a DAG that may start were read and have started.
    pub(crate) fn record_none_queued(&mut self, dag: DagKey) {
        self.without_queued.insert(dag);
    }

    /// Plans to mark a DAG whose rate allows further starts at that time.
    pub(crate) fn mark_startable_at(&mut self, at: Timestamp, dag: DagKey) {
        self.held_back.insert((at, dag));
    }

    /// Marks the DAGs whose rate allows further starts by now.
    pub(crate) fn mark_released(&mut self, now: Timestamp) {
        while let Some((at, dag)) = self.held_back.pop_first() {
            if at > now {
                self.held_back.insert((at, dag));
                return;
            }
            self.mark_startable(dag);
        }
    }

    /// Whether a DAG is marked as one whose queued runs may start.
    pub(crate) fn is_startable(&self, dag: DagKey) -> bool {
        self.is_to_start.contains(&dag)
    }

    /// Removes the DAG that was marked first.
    pub(crate) fn pop_startable(&mut self) -> Option<DagKey> {
        let dag = self.to_start.pop_front()?;
        self.is_to_start.remove(&dag);
        Some(dag)
    }

    pub(crate) fn has_startable(&self) -> bool {
        !self.to_start.is_empty()
    }

    /// Takes over which queued runs the database has: the DAGs of those that may start, and when
    /// the next one may.
    pub(crate) fn set_queued(&mut self, dags: Vec<DagKey>, next: Option<Timestamp>) {
        for dag in dags {
            self.mark_startable(dag);
        }
        self.next_queued = next;
    }

    /// Whether a queued run that waited for its time may start now.
    pub(crate) fn is_queued_run_due(&self, now: Timestamp) -> bool {
        self.next_queued.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_marks_its_dag_unless_none_was_queued() {
        let mut schedule = Schedule::default();
        let dag = DagKey(1);
        let is_marked_by_an_end = |schedule: &mut Schedule| {
            schedule.mark_run_ended(dag);
            schedule.pop_startable() == Some(dag)
        };
        assert!(is_marked_by_an_end(&mut schedule), "it was never read");
        schedule.record_none_queued(dag);
        assert!(!is_marked_by_an_end(&mut schedule));
        schedule.mark_startable(dag);
        assert_eq!(schedule.pop_startable(), Some(dag));
        assert!(is_marked_by_an_end(&mut schedule), "a run was queued since");
    }

    #[test]
    fn a_dag_that_is_marked_again_goes_behind_those_that_wait() {
        let mut schedule = Schedule::default();
        schedule.set_queued((1..=100).map(DagKey).collect(), None);
        let mut seen = HashSet::new();
        for _turn in 0..2 {
            let dags: Vec<DagKey> = (0..64).map_while(|_| schedule.pop_startable()).collect();
            for dag in dags {
                seen.insert(dag);
                // A run of it ended.
                schedule.mark_startable(dag);
                schedule.mark_startable(dag);
            }
        }
        assert_eq!(seen.len(), 100, "two turns of 64 reach all of them");
        assert_eq!((0..).map_while(|_| schedule.pop_startable()).count(), 100);
        assert!(!schedule.has_startable());
    }
}
