//! Task instances of a run: list, show, attempts, and why they don't run.

use super::{
    commands::task,
    page_size, paged,
    runs::{self, RunPath},
};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    cursor::List,
    extract::{Path, Query, Text},
    ports::Reason,
    problem::{Code, Problem},
    view,
};
use axum::extract::State;
use serde::Deserialize;
use std::{collections::HashMap, sync::Arc};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api as api;
use weft_api::{Attempt, Counts, Instance, InstanceState, Page, TaskSummary, Why};
use weft_core::{
    document::{Dag, Task, TaskIndex},
    id::TenantId,
    run::Instance as InstanceKey,
    run_id::RunId,
};
use weft_store_sql::{AttemptView, InstanceFilter, InstanceView, NoteSubject, RunRow};

/// The most earlier attempts of an instance that are shown: the newest.
const MAX_ATTEMPTS: u32 = 1_000;
/// How many rows of instances are read at once while tasks are summed up.
const SUMMARY_ROWS: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tasks))
        .routes(routes!(list_instances))
        .routes(routes!(show_instance))
        .routes(routes!(list_attempts))
        .routes(routes!(why))
}

/// Summarize the tasks of a run
///
/// In the order of the DAG, with counts of their instances by state.
#[utoipa::path(get, path = "/runs/{run}/tasks", tag = "instances", params(RunPath), responses((status = 200, description = "Every task", body = Vec<TaskSummary>)))]
async fn list_tasks(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
) -> Result<axum::Json<Vec<TaskSummary>>, Problem> {
    let (row, dag) = run_and_dag(&app, &by.tenant, path.run.0).await?;
    let mapped: HashMap<TaskIndex, _> = app
        .database()
        .list_task_summaries(&by.tenant, row.id)
        .await?
        .into_iter()
        .map(|summary| (summary.task, summary))
        .collect();
    let single = states_of_single_tasks(&app, &by.tenant, row.id, &dag).await?;
    let summaries = (0..).zip(&dag.tasks).map(|(position, task)| {
        let index = TaskIndex(position);
        let (instances, counts) = if let Some(summary) = mapped.get(&index) {
            (summary.instances.into(), view::run::counts(&summary.counts))
        } else {
            let mut counts = Counts::default();
            let state = single.get(&index).copied();
            view::instance::count_one(&mut counts, state.unwrap_or(InstanceState::Waiting));
            (1, counts)
        };
        TaskSummary {
            task: task.id.to_string(),
            mapped: is_mapped(task),
            instances,
            counts,
        }
    });
    Ok(axum::Json(summaries.collect()))
}

fn is_mapped(task: &Task) -> bool {
    !task.expand.is_empty()
}

