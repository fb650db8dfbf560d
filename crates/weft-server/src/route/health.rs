//! Whether the process lives, whether it is of use, and what it counts.

use crate::{app::App, auth::Reading, caller::By, problem::Problem, status};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use serde_json::json;
use std::time::Duration;

/// How long the database may take before the server is not ready.
const DATABASE_WITHIN: Duration = Duration::from_secs(2);

/// What takes no token: it tells nothing that is anybody's.
pub(crate) fn open_routes() -> Router<App> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
}

/// `/metrics` takes a token that may read: queues' names are somebody's.
pub(crate) fn metrics_route() -> Router<App> {
    Router::new().route("/metrics", get(metrics))
}

/// The process answers, and its scheduler advances.
async fn live(State(app): State<App>) -> Response {
    let since = app.scheduler().health().since_progress;
    status::liveness(since.unwrap_or_default())
}

/// The scheduler's loop goes round and the database answers.
async fn ready(State(app): State<App>) -> Response {
    let within = app.options().ready_within;
    let since = app.scheduler().health().since_last_turn;
    let scheduler = match since {
        Some(since) if since <= within => None,
        Some(since) => Some(format!(
            "the scheduler's loop last went round {} s ago",
            since.as_secs()
        )),
        None => Some("the scheduler's loop has not gone round yet".to_owned()),
    };
    let database = match tokio::time::timeout(DATABASE_WITHIN, app.database().list_tenants(None, 1))
        .await
    {
        Ok(Ok(_answer)) => None,
        Ok(Err(error)) => {
            tracing::warn!(%error, operation = "check readiness", "the readiness check failed; the server reports that it is not ready");
            Some("the database does not answer as it should".to_owned())
        }
        Err(_elapsed) => Some(format!(
            "the database does not answer within {} s",
            DATABASE_WITHIN.as_secs()
        )),
    };
    let ready = scheduler.is_none() && database.is_none();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "scheduler": scheduler.as_deref().unwrap_or("ok"),
        "database": database.as_deref().unwrap_or("ok"),
    });
    (status, axum::Json(body)).into_response()
}

async fn metrics(_by: By<Reading>, State(app): State<App>) -> Result<Response, Problem> {
    let metrics = app.metrics();
    metrics.scheduler(app.scheduler().health());
    match super::fleet::queue_loads(&app).await {
        Ok(queues) => metrics.queues(&queues),
        // The other metrics are still useful.
        Err(error) => {
            tracing::warn!(code = ?error.code(), operation = "read queues", "the queues could not be read; their metrics keep old values");
        }
    }
    metrics.page().map_err(Problem::internal)
}
