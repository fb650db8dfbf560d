//! The overview of a tenant: counts of runs, and the health of services.

use crate::{app::App, auth::Reading, caller::By, extract::Query, problem::Problem, since::Since};
use axum::extract::State;
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Health, HourOfRuns, Overview, QueueHealth};
use weft_core::{
    id::TenantId,
    run::RunState,
    time::{DurationMs, Timestamp},
};
use weft_store_sql::MAX_COUNTED_RUNS;

/// The longest time back: 7 days.
const MAX_SINCE: DurationMs = DurationMs(7 * 24 * 3_600_000);
const HOUR_MS: i64 = 3_600_000;
/// A queued run that could have begun so long ago is late.
const LATE_AFTER: DurationMs = DurationMs(60_000);
/// The most queues of an answer.
const MAX_QUEUES: usize = 100;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show_overview))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShowOverview {
    /// Since when: a duration such as `24h`, or a time. 24 hours by default, at most 7 days.
    #[param(value_type = Option<String>)]
    since: Option<Since>,
}

/// Show an overview
///
/// What runs, waits, is late and failed, and how the services are. Every count has a bound.
#[utoipa::path(get, path = "/overview", tag = "runs", params(ShowOverview), responses((status = 200, description = "The overview", body = Overview)))]
async fn show_overview(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ShowOverview>,
) -> Result<axum::Json<Overview>, Problem> {
    let now = crate::clock::now();
    let since = query.since.unwrap_or(Since::DAY).at(now, MAX_SINCE)?;
    let late_since = Timestamp(now.0.saturating_sub_unsigned(LATE_AFTER.0));
    let database = app.database();
    let active = database.count_active_runs(&by.tenant).await?;
    let counted = database
        .tenant_overview(&by.tenant, since, late_since)
        .await?;
    let hours = hours(&app, &by.tenant, since, now).await?;
    Ok(axum::Json(Overview {
        since: since.into(),
        running: active.running,
        queued: active.queued,
        late: counted.late,
        failed: counted.failed,
        capped: active.capped || counted.late.max(counted.failed) >= MAX_COUNTED_RUNS,
        dags: counted.dags,
        dags_paused: counted.paused,
        dags_failing: counted.failing,
        hours,
        health: health(&app).await?,
    }))
}

/// The runs of each hour by their state.
async fn hours(
    app: &App,
    tenant: &TenantId,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<HourOfRuns>, Problem> {
    let (first, last) = (since.0.div_euclid(HOUR_MS), now.0.div_euclid(HOUR_MS));
    let mut hours: BTreeMap<i64, HourOfRuns> = (first..=last)
        .map(|hour| {
            let empty = HourOfRuns {
                at: Timestamp(hour * HOUR_MS).into(),
                success: 0,
                failed: 0,
                cancelled: 0,
            };
            (hour, empty)
        })
        .collect();
    let begin = Timestamp(first * HOUR_MS);
    for state in [RunState::Success, RunState::Failed, RunState::Cancelled] {
        let counts = app.database().count_runs_by_hour(tenant, state, begin);
        for (hour, count) in counts.await? {
            let Some(hour) = hours.get_mut(&hour) else {
                continue;
            };
            match state {
                RunState::Success => hour.success = count,
                RunState::Failed => hour.failed = count,
                RunState::Cancelled => hour.cancelled = count,
                RunState::Pending | RunState::Running => {}
            }
        }
    }
    Ok(hours.into_values().collect())
}

/// How the services are; a broker that does not answer is a part of the answer.
async fn health(app: &App) -> Result<Health, Problem> {
    let shards = app.database().list_shards().await?;
    let unowned = shards
        .iter()
        .filter(|shard| shard.scheduler.is_none())
        .count();
    let since = app.scheduler().health().since_last_turn;
    let workers = app.fleet().workers().await;
    let queues = super::fleet::queue_loads(app).await;
    let broker_ok = workers.is_ok() && queues.is_ok();
    let workers = workers.unwrap_or_default();
    let queues = queues.unwrap_or_default().into_iter().take(MAX_QUEUES);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Health {
        since_turn_ms: since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        scheduler_ok: since.is_some_and(|since| since <= app.options().ready_within),
        shards: count(shards.len()),
        shards_unowned: count(unowned),
        broker_ok,
        workers: count(workers.len()),
        workers_draining: count(workers.iter().filter(|worker| worker.draining).count()),
        slots: workers.iter().map(|worker| worker.slots).sum(),
        slots_used: workers.iter().map(|worker| worker.claimed).sum(),
        queues: queues
            .map(|queue| QueueHealth {
                name: queue.name,
                workers: queue.workers,
                places: queue.places,
                queued: queue.queued,
                ready: queue.ready,
            })
            .collect(),
    })
}
