//! Live updates as server-sent events.

use super::runs::{self, RunPath};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    extract::{Path, Query, header_text},
    ports::Listen,
    problem::Problem,
    sse::{self, LAST_EVENT_ID},
    viewers::Filter,
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::Change;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(follow_all))
        .routes(routes!(follow_run))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowAll {
    /// Only changes of runs: immediately if the state of a run changes, a few times a second if
    /// only its counts of task instances change. False by default.
    runs_only: Option<bool>,
    /// The id of the last event that was received, where `Last-Event-ID` can't be sent.
    after: Option<String>,
}

/// Follow all runs
///
/// Server-sent events `run` and `instance`, each with one change, from now on: the first one at once,
/// and then the last state of each row at most ten times a second, the end of a run at once. With `Last-Event-ID` the stream
/// goes on after that event, for about a minute. An event `resync` means that events were missed:
/// read the lists again. The stream ends after some minutes; connect again.
#[utoipa::path(get, path = "/events", tag = "events", params(FollowAll, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received")), responses((status = 200, description = "Changes as they are committed", body = Change, content_type = "text/event-stream")))]
async fn follow_all(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<FollowAll>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let to = if query.runs_only.unwrap_or(false) {
        Listen::Runs
    } else {
        Listen::Everything
    };
    let filter = Filter {
        tenant: by.tenant.clone(),
        run: None,
    };
    let after = header_text(&headers, &LAST_EVENT_ID)?.or(query.after.as_deref());
    sse::changes(&app, to, filter, after)
}

/// Follow a run
///
/// Like the stream of all runs, with the changes of this run only.
#[utoipa::path(get, path = "/runs/{run}/events", tag = "events", params(RunPath, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received")), responses((status = 200, description = "Changes as they are committed", body = Change, content_type = "text/event-stream")))]
async fn follow_run(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = runs::find(&app, &by.tenant, path.run.0).await?;
    let filter = Filter {
        tenant: by.tenant.clone(),
        run: Some(row.id),
    };
    let after = header_text(&headers, &LAST_EVENT_ID)?;
    sse::changes(&app, Listen::Everything, filter, after)
}
