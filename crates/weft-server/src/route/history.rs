//! How long things took: the attempts of a run, and the last runs of a DAG.

use super::{
    dags::{self, DagPath},
    runs::{self, RunPath},
};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    cursor::List,
    extract::{Path, Query},
    problem::{Code, Problem},
    view,
};
use axum::extract::State;
use serde::Deserialize;
use std::{collections::HashMap, ops::Range, sync::Arc};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Durations, Page, RunAttempt, RunDuration, TaskDurations};
use weft_core::{
    document::{Dag, TaskIndex},
    id::TaskId,
    run::Instance,
    run_id::RunId,
    time::Timestamp,
};
use weft_store_sql::{RunBrief, SingleInstance, TimelineRow};

/// How many instances a page of attempts has by default.
const DEFAULT_INSTANCES: u32 = 500;
/// The most instances of a page of attempts.
const MAX_INSTANCES: u32 = 2_000;
/// How many runs durations are given of by default.
const DEFAULT_RUNS: u32 = 50;
/// The most runs that durations are given of.
const MAX_RUNS: u32 = 200;
/// The most tasks that durations are given of: the first ones of the newest run's version.
const MAX_TASKS: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_attempts_of_run))
        .routes(routes!(list_durations))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListAttempts {
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// Of how many task instances, 1 to 2,000; 500 by default.
    #[param(minimum = 1, maximum = 2_000)]
    limit: Option<u32>,
}

/// List the attempts of a run
///
/// By task, in the order of the DAG, map index and number. A page has all attempts of its task
/// instances.
#[utoipa::path(get, path = "/runs/{run}/attempts", tag = "instances", params(RunPath, ListAttempts), responses((status = 200, description = "A page", body = Page<RunAttempt>)))]
async fn list_attempts_of_run(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<ListAttempts>,
) -> Result<axum::Json<Page<RunAttempt>>, Problem> {
    let size = within(query.limit, DEFAULT_INSTANCES, MAX_INSTANCES)?;
    let row = runs::find(&app, &by.tenant, path.run.0).await?;
    let dag = app.documents().of(app.database(), row.version).await?;
    let list = List::new("attempts", &row.id);
    let after: Option<(u32, u32)> = list.key(query.cursor.as_deref())?;
    let after = after.map(|(task, index)| Instance {
        task: TaskIndex(task),
        index,
    });
    let timeline = app
        .database()
        .list_timeline(&by.tenant, row.id, after, size)
        .await?;
    let attempt = |row: TimelineRow| {
        let task = dag.tasks.get(row.instance.task.as_usize())?;
        Some(RunAttempt {
            task: task.id.to_string(),
            index: row.instance.index,
            number: row.number,
            state: row.state.to_string(),
            queued: row.queued.map(weft_api::Time),
            started: row.started.map(weft_api::Time),
            ended: row.ended.map(weft_api::Time),
            worker: row.worker.as_deref().map(str::to_owned),
        })
    };
    let next = timeline.next;
    Ok(axum::Json(Page {
        items: timeline.attempts.into_iter().filter_map(attempt).collect(),
        next: next.map(|last| list.after(&(last.task.0, last.index))),
        unreadable: Vec::new(),
    }))
}

/// A number of items within its bounds.
fn within(requested: Option<u32>, default: u32, most: u32) -> Result<u32, Problem> {
    match requested {
        None => Ok(default),
        Some(count) if (1..=most).contains(&count) => Ok(count),
        Some(count) => Err(Problem::new(
            Code::InvalidValue,
            format!("an answer has 1 to {most} of these, not {count}"),
        )),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListDurations {
    /// Of how many runs, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    runs: Option<u32>,
    /// Whether to include the tasks that are not mapped, at most 1,000. False by default.
    tasks: Option<bool>,
    /// Only this task.
    task: Option<String>,
}

/// List durations of a DAG
///
/// How long the newest runs took, and their tasks if asked for.
#[utoipa::path(get, path = "/dags/{dag}/durations", tag = "dags", params(DagPath, ListDurations), responses((status = 200, description = "The durations", body = Durations)))]
async fn list_durations(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    Query(query): Query<ListDurations>,
) -> Result<axum::Json<Durations>, Problem> {
    let id = &path.dag.0;
    let count = within(query.runs, DEFAULT_RUNS, MAX_RUNS)?;
    dags::find(&app, &by.tenant, id).await?;
    let runs: Vec<RunBrief> = app
        .database()
        .list_brief_runs(&by.tenant, id, None, count)
        .await?
        .into_iter()
        .flatten()
        .collect();
    let wants_tasks = query.tasks.unwrap_or(false) || query.task.is_some();
    let tasks = if wants_tasks {
        task_durations(&app, &runs, query.task.as_deref()).await?
    } else {
        Vec::new()
    };
    let runs = runs.iter().map(|run| RunDuration {
        run: view::run::brief(run),
        waited_ms: run
            .started
            .and_then(|started| view::run::span_ms(run.not_before.max(run.created), started)),
    });
    Ok(axum::Json(Durations {
        runs: runs.collect(),
        tasks,
    }))
}

/// The durations of tasks of the newest run's version.
async fn task_durations(
    app: &App,
    runs: &[RunBrief],
    only: Option<&str>,
) -> Result<Vec<TaskDurations>, Problem> {
    let Some(newest) = runs.first() else {
        return Ok(Vec::new());
    };
    let newest = app.documents().of(app.database(), newest.version).await?;
    let mut positions: HashMap<TaskId, usize> = HashMap::new();
    let wanted = newest
        .tasks
        .iter()
        .filter(|task| task.expand.is_empty() && only.is_none_or(|only| task.id.as_str() == only));
    for task in wanted.take(MAX_TASKS) {
        positions.insert(task.id.clone(), positions.len());
    }
    let mut ranges = Vec::new();
    let mut dags: HashMap<RunId, (usize, Arc<Dag>)> = HashMap::new();
    for (at, run) in runs.iter().enumerate() {
        let dag = app.documents().of(app.database(), run.version).await?;
        ranges.extend(ranges_of(&dag, &positions).map(|range| (run.id, range)));
        dags.insert(run.id, (at, dag));
    }
    let mut tasks: Vec<TaskDurations> = vec![
        TaskDurations {
            task: String::new(),
            durations_ms: vec![None; runs.len()],
        };
        positions.len()
    ];
    for (task, position) in &positions {
        tasks[*position].task = task.to_string();
    }
    for row in app.database().list_single_instances(&ranges).await? {
        let (at, dag) = &dags[&row.run];
        let task = dag.tasks.get(row.task.as_usize());
        if let Some(position) = task.and_then(|task| positions.get(&task.id)) {
            tasks[*position].durations_ms[*at] = duration(&row);
        }
    }
    Ok(tasks)
}

fn duration(row: &SingleInstance) -> Option<u64> {
    let (started, ended): (Timestamp, Timestamp) = (row.started?, row.ended?);
    view::run::span_ms(started, ended)
}

/// The ranges of a version's tasks that are wanted and not mapped.
fn ranges_of(
    dag: &Dag,
    wanted: &HashMap<TaskId, usize>,
) -> impl Iterator<Item = Range<u32>> + use<> {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for (index, task) in (0_u32..).zip(&dag.tasks) {
        if !task.expand.is_empty() || !wanted.contains_key(&task.id) {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if last.end == index => last.end = index + 1,
            _other => ranges.push(index..index + 1),
        }
    }
    ranges.into_iter()
}
