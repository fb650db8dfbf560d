//! Runs whose changes are more rows than one turn writes.
//!
//! A cancel, a timeout or a clear may change a million instances at once. Turns in portions write
//! those of their rows that follow from that event alone: instances that it cancelled, attempts that
//! it revoked, and what becomes history. Everything else of the run waits and is written by the
//! turn of the last portion: the events, the run's row, the result of the command. So the database
//! has the run as it was before, and a scheduler that takes over in between applies the command again,
//! which writes the same rows. The broker and listeners learn of it after the last portion, too.

use super::{
    super::runs::Runs,
    changes::{Changes, indexes_of},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    ops::Range,
};
use weft_core::{
    document::TaskIndex,
    run::{Instance, InstanceState},
    run_id::RunId,
};
use weft_store::{AttemptRecord, CommandId};

/// How the records of revoked attempts name their end.
pub(crate) const REVOKED: &str = "revoked";

/// The large runs.
#[derive(Debug, Default)]
pub(super) struct LargeRuns {
    runs: BTreeMap<RunId, EarlyRows>,
    /// What is written with the last portion of each run.
    rest: Changes,
}

/// Rows of a run that are written before its events.
#[derive(Debug, Default)]
struct EarlyRows {
    cancelled: BTreeSet<Instance>,
    revoked: Vec<AttemptRecord>,
    /// Map indexes of instances that are not history yet.
    cleared: BTreeMap<TaskIndex, Range<u32>>,
    /// The same of instances that were cleared by themselves.
    cleared_ranges: BTreeMap<TaskIndex, VecDeque<Range<u32>>>,
    /// Tasks of which instances were cleared by themselves. Their rows are written with the last
    /// portion, so that none is written before it is cleared.
    late: BTreeSet<TaskIndex>,
}

impl LargeRuns {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn contains(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    pub(super) fn has_command(&self, id: CommandId) -> bool {
        self.rest.commands.iter().any(|done| done.id == id)
    }

    /// Takes the new changes of large runs.
    pub(super) fn take_changes(&mut self, changes: &mut Changes, runs: &Runs) {
        if !self.is_empty() {
            let more = changes.take_runs(|run| self.contains(run));
            self.add(more, runs);
        }
    }

    /// Takes the new changes of large runs, and separates further runs while `changes` are more than
    /// `max_rows`. Returns those.
    pub(super) fn separate(
        &mut self,
        changes: &mut Changes,
        runs: &Runs,
        max_rows: usize,
    ) -> BTreeSet<RunId> {
        self.take_changes(changes, runs);
        let rows = changes.rows();
        let mut large = BTreeSet::new();
        if rows <= max_rows {
            return large;
        }
        let mut by_size: Vec<(usize, RunId)> = early_rows(changes, runs)
            .into_iter()
            .map(|(run, rows)| (rows, run))
            .collect();
        by_size.sort_unstable_by(|one, other| other.cmp(one));
        let mut excess = rows - max_rows;
        for (rows, run) in by_size {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(rows);
            large.insert(run);
        }
        for run in &large {
            self.runs.entry(*run).or_default();
        }
        let taken = changes.take_runs(|run| large.contains(&run));
        self.add(taken, runs);
        large
    }

    /// Adds the next portion to the changes of a turn, at most `max_rows`; with a run's last one
    /// everything else of it. Returns the runs of which nothing is left.
    pub(super) fn draw(
        &mut self,
        mut max_rows: usize,
        changes: &mut Changes,
        runs: &Runs,
    ) -> BTreeSet<RunId> {
        let mut complete = BTreeSet::new();
        while max_rows > 0
            && let Some(mut entry) = self.runs.first_entry()
        {
            let run = *entry.key();
            let early = entry.get_mut();
            max_rows -= early.draw(run, max_rows, changes, &mut self.rest, runs);
            if !early.is_empty() {
                break;
            }
            entry.remove();
            complete.insert(run);
        }
        if !complete.is_empty() {
            let rest = self.rest.take_runs(|run| complete.contains(&run));
            changes.append(rest);
        }
        complete
    }

    /// Releases everything of a run but its early rows, which are dropped.
    pub(super) fn release(&mut self, run: RunId) -> Changes {
        self.runs.remove(&run);
        self.rest.take_runs(|of| of == run)
    }

    /// Adds changes of large runs.
    fn add(&mut self, mut changes: Changes, runs: &Runs) {
        for ((run, task), instances) in &changes.cleared {
            // Another generation of the task may have been cancelled since: the portions of the
            // clear would remove its rows.
            if let Some(early) = self.runs.get_mut(run) {
                let outdated = early.cancelled.extract_if(.., |of| of.task == *task);
                let outdated = outdated.map(|instance| (*run, instance));
                self.rest.instances.extend(outdated);
                // A task that is not mapped takes no portions.
                if *instances > 1 {
                    let left = early.cleared.entry(*task).or_default();
                    left.end = left.end.max(*instances);
                }
            }
        }
        for ((run, task), mut ranges) in std::mem::take(&mut changes.cleared_ranges) {
            if let Some(early) = self.runs.get_mut(&run) {
                let outdated = early.cancelled.extract_if(.., |of| of.task == task);
                let outdated = outdated.map(|instance| (run, instance));
                self.rest.instances.extend(outdated);
                early.late.insert(task);
                let left = early.cleared_ranges.entry(task).or_default();
                left.append(&mut ranges);
            }
        }
        self.rest.cleared.append(&mut changes.cleared);
        let cleared = &self.rest.cleared;
        let late = |key: &(RunId, Instance)| {
            let early = self.runs.get(&key.0);
            early.is_some_and(|early| early.late.contains(&key.1.task))
        };
        let is_early = |key: &(RunId, Instance)| {
            is_cancelled(runs, *key) && !cleared.contains_key(&(key.0, key.1.task)) && !late(key)
        };
        let early: Vec<_> = changes
            .instances
            .extract_if(.., |key| is_early(key))
            .collect();
        for (run, instance) in early {
            if let Some(early) = self.runs.get_mut(&run) {
                early.cancelled.insert(instance);
            }
        }
        for attempt in changes
            .attempts
            .extract_if(.., |attempt| attempt.end == REVOKED)
        {
            if let Some(early) = self.runs.get_mut(&attempt.run) {
                early.revoked.push(attempt);
            }
        }
        self.rest.append(changes);
    }
}

impl EarlyRows {
    fn is_empty(&self) -> bool {
        self.cancelled.is_empty()
            && self.revoked.is_empty()
            && self.cleared.is_empty()
            && self.cleared_ranges.is_empty()
    }

