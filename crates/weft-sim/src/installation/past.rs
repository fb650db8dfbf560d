//! Tasks that wait for the run before, in a world where nothing happens any more.
//!
//! Those that wait for what failed there wait until somebody marks them. Any other one waits wrongly.

use super::{documents::Parsed, operators::Operators, truth::Truth};
use std::sync::Arc;
use weft_core::{document::TaskIndex, run::Marked, run_id::RunId, wait::TaskEnd};
use weft_store::CommandKind;

/// Skips the tasks that wait for what failed in the run before; `false` if there is none. The error
/// names one that waits for nothing.
pub fn skip_what_waits(people: &mut Operators, truth: &mut Truth) -> Result<bool, String> {
    let mut has_any = false;
    for (run, task) in truth.auditor.waiting_for_past() {
        let Some(row) = truth.tables.run_row(run) else {
            continue;
        };
        let date = (row.stored.dag, row.stored.logical_date);
        let Some(before) = truth.tables.runs_before(&[date])[0] else {
            return Err(format!(
                "{task:?} of {run} waits, and there is no run before"
            ));
        };
        if !before.state.is_ended() {
            continue;
        }
        let own = truth.auditor.parsed_of(run, &truth.tables);
        let other = truth.auditor.parsed_of(before.run, &truth.tables);
        let (Some(own), Some(other)) = (own, other) else {
            continue;
        };
        let asked = tasks_before(&own, task, &other, before.run);
        let ends = truth.tables.task_ends(&asked);
        let mut ends = ends.into_iter().map(|(_, _, end)| end);
        if !ends.any(|end| matches!(end, TaskEnd::Failed | TaskEnd::Cancelled)) {
            return Err(format!(
                "{task:?} of {run} waits for {asked:?}, of which none failed"
            ));
        }
        let kind = CommandKind::Mark {
            task: own.dag.tasks[task.as_usize()].id.clone(),
            index: 0,
            as_state: Marked::Skipped,
        };
        people.send_command(truth, run, kind);
        truth
            .coverage
            .add("operator: skips what waits for the past");
        has_any = true;
    }
    Ok(has_any)
}

/// The task in the run before, and what it waits for there besides.
fn tasks_before(
    own: &Arc<Parsed>,
    task: TaskIndex,
    before: &Arc<Parsed>,
    run: RunId,
) -> Vec<(RunId, TaskIndex)> {
    let task = &own.dag.tasks[task.as_usize()];
    let mut found = Vec::new();
    for (index, other) in (0..).zip(&before.dag.tasks) {
        if other.id == task.id {
            found.push((run, TaskIndex(index)));
        }
    }
    if task.precondition.wait_for_downstream {
        let same: Vec<TaskIndex> = found.iter().map(|(_, task)| *task).collect();
        for (index, other) in (0..).zip(&before.dag.tasks) {
            if other.upstreams.iter().any(|up| same.contains(up)) {
                found.push((run, TaskIndex(index)));
            }
        }
    }
    found
}
