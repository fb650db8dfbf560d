//! Workers and queues.

use crate::{
    api::{Queue, Worker},
    app::App,
    auth::{By, Reading},
    problem::Problem,
};
use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_workers))
        .routes(routes!(list_queues))
}

/// List workers
///
/// Those that are there now, by name.
#[utoipa::path(get, path = "/workers", tag = "fleet", responses((status = 200, description = "Every worker", body = Vec<Worker>)))]
async fn list_workers(
    _by: By<Reading>,
    State(app): State<App>,
) -> Result<axum::Json<Vec<Worker>>, Problem> {
    let workers = app.fleet().workers().await?;
    let view = |worker: crate::seam::WorkerInfo| Worker {
        id: worker.id,
        queues: worker.queues,
        slots: worker.slots,
        running: worker.claimed,
        draining: worker.draining,
        labels: worker.labels.into_iter().collect(),
    };
    Ok(axum::Json(workers.into_iter().map(view).collect()))
}

/// List queues
///
/// Those that a worker serves or something waits in, by name.
#[utoipa::path(get, path = "/queues", tag = "fleet", responses((status = 200, description = "Every queue", body = Vec<Queue>)))]
async fn list_queues(
    _by: By<Reading>,
    State(app): State<App>,
) -> Result<axum::Json<Vec<Queue>>, Problem> {
    let queues = app.fleet().queues().await?;
    let view = |queue: crate::seam::QueueInfo| Queue {
        name: queue.name,
        workers: queue.workers,
        places: queue.places,
        queued: queue.queued,
    };
    Ok(axum::Json(queues.into_iter().map(view).collect()))
}
