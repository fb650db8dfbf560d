//! Runs: trigger, list, show.

use super::{
    cut,
    dags::{self, DagPath},
    named::{self, Named},
    page_size, queued, versions,
};
use crate::{
    app::App,
    auth::{Operating, Reading},
    caller::{By, ByRemembered, Caller},
    cursor::List,
    extract::{Json, Path, Query, Text, header_text},
    ports::Wake,
    problem::{Code, Problem, convert},
    trace, view,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api as api;
use weft_api::{NewRun, Page, Run, RunKind, RunState, Time, UnreadableItem};
use weft_core::{
    document::Dag,
    id::{DagId, TenantId},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, Unreadable, VersionId};
use weft_store_sql::{DagRow, RunCursor, RunFilter, RunRow, Trigger, TriggerError, Triggered};

/// Names a request, so that the same one again makes no second run.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest idempotency key, in characters.
const MAX_KEY_CHARS: usize = 200;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(trigger, list_runs_of_dag))
        .routes(routes!(list_runs))
        .routes(routes!(show_run))
}

/// Trigger a run
///
/// The run is durable once the response is sent. Repeating the request with the same
/// `Idempotency-Key` creates no second run: the response is the first run, with status 200 instead
/// of 201.
#[utoipa::path(post, path = "/dags/{dag}/runs", tag = "runs", params(DagPath, ("Idempotency-Key" = Option<String>, Header, description = "Identifies the request: 1 to 200 visible ASCII characters"), ("traceparent" = Option<String>, Header, description = "The W3C trace that the run belongs to")), request_body = NewRun, responses((status = 201, description = "The new run", body = Run), (status = 200, description = "The run that was created with this key before", body = Run)))]
async fn trigger(
    by: ByRemembered<Operating>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    headers: HeaderMap,
    Json(body): Json<NewRun>,
) -> Result<Response, Problem> {
    let id = &path.dag.0;
    if let Some(answer) = trigger_remembered(&app, &by, id, &headers, &body).await {
        return answer;
    }
    let by = by.verified(&app).await?;
    let row = dags::find(&app, &by.tenant, id).await?;
    let version = version_of(&app, &by.tenant, &row, body.version).await?;
    if let Some(active) = &row.active {
        let target = (row.key, active.id);
        let dags = app.remembered().dags();
        dags.insert((by.tenant.clone(), id.clone()), target);
    }
    let request = request_of(&app, &by, (id, version), &headers, &body).await?;
    let made = app
        .database()
        .trigger(&request)
        .await
        .map_err(|error| refused(id, error))?;
    match made {
        Triggered::New(run) => triggered(&app, row.key, &run),
        Triggered::Before(run) => {
            let run = find(&app, &by.tenant, run).await?;
            same_request(&run, &request)?;
            answer(StatusCode::OK, &run)
        }
    }
}

/// Triggers a run of the version that was active before, for a token that held before, if both are still
/// so: one statement checks it and makes the run. None where it made none, and what is in the way is to be
/// found. A database that fails is an answer, as it may have made the run.
async fn trigger_remembered(
    app: &App,
    by: &ByRemembered<Operating>,
    id: &DagId,
    headers: &HeaderMap,
    body: &NewRun,
) -> Option<Result<Response, Problem>> {
    if !by.is_unverified() || body.version.is_some() {
        return None;
    }
    let dag = (by.tenant.clone(), id.clone());
    let (key, version) = app.remembered().dags().get(&dag)?;
    let request = request_of(app, by, (id, version), headers, body)
        .await
        .ok()?;
    match app.database().trigger_if(&request, by.token).await {
        Ok(Some(run)) => Some(triggered(app, key, &run)),
        Ok(None) => {
            app.remembered().dags().remove(&dag);
            None
        }
        Err(error) => Some(Err(error.into())),
    }
}

