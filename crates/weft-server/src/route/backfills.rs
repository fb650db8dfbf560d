//! Backfills: runs over a range of dates.

use super::{
    dags::{self, DagPath},
    runs::{self, RunParams},
};
use crate::{
    app::App,
    auth::Operating,
    caller::By,
    extract::{Json, Path},
    ports::Wake,
    problem::{Code, Problem},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Backfill, BackfillOrder, NewBackfill, Time};
use weft_core::timetable::Timetable;
use weft_store_sql::{BackfillDate, BackfillLimit, MAX_BACKFILL_RUNS};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(backfill))
}

/// Create runs for a range of dates
///
/// Creates one run for each date of the DAG's schedule from `from` on and before `to`, regardless
/// of the DAG's own start and end. Dates that already have a scheduled or backfilled run are left
/// out. At most 10,000 runs in one request; with `limit` fewer, so that a repetition creates the
/// next ones. Queued runs start by date, whatever the order.
#[utoipa::path(post, path = "/dags/{dag}/backfills", tag = "runs", params(DagPath), request_body = NewBackfill, responses((status = 201, description = "The created runs", body = Backfill), (status = 200, description = "The runs that would be created (dry run)", body = Backfill)))]
async fn backfill(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    Json(body): Json<NewBackfill>,
) -> Result<Response, Problem> {
    let id = &path.dag.0;
    let row = dags::find(&app, &by.tenant, id).await?;
    let none_active = || {
        Problem::new(
            Code::DagNotActive,
            format!("the DAG {id} has no active version"),
        )
    };
    let active = row.active.as_ref().ok_or_else(none_active)?;
    let document = app.documents().of(app.database(), active.id).await?;
    let dates = dates(&document, body.from, body.to)?;
    let RunParams {
        params,
        concurrency_key,
    } = runs::params(&document, &body.params)?;
    let mut answer = Backfill {
        dag: id.to_string(),
        version: active.number,
        dry_run: body.dry_run,
        dates: dates.iter().map(|date| date.logical_date.into()).collect(),
        runs: Vec::new(),
        run_dates: Vec::new(),
        existing: Vec::new(),
    };
    let limit = match body.limit {
        Some(0) => {
            let detail = "limit: a backfill creates at least 1 run";
            return Err(Problem::new(Code::InvalidValue, detail));
        }
        limit => limit.map(|runs| BackfillLimit {
            runs: runs as usize,
            newest_first: body.order == BackfillOrder::Newest,
        }),
    };
    let request = weft_store_sql::Backfill {
        tenant: by.tenant.clone(),
        dag: id.clone(),
        version: active.id,
        range: (body.from.0, body.to.0),
        dates,
        params,
        concurrency_key,
        limit,
        by: by.actor(),
    };
    if body.dry_run {
        let would = app.database().preview_backfill(row.key, &request).await?;
        answer.run_dates = would.0.into_iter().map(Time).collect();
        answer.existing = would.1.into_iter().map(Time).collect();
        return Ok((StatusCode::OK, axum::Json(answer)).into_response());
    }
    let made = app
        .database()
        .backfill(&request)
        .await
        .map_err(|error| runs::refused(id, error))?;
    if !made.made.is_empty() {
        app.scheduler().wake(Wake::Queued(row.key));
    }
    app.metrics().runs_triggered.inc_by(made.made.len() as u64);
    answer.runs = made
        .made
        .iter()
        .map(|(run, _date)| run.to_string())
        .collect();
    answer.run_dates = made.made.iter().map(|(_run, date)| Time(*date)).collect();
    answer.existing = made.existing.into_iter().map(Time).collect();
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

/// The dates of the DAG's schedule within the range.
fn dates(
    dag: &weft_core::document::Dag,
    from: Time,
    to: Time,
) -> Result<Vec<BackfillDate>, Problem> {
    if to <= from {
        return Err(Problem::new(
            Code::InvalidValue,
            "the range ends before it begins",
        ));
    }
    let timetable = Timetable::of(dag).filter(|timetable| !timetable.is_continuous());
    let timetable = timetable.ok_or_else(|| {
        Problem::new(
            Code::NoSchedule,
            format!("the DAG {} has no schedule that has dates", dag.id),
        )
    })?;
    let due = timetable.between(from.0, to.0, MAX_BACKFILL_RUNS + 1);
    if due.len() > MAX_BACKFILL_RUNS {
        let detail = format!("the range has more than {MAX_BACKFILL_RUNS} dates: fill it in parts");
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let date = |due: weft_core::timetable::Due| BackfillDate {
        logical_date: due.logical_date,
        interval: due.interval,
    };
    Ok(due.into_iter().map(date).collect())
}
