//! Compiled code for workers, and the key that it is signed with.

use super::{ByWorker, json};
use crate::{
    app::App,
    compiled,
    compiling::NoCode,
    extract::Path,
    problem::{Code, Problem},
};
use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use weft_blob::Kind;

/// The longest name of code that is looked at, in bytes.
const MOST_NAME_BYTES: usize = 200;

#[derive(Deserialize)]
pub(super) struct CodePath {
    tenant: String,
    digest: String,
    name: String,
}

#[derive(Serialize)]
struct Key {
    key: Arc<str>,
}

/// Whose code this installation's workers can load.
pub(super) async fn key(by: ByWorker, State(app): State<App>) -> Result<Response, Problem> {
    by.must_be_registered(&app).await?;
    let key = app.compiler().signer();
    serde_json::to_vec(&Key { key })
        .map(json)
        .map_err(Problem::internal)
}

/// The code of a component of a tenant whose attempt the worker holds; compiled now if
/// there is none yet.
pub(super) async fn get(
    by: ByWorker,
    State(app): State<App>,
    Path(path): Path<CodePath>,
) -> Result<Response, Problem> {
    let tenant = super::blobs::tenant(&path.tenant)?;
    by.must_serve(&app, &tenant).await?;
    let digest = super::blobs::digest(&path.digest)?;
    if path.name.len() > MOST_NAME_BYTES {
        return Err(Problem::new(
            Code::InvalidId,
            format!("a name of code has at most {MOST_NAME_BYTES} bytes"),
        ));
    }
    let code = compiled::code(&app, &tenant, digest, &path.name)
        .await
        .map_err(|error| match error {
            NoCode::Unknown(_) => Problem::new(Code::NotFound, error.to_string()),
            NoCode::Unavailable(_) => Problem::new(Code::Unavailable, error.to_string()),
        })?;
    super::blobs::served(&by, &app, Kind::Compiled, &tenant, &code).await
}
