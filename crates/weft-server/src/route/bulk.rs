//! Actions on all runs that a filter selects, a page with each answer.

use super::{
    clear_body,
    commands::mark_of,
    dags,
    many_runs::{Bulk, PAGE_RUNS, Wanted, required_key},
    named::{self, Named},
    runs,
};
use crate::{
    app::App,
    auth::Operating,
    caller::By,
    cursor::List,
    extract::Json,
    problem::{Code, Problem},
    view,
};
use axum::extract::State;
use http::HeaderMap;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{BulkAction, BulkKind, BulkPage};
use weft_core::{id::DagId, run::Selection, run_id::RunId};
use weft_store_sql::{RunCursor, RunFilter};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(act_on_many_runs))
}

/// Cancel, clear, mark or retry many runs
///
/// Acts on the runs that the filter selects, the newest first, a page of them with each answer:
/// repeat the request with `cursor` and the same `Idempotency-Key` for the next one. Each command is
/// durable once the response is sent. A page that is repeated gives no run a second command, so an
/// action that was interrupted goes on where it was. Runs that are created meanwhile are not acted
/// on.
#[utoipa::path(post, path = "/runs/bulk", tag = "runs", params(("Idempotency-Key" = Option<String>, Header, description = "Identifies the action, the same for all its pages; required unless it is a dry run")), request_body = BulkAction, responses((status = 200, description = "What became of a page of runs", body = BulkPage)))]
async fn act_on_many_runs(
    by: By<Operating>,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<BulkAction>,
) -> Result<axum::Json<BulkPage>, Problem> {
    let wanted = wanted(&body)?;
    let key = required_key(runs::idempotency_key(&headers)?, body.dry_run)?;
    let mut filter = filter(&body)?;
    filter.tenant = by.tenant.clone();
    if let Some(dag) = &filter.dag {
        dags::find(&app, &by.tenant, dag).await?;
    }
    let list = List::new("runs action", &(&by.tenant, &body.filter, &wanted));
    let before: Option<i64> = list.key(body.cursor.as_deref())?;
    if let Some(run) = before.and_then(RunId::from_i64) {
        filter.from = RunCursor::Before(run);
    }
    let named = Named {
        tag: body.filter.tag.clone(),
        owner: body.filter.owner.clone(),
    };
    let (rows, next) = if named.is_given() {
        let (rows, last) = named::runs(&app, filter, &named, PAGE_RUNS).await?;
        (rows, last.map(|run| list.after(&run.as_i64())))
    } else {
        let mut rows = app.database().list_runs(&filter, PAGE_RUNS + 1).await?;
        let next = super::cut(&mut rows, PAGE_RUNS, |row| {
            let id = row.as_ref().map_or_else(|row| row.key, |row| row.id);
            list.after(&id.as_i64())
        });
        (rows, next)
    };
    let bulk = Bulk {
        app: &app,
        by: &by,
        wanted: &wanted,
        key: key.as_deref(),
    };
    let mut page = bulk.act_on(&rows).await?;
    page.next = next;
    Ok(axum::Json(page))
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidValue, detail)
}

/// What is wanted of each run; the fields have to belong to the action.
fn wanted(body: &BulkAction) -> Result<Wanted, Problem> {
    for (name, is_given, belongs_to) in [
        ("clear", body.clear.is_some(), BulkKind::Clear),
        ("mark", body.mark.is_some(), BulkKind::Mark),
        ("called", body.called, BulkKind::Cancel),
    ] {
        if is_given && body.action != belongs_to {
            return Err(invalid(format!(
                "{name}: it belongs to another action; leave it out"
            )));
        }
    }
    match (body.action, &body.clear, &body.mark) {
        (BulkKind::Cancel, ..) => Ok(Wanted::Cancel {
            called: body.called,
        }),
        (BulkKind::Retry, ..) => Ok(Wanted::Clear(Selection::failed())),
        (BulkKind::Clear, Some(clear), _) => {
            if clear.past || clear.future || clear.cursor.is_some() || clear.dry_run {
                return Err(invalid(
                    "clear: past, future, cursor and dry_run are not for many runs; the filter selects them",
                ));
            }
            clear_body::selection(clear).map(Wanted::Clear)
        }
        (BulkKind::Clear, None, _) => Err(invalid("clear: say what is cleared of each run")),
        (BulkKind::Mark, _, Some(mark)) => Ok(Wanted::Mark {
            task: mark.task.clone(),
            index: mark.index,
            as_state: mark_of(mark.state),
        }),
        (BulkKind::Mark, _, None) => Err(invalid("mark: say what is marked of each run")),
    }
}

fn filter(body: &BulkAction) -> Result<RunFilter, Problem> {
    let of = &body.filter;
    let dag = of.dag.as_deref().map(str::parse::<DagId>).transpose();
    let filter = RunFilter {
        dag: dag.map_err(|error| invalid(format!("filter.dag: {error}")))?,
        state: of.state.map(view::run::domain_state),
        kind: of.kind.map(view::run::domain_kind),
        created_from: of.created_from.map(|time| time.0),
        created_before: of.created_before.map(|time| time.0),
        ..RunFilter::default()
    };
    if *of == weft_api::RunsFilter::default() {
        return Err(invalid(
            "filter: say which runs, by dag, tag, owner, state, kind or time; an action on all runs is refused",
        ));
    }
    Ok(filter)
}