    /// Moves at most `max_rows` of them to `changes`; returns how many there were.
    fn draw(
        &mut self,
        run: RunId,
        max_rows: usize,
        changes: &mut Changes,
        rest: &mut Changes,
        runs: &Runs,
    ) -> usize {
        let mut left = max_rows;
        while left > 0
            && let Some(mut entry) = self.cleared.first_entry()
        {
            let (task, range) = (*entry.key(), entry.get_mut());
            let portion = u32::try_from(left).unwrap_or(u32::MAX);
            let end = range.end.min(range.start.saturating_add(portion));
            left -= (end - range.start) as usize;
            range.start = end;
            if range.start == range.end {
                entry.remove();
            }
            changes.cleared_below.insert((run, task), end);
        }
        while left > 0
            && let Some(mut entry) = self.cleared_ranges.first_entry()
        {
            let task = *entry.key();
            let Some(mut range) = entry.get_mut().pop_front() else {
                entry.remove();
                continue;
            };
            let portion = u32::try_from(left).unwrap_or(u32::MAX);
            let end = range.end.min(range.start.saturating_add(portion));
            left -= (end - range.start) as usize;
            let drawn = changes.cleared_ranges.entry((run, task)).or_default();
            drawn.push_back(range.start..end);
            range.start = end;
            if range.is_empty() {
                continue;
            }
            entry.get_mut().push_front(range);
        }
        while left > 0
            && let Some(instance) = self.cancelled.pop_first()
        {
            // Since it was cancelled, its task may have been cleared.
            if is_cancelled(runs, (run, instance)) {
                changes.instances.insert((run, instance));
                left -= 1;
            } else {
                rest.instances.insert((run, instance));
            }
        }
        let from = self.revoked.len().saturating_sub(left);
        left -= self.revoked.len() - from;
        changes.attempts.extend(self.revoked.drain(from..));
        max_rows - left
    }
}

/// How many rows of each run may be written before its events.
fn early_rows(changes: &Changes, runs: &Runs) -> HashMap<RunId, usize> {
    let mut rows: HashMap<RunId, usize> = HashMap::new();
    let instances = changes.instances.iter();
    for (run, _) in instances.filter(|key| is_cancelled(runs, **key)) {
        *rows.entry(*run).or_default() += 1;
    }
    let attempts = changes.attempts.iter();
    for attempt in attempts.filter(|attempt| attempt.end == REVOKED) {
        *rows.entry(attempt.run).or_default() += 1;
    }
    for ((run, _), instances) in &changes.cleared {
        *rows.entry(*run).or_default() += *instances as usize;
    }
    for ((run, _), ranges) in &changes.cleared_ranges {
        *rows.entry(*run).or_default() += indexes_of(ranges);
    }
    // A run is created before anything else of it is written.
    for new in &changes.new_runs {
        rows.remove(&new.id);
    }
    rows
}

fn is_cancelled(runs: &Runs, (run, instance): (RunId, Instance)) -> bool {
    matches!(runs.instance(run, instance), Some(InstanceState::Cancelled))
}
