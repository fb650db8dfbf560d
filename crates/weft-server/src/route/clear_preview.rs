//! Preview of a clear: the instances that would run again.

use crate::{app::App, problem::Problem, view};
use std::collections::HashMap;
use weft_api::{ClearPreview, ClearedInstance, Counts, InstanceState, TaskSummary};
use weft_core::document::{Dag, TaskIndex};
use weft_store_sql::RunRow;

/// The most instances that are listed; their number is exact in any case.
const MAX_INSTANCES: usize = 1_000;

/// The instances of these tasks, and of those downstream of them where that is wanted.
pub(super) async fn preview(
    app: &App,
    (run, dag): (&RunRow, &Dag),
    tasks: &[TaskIndex],
    downstream: bool,
) -> Result<ClearPreview, Problem> {
    let cleared = cleared(dag, tasks, downstream);
    let summaries = app.database().list_summaries_of_runs(&[run.id]).await?;
    let mapped: HashMap<TaskIndex, _> = summaries
        .into_iter()
        .map(|summary| (summary.task, summary))
        .collect();
    let single = cleared.iter().filter(|task| !mapped.contains_key(task));
    let ranges: Vec<_> = single.map(|task| (run.id, task.0..task.0 + 1)).collect();
    let rows = app.database().list_single_instances(&ranges).await?;
    let states: HashMap<TaskIndex, InstanceState> = rows
        .iter()
        .map(|row| (row.task, view::instance::state_of(row.state)))
        .collect();
    let mut preview = ClearPreview {
        tasks: Vec::with_capacity(cleared.len()),
        instances: Vec::new(),
        total: 0,
    };
    for task in cleared {
        let document = &dag.tasks[task.as_usize()];
        let name = document.id.to_string();
        let (instances, counts) = if let Some(summary) = mapped.get(&task) {
            let left = MAX_INSTANCES.saturating_sub(preview.instances.len());
            let end = summary
                .instances
                .min(u32::try_from(left).unwrap_or(u32::MAX));
            let rows = app
                .database()
                .list_states_of_mapped_task((run.id, task), 0..end, false)
                .await?;
            preview
                .instances
                .extend(rows.into_iter().map(|(index, state)| ClearedInstance {
                    task: name.clone(),
                    index,
                    state: view::instance::state_of(state),
                }));
            (
                u64::from(summary.instances),
                view::run::counts(&summary.counts),
            )
        } else {
            let state = states.get(&task).copied().unwrap_or(InstanceState::Waiting);
            let mut counts = Counts::default();
            view::instance::count_one(&mut counts, state);
            if preview.instances.len() < MAX_INSTANCES {
                preview.instances.push(ClearedInstance {
                    task: name.clone(),
                    index: 0,
                    state,
                });
            }
            (1, counts)
        };
        preview.total += instances;
        preview.tasks.push(TaskSummary {
            task: name,
            mapped: !document.expand.is_empty(),
            instances,
            counts,
        });
    }
    Ok(preview)
}

/// The tasks in the order of the DAG, each after its upstreams.
fn cleared(dag: &Dag, tasks: &[TaskIndex], downstream: bool) -> Vec<TaskIndex> {
    let mut is_cleared = vec![false; dag.tasks.len()];
    for task in tasks {
        is_cleared[task.as_usize()] = true;
    }
    let order = crate::grid::upstreams_first(dag);
    if downstream {
        for task in &order {
            let upstreams = &dag.tasks[task.as_usize()].upstreams;
            if upstreams.iter().any(|up| is_cleared[up.as_usize()]) {
                is_cleared[task.as_usize()] = true;
            }
        }
    }
    order
        .into_iter()
        .filter(|task| is_cleared[task.as_usize()])
        .collect()
}