/// The states of the tasks that have one instance. Mapped tasks are stepped
/// over, so that the cost does not grow with their instances.
async fn states_of_single_tasks(
    app: &App,
    tenant: &TenantId,
    run: RunId,
    dag: &Dag,
) -> Result<HashMap<TaskIndex, InstanceState>, Problem> {
    let mut states = HashMap::new();
    let mut from = 0;
    while let Some(start) =
        (from..dag.tasks.len()).find(|position| !is_mapped(&dag.tasks[*position]))
    {
        let end = (start..dag.tasks.len())
            .find(|position| is_mapped(&dag.tasks[*position]))
            .unwrap_or(dag.tasks.len());
        let end = end.min(start + SUMMARY_ROWS as usize);
        let task = |position: usize| {
            TaskIndex(u32::try_from(position).expect("a document has at most 250,000 tasks"))
        };
        let filter = InstanceFilter {
            tenant: tenant.clone(),
            run,
            task: None,
            state: None,
            after: start.checked_sub(1).map(|before| InstanceKey {
                task: task(before),
                index: u32::MAX,
            }),
        };
        let most = u32::try_from(end - start).unwrap_or(SUMMARY_ROWS);
        for view in app.database().list_instances(&filter, most).await? {
            if (start..end).contains(&view.instance.task.as_usize()) {
                states.insert(view.instance.task, view::instance::state_of(view.state));
            }
        }
        from = end;
    }
    Ok(states)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListInstances {
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only those of this task.
    task: Option<String>,
    /// Only instances in this state; `waiting` and `expanding` match none, since those are not
    /// listed.
    #[param(inline)]
    state: Option<InstanceState>,
}

/// List the task instances of a run
///
/// Sorted by task, in the order of the DAG, and map index. Instances that only wait for upstreams
/// are not listed.
#[utoipa::path(get, path = "/runs/{run}/instances", tag = "instances", params(RunPath, ListInstances), responses((status = 200, description = "A page", body = Page<Instance>)))]
async fn list_instances(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<ListInstances>,
) -> Result<axum::Json<Page<Instance>>, Problem> {
    let size = page_size(query.limit)?;
    let (row, dag) = run_and_dag(&app, &by.tenant, path.run.0).await?;
    let only = query
        .task
        .as_deref()
        .map(|name| task(&dag, name))
        .transpose()?
        .map(|(index, _)| index);
    let list = List::new("instances", &(row.id, only, query.state));
    let after: Option<(u32, u32)> = list.key(query.cursor.as_deref())?;
    let state = match query.state {
        None => None,
        Some(state) => match view::instance::tag_of(state) {
            Some(tag) => Some(tag),
            None => {
                return Ok(axum::Json(Page {
                    items: Vec::new(),
                    next: None,
                    unreadable: Vec::new(),
                }));
            }
        },
    };
    let filter = InstanceFilter {
        tenant: by.tenant.clone(),
        run: row.id,
        task: only,
        state,
        after: after.map(|(task, index)| InstanceKey {
            task: TaskIndex(task),
            index,
        }),
    };
    let rows = app.database().list_instances(&filter, size + 1).await?;
    let cursor = |view: &InstanceView| list.after(&(view.instance.task.0, view.instance.index));
    let page = paged(rows, size, cursor, |view| {
        let task = dag.tasks.get(view.instance.task.as_usize());
        let task = task.ok_or_else(|| {
            Problem::internal(format!(
                "{} has an instance of a task that its DAG hasn't",
                row.id
            ))
        })?;
        Ok(view::instance::instance(task, view))
    })?;
    Ok(axum::Json(page))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
pub(super) struct InstancePath {
    /// The run's id.
    #[param(value_type = String)]
    pub(super) run: Text<RunId>,
    /// The task's id.
    pub(super) task: String,
    /// The map index; 0 if the task is not mapped.
    pub(super) index: u32,
}

/// An instance that a path names.
pub(super) struct Found {
    pub(super) run: RunRow,
    pub(super) dag: Arc<Dag>,
    pub(super) key: InstanceKey,
    /// None while it waits.
    pub(super) row: Option<(InstanceView, Vec<AttemptView>)>,
}

impl Found {
    pub(super) fn task(&self) -> &Task {
        &self.dag.tasks[self.key.task.as_usize()]
    }
}

/// The instance that a path names, with its earlier attempts.
pub(super) async fn find(
    app: &App,
    tenant: &TenantId,
    path: &InstancePath,
) -> Result<Found, Problem> {
    let (run, dag) = run_and_dag(app, tenant, path.run.0).await?;
    let (task_index, task_id) = task(&dag, &path.task)?;
    let key = InstanceKey {
        task: task_index,
        index: path.index,
    };
    let row = app
        .database()
        .show_instance(tenant, run.id, key, MAX_ATTEMPTS)
        .await?;
    if row.is_none() && path.index > 0 {
        // One of a mapped task that was not dispatched yet has no row either.
        let summaries = app.database().list_task_summaries(tenant, run.id).await?;
        let exists = summaries
            .iter()
            .any(|summary| summary.task == task_index && path.index < summary.instances);
        if !exists {
            let detail = format!(
                "the task {task_id} has no instance {} in the run {}",
                path.index, run.id
            );
            return Err(Problem::new(Code::InstanceNotFound, detail));
        }
    }
    Ok(Found { run, dag, key, row })
}

async fn run_and_dag(
    app: &App,
    tenant: &TenantId,
    run: RunId,
) -> Result<(RunRow, Arc<Dag>), Problem> {
    let row = runs::find(app, tenant, run).await?;
    let dag = app.documents().of(app.database(), row.version).await?;
    Ok((row, dag))
}

/// Show a task instance
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}", tag = "instances", params(InstancePath), responses((status = 200, description = "The instance", body = Instance)))]
async fn show_instance(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
) -> Result<axum::Json<Instance>, Problem> {
    let found = find(&app, &by.tenant, &path).await?;
    Ok(axum::Json(if let Some((view, _)) = &found.row {
        view::instance::instance(found.task(), view)
    } else {
        let subject = NoteSubject {
            run: found.run.id,
            instance: Some((found.key, &path.task)),
        };
        let note = app.database().show_note(&by.tenant, subject).await?;
        Instance {
            note: note.as_ref().map(view::run::note),
            ..view::instance::waiting(found.task(), path.index)
        }
    }))
}

/// List the attempts of a task instance
///
/// In order; the last one is the current attempt. At most the newest 1,000.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/attempts", tag = "instances", params(InstancePath), responses((status = 200, description = "The attempts", body = Vec<Attempt>)))]
async fn list_attempts(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
) -> Result<axum::Json<Vec<Attempt>>, Problem> {
    let found = find(&app, &by.tenant, &path).await?;
    let Some((view, earlier)) = &found.row else {
        return Ok(axum::Json(Vec::new()));
    };
    let mut attempts: Vec<Attempt> = earlier.iter().map(view::instance::attempt).collect();
    // An attempt that ended without ending its instance is among the earlier
    // ones, and in the instance's row until the next one is made.
    if view.number > 0 && attempts.last().is_none_or(|last| last.number < view.number) {
        attempts.push(view::instance::current_attempt(view));
    }
    Ok(axum::Json(attempts))
}

/// Explain why a task instance does not run
///
/// Returns every reason, the decisive one first; none if the instance runs or has succeeded. For a
/// failed instance the reason is its failure. In an ended run, the reason is how the run ended.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/why", tag = "instances", params(InstancePath), responses((status = 200, description = "The reasons", body = Why)))]
async fn why(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
) -> Result<axum::Json<Why>, Problem> {
    let run = runs::find(&app, &by.tenant, path.run.0).await?;
    if let Some(held) = view::run::held(&run) {
        // Its version may be what can't be read, so that its tasks are not known.
        return Ok(axum::Json(Why {
            task: path.task,
            index: path.index,
            reasons: vec![as_sent(view::instance::of_held_run(&run, held))],
        }));
    }
    let found = find(&app, &by.tenant, &path).await?;
    let row = found.row.as_ref().map(|(view, _attempts)| view);
    let failed = row.and_then(view::instance::why_it_failed);
    let reasons = if found.run.state.is_ended() {
        vec![view::instance::of_ended_run(&found.run, row)]
    } else {
        app.scheduler()
            .why(found.run.id, found.key.task, found.key.index)
            .await?
    };
    Ok(axum::Json(Why {
        task: found.task().id.to_string(),
        index: path.index,
        reasons: failed.into_iter().chain(reasons).map(as_sent).collect(),
    }))
}

/// A reason as it travels.
fn as_sent(reason: Reason) -> api::Reason {
    api::Reason {
        code: reason.code,
        message: reason.message,
        help: reason.help,
    }
}