async fn request_of(
    app: &App,
    by: &Caller,
    (id, version): (&DagId, VersionId),
    headers: &HeaderMap,
    body: &NewRun,
) -> Result<Trigger, Problem> {
    let document = app.documents().of(app.database(), version).await?;
    let RunParams {
        params,
        concurrency_key,
    } = params(&document, &body.params)?;
    let now = crate::clock::now();
    let logical_date = body.logical_date.map(|date| date.0);
    Ok(Trigger {
        tenant: by.tenant.clone(),
        dag: id.clone(),
        version,
        logical_date,
        interval: body.data_interval.map(interval).transpose()?,
        params,
        concurrency_key,
        // A run for a future date waits for it, unless the request says otherwise.
        not_before: body
            .not_before
            .map(|at| at.0)
            .or(logical_date.filter(|date| *date > now)),
        by: by.actor(),
        trace: Some(trace::of(headers)),
        idempotency_key: idempotency_key(headers)?,
    })
}

/// Wakes the scheduler for a new run, and answers with it.
fn triggered(app: &App, dag: DagKey, run: &RunRow) -> Result<Response, Problem> {
    app.scheduler().wake(Wake::Queued(dag));
    app.metrics().runs_triggered.inc();
    answer(StatusCode::CREATED, run)
}

