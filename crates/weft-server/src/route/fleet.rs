//! Workers, queues and shards.

use crate::{
    app::App,
    auth::{Governing, Reading},
    caller::By,
    extract::{Json, Path},
    ports::{Drain, QueueInfo, Wake},
    problem::{Code, Problem},
};
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Queue, Shard, ShardCount, Worker};
use weft_store_sql::{AuditEntry, Database, ShardRow};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_workers))
        .routes(routes!(drain_worker))
        .routes(routes!(list_queues))
        .routes(routes!(list_shards))
        .routes(routes!(grow_shards))
}

/// List workers
///
/// Connected workers, sorted by name.
#[utoipa::path(get, path = "/workers", tag = "fleet", responses((status = 200, description = "Every worker", body = Vec<Worker>)))]
async fn list_workers(
    _by: By<Reading>,
    State(app): State<App>,
) -> Result<axum::Json<Vec<Worker>>, Problem> {
    let workers = app.fleet().workers().await?;
    let view = |worker: crate::ports::WorkerInfo| Worker {
        id: worker.id,
        queues: worker.queues,
        slots: worker.slots,
        running: worker.claimed,
        draining: worker.draining,
        labels: worker.labels.into_iter().collect(),
    };
    Ok(axum::Json(workers.into_iter().map(view).collect()))
}

/// Which worker.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct WorkerPath {
    /// Name of the worker.
    worker: String,
}

/// Drain a worker
///
/// The worker takes no new attempts, finishes the running ones, and then exits.
#[utoipa::path(post, path = "/workers/{worker}/drain", tag = "fleet", params(WorkerPath), responses((status = 202, description = "The drain was requested")))]
async fn drain_worker(
    by: By<Governing>,
    State(app): State<App>,
    Path(path): Path<WorkerPath>,
) -> Result<StatusCode, Problem> {
    let worker = path.worker;
    match app.fleet().drain(&worker).await? {
        Drain::Requested => {
            let entry = AuditEntry {
                tenant: None,
                actor: by.actor(),
                action: "worker.drain".to_owned(),
                subject: worker,
                details: None,
            };
            app.database().append_audit(&entry).await?;
            Ok(StatusCode::ACCEPTED)
        }
        Drain::PartOfServer => Err(Problem::new(
            Code::PartOfServer,
            format!("the worker {worker:?} runs in the server's own process"),
        )),
        Drain::Unknown => Err(Problem::new(
            Code::WorkerNotFound,
            format!("there is no worker {worker:?}"),
        )),
    }
}

/// List queues
///
/// Queues that a worker serves or in which attempts wait, sorted by name.
#[utoipa::path(get, path = "/queues", tag = "fleet", responses((status = 200, description = "Every queue", body = Vec<Queue>)))]
async fn list_queues(
    _by: By<Reading>,
    State(app): State<App>,
) -> Result<axum::Json<Vec<Queue>>, Problem> {
    let held = held_by_queue(&app).await?;
    let loads = queue_loads(&app).await?;
    let view = |load: QueueInfo| Queue {
        wanted: load.ready + load.queued + held.get(&load.name).copied().unwrap_or_default(),
        name: load.name,
        workers: load.workers,
        places: load.places,
        queued: load.queued,
        ready: load.ready,
    };
    Ok(axum::Json(loads.into_iter().map(view).collect()))
}

/// What the workers of each queue hold.
async fn held_by_queue(app: &App) -> Result<BTreeMap<String, u64>, Problem> {
    let mut held = BTreeMap::new();
    for worker in app.fleet().workers().await? {
        for queue in worker.queues {
            *held.entry(queue).or_default() += u64::from(worker.claimed);
        }
    }
    Ok(held)
}

/// Every queue that the broker or a scheduler knows, by name.
pub(super) async fn queue_loads(app: &App) -> Result<Vec<QueueInfo>, Problem> {
    let mut ready = app.scheduler().ready();
    let mut loads = app.fleet().queues().await?;
    for load in &mut loads {
        load.ready = ready.remove(load.name.as_str()).unwrap_or_default();
    }
    loads.extend(ready.into_iter().map(|(name, ready)| QueueInfo {
        name: name.to_string(),
        workers: 0,
        places: 0,
        queued: 0,
        ready,
    }));
    loads.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(loads)
}

/// List shards
///
/// Sorted by number, each with the scheduler that owns it.
#[utoipa::path(get, path = "/shards", tag = "fleet", responses((status = 200, description = "Every shard", body = Vec<Shard>)))]
async fn list_shards(
    _by: By<Reading>,
    State(app): State<App>,
) -> Result<axum::Json<Vec<Shard>>, Problem> {
    shards(&app).await
}

/// Add shards
///
/// Raises the number of shards; needs a token for the whole installation. New tenants are assigned
/// to the shards with the fewest tenants, and schedulers distribute the shards among themselves.
#[utoipa::path(put, path = "/shards", tag = "fleet", request_body = ShardCount, responses((status = 200, description = "Every shard", body = Vec<Shard>)))]
async fn grow_shards(
    by: By<Governing>,
    State(app): State<App>,
    Json(body): Json<ShardCount>,
) -> Result<axum::Json<Vec<Shard>>, Problem> {
    let there = u32::try_from(app.database().shards().await?.len()).unwrap_or(u32::MAX);
    let (count, most) = (body.count, Database::MAX_SHARDS);
    if !(there..=most).contains(&count) {
        return Err(Problem::new(
            Code::InvalidValue,
            format!(
                "there can be {there} to {most} shards, not {count}: one that is there is never taken away"
            ),
        ));
    }
    app.database().grow_shards(count, &by.actor()).await?;
    app.scheduler().wake(Wake::Shards);
    shards(&app).await
}

async fn shards(app: &App) -> Result<axum::Json<Vec<Shard>>, Problem> {
    let view = |row: ShardRow| Shard {
        id: row.id.0.cast_unsigned(),
        scheduler: row.scheduler,
        takeovers: row.epoch.unsigned_abs(),
        lost_turns: row.lost_turns,
        lost_at: row.lost_at.map(weft_api::Time),
        tenants: row.tenants,
    };
    let rows = app.database().list_shards().await?;
    Ok(axum::Json(rows.into_iter().map(view).collect()))
}
