//! The way in for workers that reach nothing but this server: calls of the
//! broker, blobs, compiled code, segments of logs, and variables.
//!
//! It stands beside the API, under [`BASE`]: its messages are those of
//! `weft_gateway`, between programs of Weft alone. What always holds: only a
//! token with the role `worker` opens it; a worker reads and writes blobs of
//! tenants whose attempts it holds and no others, and is told a variable only for
//! an attempt that it holds and that was granted it. What a worker sends is named
//! by its own bytes here, whatever the worker calls it.
//!
//! A worker that is trusted with the whole installation may ask for the direct way
//! (`guests`): it then takes attempts from Redis itself, and all else from here.

mod blobs;
mod code;
mod guests;
mod lookup;
mod worker;

pub(crate) use guests::Guests;

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
use worker::ByWorker;

/// What every path here begins with.
pub(crate) const BASE: &str = "/worker/v1";
/// What paths of blobs begin with; they may take as long as a deploy.
pub(crate) const BLOBS: &str = "/worker/v1/blobs";
/// The header field with which a worker says that it takes a blob from where it lies, too.
const REDIRECT: &str = "weft-redirect";
/// The header field that names a worker's registration.
const SESSION: &str = "weft-session";
/// The longest call: a worker's reports, whose large outputs are blobs.
const MOST_CALL_BYTES: usize = 64 << 20;

/// The operations, behind the authentication of workers.
pub(crate) fn routes(app: &App) -> Router<App> {
    let operations = Router::new()
        .route(
            "/call",
            post(call).layer(DefaultBodyLimit::max(MOST_CALL_BYTES)),
        )
        .route("/variable", post(variable))
        .route("/code-key", get(code::key))
        .route("/blobs/{tenant}/compiled/{digest}/{name}", get(code::get))
        .route("/direct", post(direct).delete(leave))
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
        answered = app.gate().handle_call(by.owner, &body) => answered,
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

/// The worker asks for the direct way, or for more time on it. What opens it stands in the
/// answer's body, and nowhere else.
async fn direct(
    by: ByWorker,
    State(app): State<App>,
    axum::Json(asked): axum::Json<CredentialRequest>,
) -> Result<Response, Problem> {
    let told = app.guests().answer(&app, by.owner, &asked).await?;
    serde_json::to_vec(&told)
        .map(secret)
        .map_err(Problem::internal)
}

/// The worker needs the direct way no more.
async fn leave(by: ByWorker, State(app): State<App>) -> Result<StatusCode, Problem> {
    if let Some(user) = &by.session {
        app.guests().dismiss(&app, by.owner, user).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct VariableAsked {
    /// The attempt, as messages name it.
    attempt: String,
    name: String,
}

#[derive(Serialize)]
struct VariableTold {
    /// None where the tenant has no such variable.
    value: Option<String>,
}

/// The value of a variable, for an attempt that the worker holds and that was granted it.
async fn variable(
    by: ByWorker,
    State(app): State<App>,
    axum::Json(asked): axum::Json<VariableAsked>,
) -> Result<Response, Problem> {
    let attempt = read_key(&asked.attempt).map_err(|error| bad_call(&error))?;
    let held = by.held(&app, &attempt).await?;
    let Some(held) = held.filter(|held| held.variables.contains(&asked.name)) else {
        return Err(Problem::new(
            Code::Forbidden,
            "the worker holds no such attempt, or it was not granted the variable",
        ));
    };
    let value = app
        .database()
        .open_variable(app.keyring(), &held.tenant, &asked.name)
        .await;
    let value = value.map_err(Problem::internal)?;
    let told = serde_json::to_vec(&VariableTold { value }).map_err(Problem::internal)?;
    Ok(secret(told))
}

/// An answer that nobody on its way keeps.
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
