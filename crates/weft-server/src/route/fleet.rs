//! Workers and queues.

use crate::{
    api::{Queue, Worker},
    app::App,
    auth::{By, Governing, Reading},
    extract::Path,
    problem::{Problem, ProblemCode},
    seam::Drain,
};
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_store::AuditEntry;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_workers))
        .routes(routes!(drain_worker))
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

/// Which worker.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct WorkerPath {
    /// Its name.
    worker: String,
}

/// Drain a worker
///
/// It takes nothing more, ends what it runs and then itself.
#[utoipa::path(post, path = "/workers/{worker}/drain", tag = "fleet", params(WorkerPath), responses((status = 202, description = "It is asked to")))]
async fn drain_worker(
    by: By<Governing>,
    State(app): State<App>,
    Path(path): Path<WorkerPath>,
) -> Result<StatusCode, Problem> {
    let worker = path.worker;
    match app.fleet().drain(&worker).await? {
        Drain::Asked => {
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
            ProblemCode::PartOfServer,
            format!("the worker {worker:?} runs in the server's own process"),
        )),
        Drain::Unknown => Err(Problem::new(
            ProblemCode::WorkerNotFound,
            format!("there is no worker {worker:?}"),
        )),
    }
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
