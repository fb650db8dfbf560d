//! The server's API for workers: calls of the broker, blobs, compiled code, segments of
//! logs, and variables. A worker needs no other connection.
//!
//! Its paths begin with [`BASE`], beside those of the public API, and its messages are
//! those of `weft_gateway`, between programs of Weft alone. What always holds: only a token
//! with the role `worker` or `trusted_worker` is admitted; a worker reads and writes blobs
//! of tenants whose attempts it holds, and reads a variable only for an attempt that it
//! holds and that was granted the variable. The gateway computes the digest of a blob
//! itself and ignores the worker's.
//!
//! A worker that is trusted with the whole installation may take attempts from Redis
//! itself (`direct_workers`), and uses the gateway for everything else.

mod blobs;
mod code;
mod direct_workers;
mod live_lines;
mod lookup;
mod names;
mod worker;

pub use names::WorkerNamesTable;

use crate::{
    app::App,
    problem::{Code, Problem},
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use weft_broker::{
    direct_worker::CredentialRequest,
    message::{MessageError, read_key},
};
use weft_secrets::ReadError;
use worker::ByWorker;

/// The prefix of every path of the gateway.
pub(crate) const BASE: &str = "/worker/v1";
/// The prefix of paths of blobs, which may take as long as a deploy.
pub(crate) const BLOBS: &str = "/worker/v1/blobs";
/// The header field with which a worker accepts a redirect to the object store.
const REDIRECT: &str = "weft-redirect";
/// The header field that names a worker's session.
const SESSION: &str = "weft-session";
/// The longest call: a worker's reports, whose large outputs are blobs.
const MAX_CALL_BYTES: usize = 64 << 20;

/// The operations, behind the authentication of workers.
pub(crate) fn routes(app: &App) -> Router<App> {
    let operations = Router::new()
        .route(
            "/call",
            post(call).layer(DefaultBodyLimit::max(MAX_CALL_BYTES)),
        )
        .route("/variable", post(variable))
        .route(
            "/lines",
            post(live_lines::add).layer(DefaultBodyLimit::max(live_lines::MAX_CALL_BYTES)),
        )
        .route("/code-key", get(code::key))
        .route("/blobs/{tenant}/compiled/{digest}/{name}", get(code::get))
        .route(
            "/direct",
            post(issue_credentials).delete(revoke_credentials),
        )
        .route("/blobs/{tenant}/{kind}", put(blobs::put))
        .route("/blobs/{tenant}/{kind}/{digest}", get(blobs::get))
        .route(
            "/segments/{segment}",
            put(blobs::put_segment).layer(DefaultBodyLimit::max(blobs::MOST_SEGMENT_BYTES)),
        )
        .route_layer(middleware::from_fn_with_state(
            app.clone(),
            worker::authenticate,
        ));
    Router::new().nest(BASE, operations)
}

/// A call of the worker's broker. One that waits ends when the server does.
async fn call(by: ByWorker, State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    let answered = tokio::select! {
        answered = app.worker_sessions().handle_call(by.owner, &body) => answered,
        () = app.streams_end() => {
            return Err(Problem::new(Code::Unavailable, "the server is ending"));
        }
    };
    let answer = answered.map_err(|error| bad_call(&error))?;
    Ok(json(answer))
}

fn bad_call(error: &MessageError) -> Problem {
    Problem::new(
        Code::InvalidRequest,
        format!("the worker's call can't be carried out: {error}"),
    )
    .help("run the worker with the server's version of wfctl")
}

/// Issues or renews credentials for Redis. They are part of the answer's body and of nothing
/// else.
async fn issue_credentials(
    by: ByWorker,
    State(app): State<App>,
    axum::Json(request): axum::Json<CredentialRequest>,
) -> Result<Response, Problem> {
    let issued = direct_workers::issue_credentials(&app, by.owner, &request).await?;
    serde_json::to_vec(&issued)
        .map(secret)
        .map_err(Problem::internal)
}

/// Revokes the credentials of a direct worker.
async fn revoke_credentials(by: ByWorker, State(app): State<App>) -> Result<StatusCode, Problem> {
    if let Some(user) = &by.session {
        direct_workers::revoke_credentials(&app, by.owner, user).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct VariableRequest {
    /// The attempt, as messages name it.
    attempt: String,
    name: String,
}

#[derive(Serialize)]
struct VariableResponse {
    /// `None` if the tenant has no such variable.
    value: Option<String>,
}

/// The value of a variable, for an attempt that the worker holds and that was granted it.
async fn variable(
    by: ByWorker,
    State(app): State<App>,
    axum::Json(request): axum::Json<VariableRequest>,
) -> Result<Response, Problem> {
    let attempt = read_key(&request.attempt).map_err(|error| bad_call(&error))?;
    let held = by.held(&app, &attempt).await?;
    let Some(held) = held.filter(|held| held.variables.contains(&request.name)) else {
        return Err(Problem::new(
            Code::Forbidden,
            "the worker holds no such attempt, or it was not granted the variable",
        ));
    };
    let value = app.variables().value(&held.tenant, &request.name).await;
    let value = value.map_err(|error| match error {
        ReadError::Stored(error) => Problem::internal(error),
        elsewhere => Problem::new(Code::Unavailable, elsewhere.to_string()),
    })?;
    let body = serde_json::to_vec(&VariableResponse { value }).map_err(Problem::internal)?;
    Ok(secret(body))
}

/// An answer that no cache may store.
fn secret(body: Vec<u8>) -> Response {
    let mut response = json(body);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn json(body: Vec<u8>) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
