//! Whether tasks' conditions on other runs hold.

use super::events::RunEvents;
use crate::{
    active_run::ActiveRun,
    shard::{preconditions::Checked, runs::Runs},
    versions::Version,
};
use weft_core::{document::TaskIndex, run::Event, time::Timestamp};
use weft_store::RunKind;

/// What is known without another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Runs,
    Skips,
    /// The run before decides.
    ByRunBefore,
}

/// Judges a task by its own run; `None` where it does not wait for that.
pub(crate) fn judge(runs: &Runs, (run, task): Checked, now: Timestamp) -> Option<Verdict> {
    let active = runs.get(run)?;
    if !active.run.awaits_precondition(task) {
        return None;
    }
    let precondition = active.task(task).precondition;
    let is_dated = matches!(active.kind, RunKind::Scheduled | RunKind::Backfill);
    if !is_dated {
        return Some(Verdict::Runs);
    }
    let timetable = active.version.timetable.as_ref();
    let is_latest = timetable.is_none_or(|dates| dates.is_latest(active.logical_date, now));
    Some(if precondition.latest_only && !is_latest {
        Verdict::Skips
    } else if precondition.waits_for_past() {
        Verdict::ByRunBefore
    } else {
        Verdict::Runs
    })
}

/// Lets a task run, or skips it.
pub(crate) fn answer(events: &mut RunEvents<'_>, (run, task): Checked, runs: bool) {
    let Some(active) = events.runs.get(run) else {
        return;
    };
    let event = Event::PreconditionChecked {
        task,
        generation: active.run.generation(task),
        runs,
    };
    if let Err(rejection) = events.apply(run, event) {
        tracing::debug!(%run, ?task, %rejection, operation = "check preconditions", "the run rejects the answer; the task does not wait for it");
    }
}

/// The tasks of the run before that must not have failed: none where it did not have the task.
pub(crate) fn tasks_before(own: &Version, task: TaskIndex, before: &Version) -> Vec<TaskIndex> {
    let task = &own.dag.tasks[task.as_usize()];
    let mut tasks = before.plan.tasks();
    let same = tasks.find(|other| before.dag.tasks[other.as_usize()].id == task.id);
    let downstreams = match same {
        Some(same) if task.precondition.wait_for_downstream => before.plan.downstreams(same),
        Some(_) | None => &[],
    };
    same.into_iter()
        .chain(downstreams.iter().copied())
        .collect()
}

/// Whether the run before, which is in memory, lets a task run.
pub(crate) fn allows(before: &ActiveRun, own: &Version, task: TaskIndex) -> bool {
    let tasks = tasks_before(own, task, &before.version);
    tasks.into_iter().all(|task| {
        let counts = before.run.counts(task);
        counts.unfinished() + counts.failed + counts.upstream_failed + counts.cancelled == 0
    })
}
