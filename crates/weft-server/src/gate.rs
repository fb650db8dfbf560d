//! The way in for workers that reach nothing but this server: calls of the
//! broker, blobs, compiled code, segments of logs, and variables.
//!
//! It stands beside the API, under [`BASE`]: its messages are those of
//! `weft_broker::gate`, between programs of Weft alone. What always holds: only a
//! token with the role `worker` opens it; a worker reads and writes blobs of
//! tenants whose attempts it holds and no others, and is told a variable only for
//! an attempt that it holds and that was granted it. What a worker sends is named
//! by its own bytes here, whatever the worker calls it.

mod blobs;
mod code;
mod lookup;
mod worker;

use crate::{
    app::App,
    problem::{Problem, ProblemCode},
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use weft_broker::message::{MessageError, read_key};
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
        answered = app.gate().answer(by.owner, &body) => answered,
        () = app.streams_end() => {
            return Err(Problem::new(ProblemCode::Unavailable, "the server is ending"));
        }
    };
    let answer = answered.map_err(|error| bad_call(&error))?;
    Ok(json(answer))
}

fn bad_call(error: &MessageError) -> Problem {
    Problem::new(
        ProblemCode::InvalidRequest,
        format!("the worker's call can't be carried out: {error}"),
    )
    .help("run the worker with the server's version of wfctl")
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
            ProblemCode::Forbidden,
            "the worker holds no such attempt, or it was not granted the variable",
        ));
    };
    let value = app
        .database()
        .open_variable(app.keyring(), &held.tenant, &asked.name)
        .await;
    let value = value.map_err(Problem::internal)?;
    let told = serde_json::to_vec(&VariableTold { value }).map_err(Problem::internal)?;
    let mut response = json(told);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn json(body: Vec<u8>) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