fn answer(status: StatusCode, run: &RunRow) -> Result<Response, Problem> {
    tracing::Span::current().record("run", tracing::field::display(run.id));
    let location = HeaderValue::from_str(&format!("{}/runs/{}", super::BASE, run.id))
        .expect("a run's id is ASCII");
    let mut response = (status, axum::Json(view::run::run(run)?)).into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// The version that is asked for, or the active one.
pub(super) async fn version_of(
    app: &App,
    tenant: &TenantId,
    row: &DagRow,
    number: Option<u32>,
) -> Result<VersionId, Problem> {
    match (number, &row.active) {
        (Some(number), _) => {
            let found = app.database().show_version(tenant, &row.id, number).await?;
            found
                .map(|(version, _)| version.id)
                .ok_or_else(|| versions::unknown(&row.id, number))
        }
        (None, Some(active)) => Ok(active.id),
        (None, None) => Err(Problem::new(
            Code::DagNotActive,
            format!("the DAG {} has no active version", row.id),
        )),
    }
}

/// The parameters of a run as they are stored, defaults filled in.
/// The parameters of a new run.
pub(super) struct RunParams {
    /// A JSON object, defaults filled in.
    pub(super) params: Arc<str>,
    /// What the run counts by, if its DAG bounds runs by key.
    pub(super) concurrency_key: Option<Arc<str>>,
}

/// Fills in defaults, and refuses what does not fit the DAG.
pub(super) fn params(dag: &Dag, given: &Map<String, Value>) -> Result<RunParams, Problem> {
    let resolved = dag.resolve_params(given).map_err(|problems| {
        Problem::new(
            Code::InvalidParams,
            format!("the parameters don't fit the DAG {}", dag.id),
        )
        .details(problems.iter().map(convert::document_detail))
    })?;
    let params: Arc<str> = serde_json::to_string(&resolved)
        .map_err(Problem::internal)?
        .into();
    let concurrency_key = dag.concurrency.key_of(&params).map_err(Problem::internal)?;
    Ok(RunParams {
        params,
        concurrency_key,
    })
}

fn interval(
    interval: api::Interval,
) -> Result<(weft_core::time::Timestamp, weft_core::time::Timestamp), Problem> {
    if interval.end < interval.start {
        return Err(Problem::new(
            Code::InvalidValue,
            "the data interval ends before it starts",
        ));
    }
    Ok((interval.start.0, interval.end.0))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = header_text(headers, &IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    if key.is_empty()
        || key.len() > MAX_KEY_CHARS
        || !key.bytes().all(|byte| byte.is_ascii_graphic())
    {
        let detail =
            format!("an idempotency key has 1 to {MAX_KEY_CHARS} visible ASCII characters");
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    Ok(Some(key.to_owned()))
}

/// A key that comes again must come with the same request.
fn same_request(run: &RunRow, request: &Trigger) -> Result<(), Problem> {
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    let same = run.dag_id == request.dag
        && value(&run.params) == value(&request.params)
        && request
            .logical_date
            .is_none_or(|date| date == run.logical_date)
        && request
            .interval
            .is_none_or(|interval| interval == run.interval);
    if same {
        return Ok(());
    }
    let detail = format!(
        "the idempotency key belongs to the run {}, which was asked for differently",
        run.id
    );
    Err(Problem::new(Code::IdempotencyMismatch, detail))
}

pub(super) fn refused(id: &DagId, error: TriggerError) -> Problem {
    match error {
        TriggerError::UnknownDag(_) => dags::unknown(id),
        TriggerError::UnknownVersion(_) => Problem::new(
            Code::VersionNotFound,
            format!("the DAG {id} has no such version any more"),
        ),
        error @ TriggerError::TooMany(_) => Problem::new(Code::InvalidValue, error.to_string()),
        TriggerError::Store(error) => error.into(),
    }
}

/// The filters stand here for both lists: the parser of queries refuses what it does not
/// know, and so knows no fields of another struct.
macro_rules! list_runs {
    ($(#[$meta:meta])* $name:ident { $($more:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        struct $name {
            /// The cursor of this page: `next` of the page before.
            cursor: Option<String>,
            /// How many items, 1 to 500; 50 by default.
            #[param(minimum = 1, maximum = 500)]
            limit: Option<u32>,
            /// Only those in this state.
            #[param(inline)]
            state: Option<RunState>,
            /// Only runs of this kind.
            #[param(inline)]
            kind: Option<RunKind>,
            /// Only runs created at this time or later.
            created_from: Option<Time>,
            /// Only runs created before this time.
            created_before: Option<Time>,
            $($more)*
        }
    };
}

list_runs! { ListRunsOfDag {} }
list_runs! { ListRuns {
    /// Only those of this DAG.
    #[param(value_type = Option<String>)]
    dag: Option<Text<DagId>>,
    /// Only runs of versions with this tag. A page may hold fewer than `limit` and still have a next
    /// one.
    tag: Option<String>,
    /// Only runs of versions with this owner. The same holds for pages.
    owner: Option<String>,
} }

/// List runs
///
/// Of all DAGs or of one, newest first.
#[utoipa::path(get, path = "/runs", tag = "runs", params(ListRuns), responses((status = 200, description = "A page", body = Page<Run>)))]
async fn list_runs(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListRuns>,
) -> Result<axum::Json<Page<Run>>, Problem> {
    let ListRuns {
        cursor,
        limit,
        state,
        kind,
        created_from,
        created_before,
        dag,
        tag,
        owner,
    } = query;
    let of = ListRunsOfDag {
        cursor,
        limit,
        state,
        kind,
        created_from,
        created_before,
    };
    page_of_runs(&app, &by, (dag.map(|dag| dag.0), Named { tag, owner }), &of).await
}

/// List the runs of a DAG
///
/// Newest first.
#[utoipa::path(get, path = "/dags/{dag}/runs", tag = "runs", params(DagPath, ListRunsOfDag), responses((status = 200, description = "A page", body = Page<Run>)))]
async fn list_runs_of_dag(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    Query(query): Query<ListRunsOfDag>,
) -> Result<axum::Json<Page<Run>>, Problem> {
    page_of_runs(&app, &by, (Some(path.dag.0), Named::default()), &query).await
}

async fn page_of_runs(
    app: &App,
    by: &Caller,
    (dag, named): (Option<DagId>, Named),
    query: &ListRunsOfDag,
) -> Result<axum::Json<Page<Run>>, Problem> {
    let size = page_size(query.limit)?;
    if let Some(dag) = &dag {
        dags::find(app, &by.tenant, dag).await?;
    }
    let created = (query.created_from, query.created_before);
    let filters = (&by.tenant, &dag, &named, query.state, query.kind, created);
    let list = List::new("runs", &filters);
    let before: Option<i64> = list.key(query.cursor.as_deref())?;
    let filter = RunFilter {
        tenant: by.tenant.clone(),
        dag,
        state: query.state.map(view::run::domain_state),
        kind: query.kind.map(view::run::domain_kind),
        created_from: query.created_from.map(|time| time.0),
        created_before: query.created_before.map(|time| time.0),
        from: before
            .and_then(RunId::from_i64)
            .map_or(RunCursor::Newest, RunCursor::Before),
    };
    if named.is_given() {
        let (rows, last) = named::runs(app, filter, &named, size).await?;
        let mut found = page(rows, size, &list)?;
        found.next = last.map(|run| list.after(&run.as_i64()));
        return Ok(axum::Json(found));
    }
    let rows = app.database().list_runs(&filter, size + 1).await?;
    Ok(axum::Json(page(rows, size, &list)?))
}

/// The page of runs that were read with one more than it holds.
fn page(
    mut rows: Vec<Result<RunRow, Unreadable<RunId>>>,
    size: u32,
    list: &List,
) -> Result<Page<Run>, Problem> {
    let next = cut(&mut rows, size, |row| {
        let id = row.as_ref().map_or_else(|row| row.key, |row| row.id);
        list.after(&id.as_i64())
    });
    let (mut items, mut unreadable) = (Vec::new(), Vec::new());
    for row in &rows {
        match row {
            Ok(row) => items.push(view::run::run(row)?),
            Err(row) => unreadable.push(UnreadableItem {
                id: row.key.to_string(),
                why: row.why.clone(),
            }),
        }
    }
    Ok(Page {
        items,
        next,
        unreadable,
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
pub(super) struct RunPath {
    /// The run's id.
    #[param(value_type = String)]
    pub(super) run: Text<RunId>,
}

/// Show a run
#[utoipa::path(get, path = "/runs/{run}", tag = "runs", params(RunPath), responses((status = 200, description = "The run", body = Run)))]
async fn show_run(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
) -> Result<axum::Json<Run>, Problem> {
    let row = find(&app, &by.tenant, path.run.0).await?;
    let mut run = view::run::run(&row)?;
    let url = app.options().trace_url.as_ref();
    run.trace_url = url.and_then(|url| url.of(run.trace.as_deref()?));
    run.deadline = deadline(&app, &row).await.map(Time);
    run.waits_for = queued::waits_for(&app, &row).await?;
    Ok(axum::Json(run))
}

/// By when a run has to end.
async fn deadline(app: &App, row: &RunRow) -> Option<Timestamp> {
    // That of a damaged version is not known, and the run can be shown all the same.
    let dag = app.documents().of(app.database(), row.version).await.ok();
    let due = match row.kind {
        weft_store::RunKind::Scheduled => row.logical_date,
        _ => row.not_before,
    };
    let deadline = dag.and_then(|dag| dag.deadline);
    deadline.map(|deadline| due.plus(deadline.after))
}

/// A tenant's run.
pub(super) async fn find(app: &App, tenant: &TenantId, run: RunId) -> Result<RunRow, Problem> {
    let none = || Problem::new(Code::RunNotFound, format!("there is no run {run}"));
    app.database().show_run(tenant, run).await?.ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::run::Counts;
    use weft_store::DagKey;

    fn id(number: u64) -> RunId {
        RunId::new(Timestamp(1), number)
    }

    fn row(id: RunId) -> RunRow {
        let at = Timestamp(1);
        RunRow {
            id,
            tenant: TenantId::default(),
            dag: DagKey(1),
            dag_id: "d".parse().expect("an id"),
            version: VersionId(1),
            version_number: 1,
            kind: weft_store::RunKind::Manual,
            state: weft_core::run::RunState::Pending,
            logical_date: at,
            interval: (at, at),
            params: "{}".into(),
            not_before: at,
            created: at,
            created_by: None,
            started: None,
            ended: None,
            counts: Counts::default(),
            trace: None,
            held: None,
            caller: None,
            note: None,
            concurrency_key: None,
        }
    }

    fn bad(id: RunId) -> Unreadable<RunId> {
        Unreadable {
            key: id,
            why: "it is damaged".into(),
        }
    }

    #[test]
    fn what_cannot_be_read_takes_the_place_of_an_item() {
        let list = List::new("runs", &());
        let rows = || vec![Ok(row(id(3))), Err(bad(id(2))), Ok(row(id(1)))];
        let whole = page(rows(), 3, &list).expect("a page");
        assert_eq!((whole.items.len(), whole.next), (2, None));
        let unreadable = UnreadableItem {
            id: id(2).to_string(),
            why: "it is damaged".into(),
        };
        assert_eq!(whole.unreadable, [unreadable]);
        let first = page(rows(), 2, &list).expect("a page");
        assert_eq!((first.items.len(), first.unreadable.len()), (1, 1));
        // The next page begins behind the last row, although that can't be read.
        let key = list.key::<i64>(first.next.as_deref());
        assert_eq!(key.expect("its own cursor"), Some(id(2).as_i64()));
    }
}
