//! The grid of a DAG's runs by its tasks, and the instances of a mapped task as states.

use super::{
    commands::task,
    dags::{self, DagPath},
    runs,
};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    cursor::List,
    extract::{Path, Query, Text},
    grid::{self, Rows, RunStates},
    problem::{Code, Problem},
    view,
};
use axum::extract::State;
use serde::Deserialize;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Cells, Grid, GridMapped, GridRun, UnreadableItem};
use weft_core::{document::Dag, run::Counts, run_id::RunId};
use weft_store::VersionId;
use weft_store_sql::RunBrief;

/// How many runs a grid has by default.
const DEFAULT_RUNS: u32 = 25;
/// The most runs of a grid: a year of days.
const MAX_RUNS: u32 = 365;
/// The most versions of a grid: one with more ends earlier.
const MAX_VERSIONS: usize = 50;
/// The most states of a grid, before they are put together.
const MAX_CELLS: usize = 5_000_000;
/// The most counts of mapped tasks of a grid.
const MAX_MAPPED: usize = 50_000;
/// The most instances of a mapped task in an answer, and how many by default.
const MAX_INSTANCES: u32 = 100_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show_grid))
        .routes(routes!(list_cells))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShowGrid {
    /// How many runs, 1 to 365; 25 by default. There are fewer if the grid would be too large.
    #[param(minimum = 1, maximum = 365)]
    runs: Option<u32>,
    /// The cursor of this grid: `next` of the grid before.
    before: Option<String>,
    /// The name of the list of rows that the caller has: if it is the same, the rows are left out.
    rows_id: Option<String>,
}

