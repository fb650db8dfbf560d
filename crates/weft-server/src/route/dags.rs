//! DAGs: list, show, pause, delete.

use super::{
    named::{self, Named},
    page_size,
};
use crate::{
    app::App,
    auth::{Deploying, Operating, Reading},
    caller::By,
    cursor::List,
    etag::{Tag, WithTag},
    extract::{Json, Path, Query, Text},
    ports::Wake,
    problem::{Code, Problem},
    view,
};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::{collections::HashMap, sync::Arc};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Dag, DagChange, DagDetail, Page};
use weft_core::{
    document,
    id::{DagId, TenantId},
};
use weft_store_sql::{DagFilter, DagRow, DagStamp, Deletion, MAX_LATEST_BRIEF_RUNS, Precondition};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_dags))
        .routes(routes!(show_dag, change_dag, delete_dag))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
pub(super) struct DagPath {
    /// The DAG's id.
    #[param(value_type = String)]
    pub(super) dag: Text<DagId>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListDags {
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only paused DAGs, or only DAGs that are not paused.
    paused: Option<bool>,
    /// Only DAGs with this tag. A page may hold fewer than `limit` and still have a next one.
    tag: Option<String>,
    /// Only DAGs with this owner. The same holds for pages.
    owner: Option<String>,
    /// How many of the last runs each item includes, 0 to 14; none by default.
    #[param(minimum = 0, maximum = 14)]
    recent: Option<u32>,
}

/// List DAGs
///
/// Sorted by id.
#[utoipa::path(get, path = "/dags", tag = "dags", params(ListDags), responses((status = 200, description = "A page", body = Page<Dag>)))]
async fn list_dags(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListDags>,
) -> Result<axum::Json<Page<Dag>>, Problem> {
    let size = page_size(query.limit)?;
    let named = Named {
        tag: query.tag,
        owner: query.owner,
    };
    let list = List::new("dags", &(&by.tenant, query.paused, &named));
    let after: Option<String> = list.key(query.cursor.as_deref())?;
    let filter = DagFilter {
        tenant: by.tenant.clone(),
        after: after
            .map(|id| id.parse())
            .transpose()
            .map_err(|_odd| Problem::new(Code::InvalidCursor, "the cursor names no DAG"))?,
        paused: query.paused,
    };
    let each = recent_runs(query.recent)?;
    let (rows, next) = if named.is_given() {
        named::dags(&app, filter, &named, size).await?
    } else {
        all_dags(&app, &filter, size).await?
    };
    let mut recent = match each {
        0 => HashMap::new(),
        each => {
            let keys: Vec<_> = rows.iter().map(|(row, _)| row.key).collect();
            let runs = app.database().latest_brief_runs(&by.tenant, &keys, each);
            runs.await?
        }
    };
    let items = rows.iter().map(|(row, document)| {
        let mut dag = view::dag::dag(row, document.as_deref());
        if each > 0 {
            let runs = recent.remove(&row.key).unwrap_or_default();
            dag.recent = Some(runs.iter().map(view::run::brief).collect());
        }
        dag
    });
    Ok(axum::Json(Page {
        items: items.collect(),
        next: next.map(|id| list.after(&id.as_str())),
        unreadable: Vec::new(),
    }))
}

/// A page of DAGs, and the last one of it unless there are no more.
async fn all_dags(
    app: &App,
    filter: &DagFilter,
    size: u32,
) -> Result<(Vec<named::DagOf>, Option<DagId>), Problem> {
    let mut rows = app.database().list_dags(filter, size + 1).await?;
    let is_last = rows.len() <= size as usize;
    rows.truncate(size as usize);
    let last = rows.last().map(|row| row.id.clone());
    let mut with_documents = Vec::with_capacity(rows.len());
    for row in rows {
        let document = active_document(app, &row).await?;
        with_documents.push((row, document));
    }
    Ok((with_documents, last.filter(|_| !is_last)))
}

/// How many runs each item of a list includes.
fn recent_runs(requested: Option<u32>) -> Result<u32, Problem> {
    match requested {
        None => Ok(0),
        Some(count) if count <= MAX_LATEST_BRIEF_RUNS => Ok(count),
        Some(count) => Err(Problem::new(
            Code::InvalidValue,
            format!("an item includes at most {MAX_LATEST_BRIEF_RUNS} runs, not {count}"),
        )),
    }
}

/// Show a DAG
///
/// Includes the tasks, edges and parameters of the active version.
#[utoipa::path(get, path = "/dags/{dag}", tag = "dags", params(DagPath), responses((status = 200, description = "The DAG", body = DagDetail, headers(("etag" = String, description = "The etag of this state of the DAG")))))]
async fn show_dag(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
) -> Result<WithTag<DagDetail>, Problem> {
    let row = find(&app, &by.tenant, &path.dag.0).await?;
    detail(&app, &row).await
}

/// Pause or unpause a DAG, or lift its quarantine
///
/// No run of a paused DAG starts. Its runs go on, or are held with `hold`: running attempts finish,
/// and nothing else of them is dispatched until the DAG is unpaused. The timeout of a run counts on.
/// Refused with 412 if the DAG's etag does not match `If-Match`.
#[utoipa::path(patch, path = "/dags/{dag}", tag = "dags", params(DagPath, ("If-Match" = Option<String>, Header, description = "The etag of the expected state")), request_body = DagChange, responses((status = 200, description = "The DAG after the change", body = DagDetail, headers(("etag" = String, description = "The etag of this state of the DAG")))))]
async fn change_dag(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    headers: HeaderMap,
    Json(change): Json<DagChange>,
) -> Result<WithTag<DagDetail>, Problem> {
    let id = &path.dag.0;
    if change.quarantined == Some(true) {
        return Err(Problem::new(
            Code::InvalidValue,
            "a DAG's tasks can't be put in quarantine by hand; pause it instead",
        ));
    }
    let row = find(&app, &by.tenant, id).await?;
    let state = expected_state(&row, &headers)?;
    let by_whom = by.actor();
    let precondition = Precondition {
        actor: &by_whom,
        expected: state,
    };
    let paused = change.paused.unwrap_or(row.paused);
    if change.hold == Some(true) && !paused {
        return Err(Problem::new(
            Code::InvalidValue,
            "hold: only the runs of a paused DAG are held; add paused: true",
        ));
    }
    let held = paused && change.hold.unwrap_or(row.held);
    if (paused, held) != (row.paused, row.held) {
        let database = app.database();
        let found = match (paused, held) {
            (true, true) => database.hold_dag(&by.tenant, id, precondition).await?,
            (true, false) => database.pause_dag(&by.tenant, id, precondition).await?,
            (false, _) => database.unpause_dag(&by.tenant, id, precondition).await?,
        };
        if !found {
            return Err(unknown(id));
        }
        app.scheduler().wake(Wake::Settings);
    }
    if change.quarantined.is_some() {
        let lifted = Precondition {
            actor: &by_whom,
            // The precondition may name the state before the first change.
            expected: state.filter(|_| change.paused.is_none() && change.hold.is_none()),
        };
        if !app
            .database()
            .lift_quarantine(&by.tenant, id, lifted)
            .await?
        {
            return Err(unknown(id));
        }
        app.scheduler().wake(Wake::Settings);
    }
    let row = find(&app, &by.tenant, id).await?;
    detail(&app, &row).await
}

/// Delete a DAG
///
/// Refused while a run of the DAG has not ended. Ended runs are kept until their retention is over.
#[utoipa::path(delete, path = "/dags/{dag}", tag = "dags", params(DagPath, ("If-Match" = Option<String>, Header, description = "The etag of the expected state")), responses((status = 204, description = "Removed")))]
async fn delete_dag(
    by: By<Deploying>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let id = &path.dag.0;
    let row = find(&app, &by.tenant, id).await?;
    let precondition = Precondition {
        actor: &by.actor(),
        expected: expected_state(&row, &headers)?,
    };
    match app
        .database()
        .delete_dag(&by.tenant, id, precondition)
        .await?
    {
        Deletion::Done => {
            app.scheduler().wake(Wake::Settings);
            Ok(StatusCode::NO_CONTENT)
        }
        Deletion::Unknown => Err(unknown(id)),
        Deletion::ActiveRuns(count) => {
            let detail = format!("the DAG {id} has at least {count} runs that have not ended");
            Err(Problem::new(Code::DagHasActiveRuns, detail))
        }
    }
}

/// A tenant's DAG that was not deleted.
pub(super) async fn find(app: &App, tenant: &TenantId, id: &DagId) -> Result<DagRow, Problem> {
    app.database()
        .show_dag(tenant, id)
        .await?
        .ok_or_else(|| unknown(id))
}

pub(super) fn unknown(id: &DagId) -> Problem {
    Problem::new(Code::DagNotFound, format!("there is no DAG {id}"))
}

/// The document of the active version, if one is active.
pub(super) async fn active_document(
    app: &App,
    row: &DagRow,
) -> Result<Option<Arc<document::Dag>>, Problem> {
    match &row.active {
        None => Ok(None),
        Some(version) => app
            .documents()
            .of(app.database(), version.id)
            .await
            .map(Some),
    }
}

async fn detail(app: &App, row: &DagRow) -> Result<WithTag<DagDetail>, Problem> {
    let document = active_document(app, row).await?;
    let crashes = app.database().crashes_of_dag(&row.tenant, &row.id).await?;
    Ok(WithTag(
        tag(row),
        view::dag::detail(row, document.as_deref(), &crashes),
    ))
}

/// Names the state of a DAG that people change.
fn tag(row: &DagRow) -> Tag {
    Tag::of(&row.stamp())
}

/// The DAG's state, if the request has `If-Match` and names it.
pub(super) fn expected_state(
    row: &DagRow,
    headers: &HeaderMap,
) -> Result<Option<DagStamp>, Problem> {
    tag(row).check_if_match(headers, row.stamp())
}
