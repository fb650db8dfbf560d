//! Runs that called each other.

use super::runs::{RunPath, find};
use crate::{app::App, auth::Reading, caller::By, extract::Path, problem::Problem, view};
use axum::extract::State;
use std::collections::HashMap;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{CallerInstance, RunTree, Time, TreeRun};
use weft_core::{document::TaskIndex, run_id::RunId};
use weft_store::VersionId;
use weft_store_sql::{MAX_TREE_RUNS, TreeRow};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show_run_tree))
}

/// Show the runs that called each other
///
/// The run, the runs above it that called each other down to it, and everything that the first of
/// them called, directly and by other runs.
#[utoipa::path(get, path = "/runs/{run}/tree", tag = "runs", params(RunPath), responses((status = 200, description = "At most 10,000 runs", body = RunTree)))]
async fn show_run_tree(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
) -> Result<axum::Json<RunTree>, Problem> {
    let run = find(&app, &by.tenant, path.run.0).await?.id;
    let rows = app.database().run_tree(&by.tenant, run).await?;
    let versions: HashMap<RunId, VersionId> =
        rows.iter().map(|row| (row.id, row.version)).collect();
    let truncated = rows.len() > MAX_TREE_RUNS as usize;
    let mut runs = Vec::with_capacity(rows.len());
    for row in rows.iter().take(MAX_TREE_RUNS as usize) {
        let called_by = match row.caller {
            Some((caller, task, index)) => Some(CallerInstance {
                run: caller.to_string(),
                task: task_name(&app, versions.get(&caller).copied(), task).await?,
                index,
            }),
            None => None,
        };
        runs.push(tree_run(row, called_by));
    }
    Ok(axum::Json(RunTree { runs, truncated }))
}

/// The name of a task; its number where its run is gone.
async fn task_name(
    app: &App,
    version: Option<VersionId>,
    task: TaskIndex,
) -> Result<String, Problem> {
    let Some(version) = version else {
        return Ok(task.0.to_string());
    };
    let document = app.documents().of(app.database(), version).await?;
    let task = document.tasks.get(task.as_usize());
    Ok(task.map_or_else(String::new, |task| task.id.to_string()))
}

fn tree_run(row: &TreeRow, called_by: Option<CallerInstance>) -> TreeRun {
    TreeRun {
        id: row.id.to_string(),
        dag: row.dag.to_string(),
        kind: view::run::kind_of(row.kind),
        state: view::run::state_of(row.state),
        created: row.created.into(),
        started: row.started.map(Time),
        ended: row.ended.map(Time),
        called_by,
    }
}
