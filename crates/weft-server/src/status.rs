//! Liveness, readiness and metrics of a service without an API, for supervisors and
//! Prometheus. It takes no token, so it listens only where the operator allows it.

use crate::{Listener, Metrics, ServerError};
use axum::{
    Json, Router,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::StatusCode;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// How long a scheduler may make no progress before its process is not live: longer than any call
/// to a database or broker.
pub const LIVE_WITHIN: Duration = Duration::from_mins(2);

/// What it shows.
pub struct StatusPage {
    /// Under `/metrics`.
    pub metrics: Metrics,
    /// Under `/health/live`: how long ago the service last advanced.
    pub since_progress: Box<dyn Fn() -> Duration + Send + Sync>,
    /// Under `/health/ready`: nothing where the service is of use, or why it isn't.
    pub ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl StatusPage {
    /// Answers until `shutdown` is ready, and then closes every connection at once.
    ///
    /// # Errors
    /// The listener is broken.
    pub async fn run(
        self,
        listener: Listener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServerError> {
        let address = listener.address();
        let page = Arc::new(self);
        let live = Arc::clone(&page);
        let ready = Arc::clone(&page);
        let router = Router::new()
            .route(
                "/health/live",
                get(async move || liveness((live.since_progress)())),
            )
            .route("/health/ready", get(async move || ready.readiness()))
            .route("/metrics", get(async move || page.metrics()));
        let serve = axum::serve(listener.into_socket(), router);
        tokio::select! {
            ended = serve.into_future() => ended.map_err(|why| ServerError::Broken { address, why }),
            () = shutdown => Ok(()),
        }
    }

    fn readiness(&self) -> Response {
        match (self.ready)() {
            Ok(()) => Json(json!({ "status": "ready" })).into_response(),
            Err(why) => {
                let body = json!({ "status": "not ready", "why": why });
                (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
            }
        }
    }

    fn metrics(&self) -> Response {
        let page = self.metrics.page();
        page.unwrap_or_else(|_error| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
}

/// Live where the scheduler has advanced within [`LIVE_WITHIN`].
pub(crate) fn liveness(since_progress: Duration) -> Response {
    if since_progress <= LIVE_WITHIN {
        return Json(json!({ "status": "live" })).into_response();
    }
    let since = since_progress.as_secs();
    let why = format!("the scheduler has made no progress for {since} s");
    let body = json!({ "status": "not live", "why": why });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}
