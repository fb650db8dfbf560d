//! The output of a task instance, and the artifacts that the output names.
//!
//! An artifact is read through the instance whose output names it, so that a
//! digest alone opens nothing.

use super::instances::{self, InstancePath};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    extract::{Path, Query, Text},
    problem::{Code, Problem},
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_blob::{BlobReader, Kind};
use weft_core::{
    contract::{ArtifactRef, artifact_refs_in},
    digest::Digest,
    id::TenantId,
    run_id::RunId,
};
use weft_store::Output;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show_output))
        .routes(routes!(read_artifact))
}

/// Read the output of a task instance
///
/// The JSON that the task returned.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/output", tag = "instances", params(InstancePath), responses((status = 200, description = "The output", body = serde_json::Value)))]
async fn show_output(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
) -> Result<Response, Problem> {
    let output = output(&app, &by.tenant, &path).await?;
    let mut response = Body::from(output).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

/// The text of an instance's output.
async fn output(app: &App, tenant: &TenantId, path: &InstancePath) -> Result<Bytes, Problem> {
    let found = instances::find(app, tenant, path).await?;
    let output = app
        .database()
        .show_output(tenant, found.run.id, found.key)
        .await?;
    Ok(match output {
        None => {
            let detail = format!(
                "{}[{}] has no output in the run {}",
                path.task, path.index, found.run.id
            );
            return Err(Problem::new(Code::OutputNotFound, detail));
        }
        Some(Output::Inline(text)) => Bytes::copy_from_slice(text.as_bytes()),
        Some(Output::Blob { digest, bytes: _ }) => {
            app.blobs().get(Kind::Output, tenant, &digest).await?
        }
    })
}

/// The policy of a task's page in a frame of the UI.
const SANDBOX: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                       font-src data:; media-src data:; frame-ancestors 'self'";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadArtifact {
    /// `html`: as a page for a frame.
    #[serde(rename = "as")]
    #[param(value_type = Option<String>, rename = "as")]
    shown_as: Option<ShownAs>,
}

/// How an artifact is answered.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ShownAs {
    Html,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct ArtifactPath {
    /// The run's id.
    #[param(value_type = String)]
    run: Text<RunId>,
    /// The task's id.
    task: String,
    /// The map index; 0 if the task is not mapped.
    index: u32,
    /// The artifact's digest, as in its reference: `sha256:` and 64 hexadecimal digits.
    #[param(value_type = String)]
    digest: Text<Digest>,
}

/// Read an artifact
///
/// Returns the bytes as the task wrote them. Only artifacts that the instance's output names can be
/// read. With `as=html` they are a page for a frame: no script of it runs, and it loads nothing.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/artifacts/{digest}", tag = "instances", params(ArtifactPath, ReadArtifact), responses((status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream")))]
async fn read_artifact(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<ArtifactPath>,
    Query(query): Query<ReadArtifact>,
) -> Result<Response, Problem> {
    let ArtifactPath {
        run,
        task,
        index,
        digest: Text(digest),
    } = path;
    let instance = InstancePath { run, task, index };
    let output = output(&app, &by.tenant, &instance).await?;
    let wanted = ArtifactRef::new(digest.to_string());
    let text = str::from_utf8(&output).unwrap_or_default();
    let named = artifact_refs_in(text).is_ok_and(|named| named.contains(&wanted));
    if !named {
        let detail = format!(
            "the output of {}[{}] names no artifact {digest}",
            instance.task, instance.index
        );
        return Err(Problem::new(Code::ArtifactNotFound, detail));
    }
    let reader = app
        .blobs()
        .reader(Kind::Artifact, &by.tenant, &digest)
        .await?;
    Ok(match query.shown_as {
        None => octets(reader),
        Some(ShownAs::Html) => sandboxed_page(reader),
    })
}

/// A blob as a page that can do nothing: its origin is its own, it has no scripts, no forms and no
/// network.
fn sandboxed_page(reader: BlobReader) -> Response {
    let mut response = octets(reader);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_DISPOSITION);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::CACHE_CONTROL, "private, no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A blob as the body of an answer, part by part.
pub(crate) fn octets(reader: BlobReader) -> Response {
    let size = reader.size();
    let mut response = Body::from_stream(parts(reader)).into_response();
    let headers = response.headers_mut();
    // A task wrote it: whatever it is, a browser must not take it for a page of this server.
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    let attachment = HeaderValue::from_static("attachment");
    headers.insert(header::CONTENT_DISPOSITION, attachment);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    response
}

/// The parts of a blob. If they don't match its digest, an error follows the last one, which
/// breaks the connection, so that no client takes them for the whole.
fn parts(reader: BlobReader) -> impl stream::Stream<Item = Result<Bytes, weft_blob::BlobError>> {
    stream::unfold(Some(reader), async |reader| {
        let mut reader = reader?;
        match reader.next().await {
            Ok(None) => None,
            Ok(Some(part)) => Some((Ok(part), Some(reader))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}