/// Show the grid of a DAG
///
/// The newest runs with the states of their tasks as pairs of a code and a length; the codes are at
/// the schema of the answer.
#[utoipa::path(get, path = "/dags/{dag}/grid", tag = "dags", params(DagPath, ShowGrid), responses((status = 200, description = "The grid", body = Grid)))]
async fn show_grid(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    Query(query): Query<ShowGrid>,
) -> Result<axum::Json<Grid>, Problem> {
    let id = &path.dag.0;
    let count = query.runs.unwrap_or(DEFAULT_RUNS);
    if !(1..=MAX_RUNS).contains(&count) {
        let detail = format!("a grid has 1 to {MAX_RUNS} runs, not {count}");
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    dags::find(&app, &by.tenant, id).await?;
    let list = List::new("grid", &(&by.tenant, id));
    let before: Option<i64> = list.key(query.before.as_deref())?;
    let before = before.and_then(RunId::from_i64);
    let mut runs = app
        .database()
        .list_brief_runs(&by.tenant, id, before, count + 1)
        .await?;
    let mut has_more = runs.len() > count as usize;
    runs.truncate(count as usize);
    let last = |runs: &[Result<RunBrief, weft_store::Unreadable<RunId>>]| {
        let run = runs.last()?;
        Some(run.as_ref().map_or_else(|run| run.key, |run| run.id))
    };
    let dags = documents(&app, &mut runs, &mut has_more).await?;
    // The newest run's version first, whatever was activated since.
    let mut seen = HashSet::new();
    let versions = runs.iter().filter_map(|run| {
        let version = run.as_ref().ok()?.version;
        seen.insert(version).then(|| &*dags[&version])
    });
    let rows = Rows::of(versions);
    let fitting = fitting_runs(&rows);
    has_more |= runs.len() > fitting;
    runs.truncate(fitting);
    let next = last(&runs)
        .filter(|_last| has_more)
        .map(|run| list.after(&run.as_i64()));
    let with_dags: Vec<(&RunBrief, Arc<Dag>)> = runs
        .iter()
        .filter_map(|run| run.as_ref().ok())
        .map(|run| (run, Arc::clone(&dags[&run.version])))
        .collect();
    let states = app.grid_states().of(app.database(), &with_dags).await?;
    let columns = with_dags.iter().zip(&states);
    let columns = columns.map(|((run, dag), states)| column(&rows, run, dag, states));
    let grid_runs = columns.collect();
    let unreadable = runs.iter().filter_map(|run| run.as_ref().err());
    let unreadable = unreadable.map(|run| UnreadableItem {
        id: run.key.to_string(),
        why: run.why.clone(),
    });
    let rows_id = rows.id();
    let is_known = query.rows_id.as_deref() == Some(&rows_id);
    Ok(axum::Json(Grid {
        rows: (!is_known).then(|| rows.into_list()),
        rows_id,
        runs: grid_runs,
        next,
        unreadable: unreadable.collect(),
    }))
}

/// The documents of the runs' versions; the runs end before there are too many of these.
async fn documents<E>(
    app: &App,
    runs: &mut Vec<Result<RunBrief, E>>,
    has_more: &mut bool,
) -> Result<HashMap<VersionId, Arc<Dag>>, Problem> {
    let mut dags = HashMap::new();
    let mut fitting = runs.len();
    for (at, run) in runs.iter().enumerate() {
        let Ok(run) = run else { continue };
        if dags.contains_key(&run.version) {
            continue;
        }
        if dags.len() == MAX_VERSIONS {
            fitting = at;
            break;
        }
        let dag = app.documents().of(app.database(), run.version).await?;
        dags.insert(run.version, dag);
    }
    *has_more |= fitting < runs.len();
    runs.truncate(fitting);
    Ok(dags)
}

/// How many runs of so many rows are in one answer, at least one.
fn fitting_runs(rows: &Rows) -> usize {
    let by_cells = MAX_CELLS / rows.len().max(1);
    let by_mapped = MAX_MAPPED / rows.mapped().max(1);
    by_cells.min(by_mapped).max(1)
}

fn column(rows: &Rows, run: &RunBrief, dag: &Dag, states: &RunStates) -> GridRun {
    let mapped = states
        .mapped
        .iter()
        .filter_map(|(task, instances, counts)| {
            let row = rows.position(dag, *task)?;
            Some(GridMapped {
                row: u32::try_from(row).ok()?,
                instances: *instances,
                counts: counts.in_order().to_vec(),
            })
        });
    GridRun {
        run: view::run::brief(run),
        counts: view::run::counts(&run.counts),
        cells: rows.arrange(dag, &states.tasks).into_pairs(),
        mapped: mapped.collect(),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct TaskPath {
    /// The run's id.
    #[param(value_type = String)]
    run: Text<RunId>,
    /// The task's id.
    task: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListCells {
    /// The map index of the first state; 0 by default.
    from: Option<u32>,
    /// How many, 1 to 100,000; 100,000 by default.
    #[param(minimum = 1, maximum = 100_000)]
    count: Option<u32>,
}

/// List the states of a mapped task's instances
///
/// In the order of their map indexes, as pairs of a code and a length, with the codes of the grid.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/cells", tag = "instances", params(TaskPath, ListCells), responses((status = 200, description = "The states", body = Cells)))]
async fn list_cells(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<TaskPath>,
    Query(query): Query<ListCells>,
) -> Result<axum::Json<Cells>, Problem> {
    let count = query.count.unwrap_or(MAX_INSTANCES);
    if !(1..=MAX_INSTANCES).contains(&count) {
        let detail = format!("an answer has 1 to {MAX_INSTANCES} states, not {count}");
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let row = runs::find(&app, &by.tenant, path.run.0).await?;
    let dag = app.documents().of(app.database(), row.version).await?;
    let (task, _id) = task(&dag, &path.task)?;
    let summaries = app.database().list_summaries_of_runs(&[row.id]).await?;
    let summary = summaries.into_iter().find(|summary| summary.task == task);
    let (instances, counts) = summary.map_or((1, None), |summary| {
        (summary.instances, Some(summary.counts))
    });
    let from = query.from.unwrap_or(0).min(instances);
    let end = from.saturating_add(count).min(instances);
    let other = of_rest(counts.as_ref());
    let states = app
        .database()
        .list_states_of_mapped_task((row.id, task), from..end, other == grid::Code::SUCCESS)
        .await?;
    let mut cells = grid::RunLengths::default();
    let mut next = from;
    for (index, state) in states {
        cells.push(other, index - next);
        cells.push(grid::Code::of(state), 1);
        next = index + 1;
    }
    cells.push(other, end - next);
    Ok(axum::Json(Cells {
        instances,
        from,
        cells: cells.into_pairs(),
    }))
}

/// The state of instances that aren't read: those that succeeded where all others have rows, else those that have none.
fn of_rest(counts: Option<&Counts>) -> grid::Code {
    match counts {
        None => grid::Code::WAITING,
        Some(counts) if counts.waiting > 0 || counts.expanding > 0 => grid::Code::WAITING,
        Some(counts) if counts.ready > 0 => grid::Code::READY,
        Some(_counts) => grid::Code::SUCCESS,
    }
}
