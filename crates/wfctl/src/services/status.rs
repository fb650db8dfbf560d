//! The page on which a scheduler or a worker says how it fares.

use super::{Service, report};
use weft_api::problem::{Code, Problem};
use weft_server::{Listen, Listener, Metrics, StatusPage};

/// Listens where a page is wanted.
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

/// Shows the page, if there is to be one.
pub(super) fn show(
    listener: Option<Listener>,
    metrics: Metrics,
    ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Option<Service<()>> {
    let listener = listener?;
    tracing::info!(url = listener.url(), "it says there how it fares");
    let page = StatusPage {
        metrics,
        ready: Box::new(ready),
    };
    Some(Service::start(|stop| page.run(listener, stop.wait())))
}

/// Takes it away.
pub(super) async fn end(page: Option<Service<()>>) {
    if let Some(page) = page {
        report("status page", page.end().await);
    }
}
