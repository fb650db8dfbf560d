//! No task runs before what it depends on in the run before; and what deadlines stop.

use super::{Auditor, Seen, state::Done};
use crate::installation::tables::Tables;
use weft_core::{document::TaskIndex, run_id::RunId, time::Timestamp};
use weft_store::{RunKind, Turn};

impl Auditor {
    /// Checks the tasks that a turn lets run. A run before that was made later, or that the same turn
    /// changes, may have been in another state when they were checked.
    pub(super) fn check_allowed(
        &mut self,
        turn: &Turn,
        done: &Done,
        seen: &mut Seen<'_>,
    ) -> Result<(), String> {
        for (run, task) in &done.allowed {
            let Some(row) = seen.tables.run_row(*run) else {
                continue;
            };
            let own = row.stored.clone();
            let is_dated = matches!(own.kind, RunKind::Scheduled | RunKind::Backfill);
            let Some(parsed) = self.parsed_of(*run, seen.tables).filter(|_| is_dated) else {
                continue;
            };
            let settings = &parsed.dag.tasks[task.as_usize()];
            if !settings.precondition.waits_for_past() {
                continue;
            }
            let found = seen.tables.runs_before(&[(own.dag, own.logical_date)])[0];
            let is_changed = |run: RunId| turn.events.iter().any(|chunk| chunk.run == run);
            let Some(before) = found.filter(|before| !is_changed(before.run)) else {
                continue;
            };
            let earlier = seen.tables.run_row(before.run);
            if earlier.is_none_or(|row| row.stored.created >= own.created) {
                continue;
            }
            // One whose events can't be written fails without any.
            if !self.runs.contains_key(&before.run) && before.state.is_ended() {
                continue;
            }
            seen.coverage.add("audited: run before");
            self.check_before(*run, *task, before.run)?;
        }
        Ok(())
    }

    /// Whether a deadline has passed that stops the run or a task of it, and that it can still miss.
    pub(super) fn stops_at_deadline(
        &self,
        run: RunId,
        latest: Option<Timestamp>,
        tables: &Tables,
    ) -> bool {
        let (Some(watched), Some(row)) = (self.runs.get(&run), tables.run_row(run)) else {
            return false;
        };
        let due = match row.stored.kind {
            RunKind::Scheduled => row.stored.logical_date,
            _ => row.stored.not_before,
        };
        let dag = &watched.parsed.dag;
        let of_tasks = (0..)
            .zip(&dag.tasks)
            .map(|(task, of)| (Some(TaskIndex(task)), of.deadline));
        let mut all = std::iter::once((None, dag.deadline)).chain(of_tasks);
        all.any(|(task, deadline)| {
            deadline.is_some_and(|deadline| {
                let has_passed = Some(due.plus(deadline.after)) <= latest;
                deadline.stops && has_passed && watched.machine.can_miss(task)
            })
        })
    }

    fn check_before(&self, run: RunId, task: TaskIndex, before: RunId) -> Result<(), String> {
        let (Some(own), Some(other)) = (self.runs.get(&run), self.runs.get(&before)) else {
            return Err(format!("{task:?} of {run} runs before {before} has begun"));
        };
        if other.broken {
            return Ok(());
        }
        let id = &own.parsed.dag.tasks[task.as_usize()].id;
        let mut tasks = other.machine.plan().tasks();
        let same = tasks.find(|task| other.parsed.dag.tasks[task.as_usize()].id == *id);
        let counts = same.map(|same| other.machine.counts(same));
        let holds = counts.is_none_or(|counts| {
            counts.unfinished() + counts.failed + counts.upstream_failed + counts.cancelled == 0
        });
        if holds {
            Ok(())
        } else {
            Err(format!(
                "{task:?} of {run} runs, and in {before} it is {counts:?}"
            ))
        }
    }
}
