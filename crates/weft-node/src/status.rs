//! The status page of a scheduler or a worker: readiness and metrics over HTTP.

use crate::service::{Service, log_end};
use std::time::Duration;
use weft_api::problem::{Code, Problem};
use weft_server::{Listen, Listener, Metrics, StatusPage};

/// Binds the address of the page, if one was given.
///
/// # Errors
/// The address is taken.
pub(super) async fn bind(listen: Option<&Listen>) -> Result<Option<Listener>, Problem> {
    let Some(listen) = listen else {
        return Ok(None);
    };
    let bound = Listener::bind(listen).await;
    bound
        .map(Some)
        .map_err(|error| Problem::new(Code::Usage, error.to_string()))
}

/// Serves the page, if an address was bound.
pub(super) fn serve(
    listener: Option<Listener>,
    metrics: Metrics,
    since_progress: impl Fn() -> Duration + Send + Sync + 'static,
    ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Option<Service<()>> {
    let listener = listener?;
    tracing::info!(
        url = listener.url(),
        operation = "serve status page",
        "status page listens"
    );
    let page = StatusPage {
        metrics,
        since_progress: Box::new(since_progress),
        ready: Box::new(ready),
    };
    Some(Service::start(|stop| page.run(listener, stop.wait())))
}

/// Ends the page.
pub(super) async fn end(page: Option<Service<()>>) {
    if let Some(page) = page {
        log_end("status page", page.end().await);
    }
}
