//! Deadlines of runs and their tasks.

use super::events::RunEvents;
use weft_core::{document::TaskIndex, run::Timer, run_id::RunId};

/// Sets the timers of the deadlines that a run can still miss.
pub(crate) fn set_deadlines(events: &mut RunEvents<'_>, run: RunId) {
    let Some(active) = events.runs.get(run) else {
        return;
    };
    for (task, after) in active.version.deadlines.iter() {
        if active.run.can_miss(*task) {
            let timer = Timer::Deadline { task: *task };
            events
                .schedule
                .set_timer(active.due.plus(*after), run, timer);
        }
    }
}

/// What passes its deadline is stopped where its document says so: what waits for it is dropped.
pub(crate) fn drop_stopped_at_deadline(
    events: &mut RunEvents<'_>,
    run: RunId,
    task: Option<TaskIndex>,
) {
    let Some(active) = events.runs.get(run) else {
        return;
    };
    let plan = active.run.plan();
    match task {
        None if plan.bounds().stops_at_deadline => events.drop_stopped(run),
        Some(task) if plan.step(task).stops_at_deadline => events.drop_task(run, task),
        None | Some(_) => {}
    }
}
