//! Blobs and segments of logs, to and from workers.

use super::{ByWorker, json};
use crate::{
    app::App,
    extract::Path,
    problem::{Code, Problem},
    route::outputs::octets,
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;
use weft_blob::{BlobError, Kind, logs::SegmentId};
use weft_core::{digest::Digest, id::TenantId};

/// How long a worker may wait before it goes where it was sent.
const OPEN_FOR: Duration = Duration::from_mins(5);
/// The longest blob that is taken: beyond what any policy allows a task to write.
const MOST_BLOB_BYTES: u64 = 64 << 30;
/// The longest segment of logs that is taken; workers write shorter ones.
pub(super) const MOST_SEGMENT_BYTES: usize = 16 << 20;

#[derive(Deserialize)]
pub(super) struct Place {
    tenant: String,
    kind: String,
}

#[derive(Deserialize)]
pub(super) struct BlobPath {
    tenant: String,
    kind: String,
    digest: String,
}

#[derive(Serialize)]
struct Stored {
    digest: String,
}

/// A blob of a tenant whose attempt the worker holds. `HEAD` tells its size.
pub(super) async fn get(
    by: ByWorker,
    State(app): State<App>,
    Path(path): Path<BlobPath>,
) -> Result<Response, Problem> {
    let (tenant, kind) = place(&path.tenant, &path.kind)?;
    if !matches!(kind, Kind::Component | Kind::Output | Kind::Artifact) {
        return Err(refused(kind));
    }
    by.must_serve(&app, &tenant).await?;
    let digest = digest(&path.digest)?;
    served(&by, &app, kind, &tenant, &digest).await
}

/// The blob, or where it lies for a worker that goes there: large ones need not come through here.
pub(super) async fn served(
    by: &ByWorker,
    app: &App,
    kind: Kind,
    tenant: &TenantId,
    digest: &Digest,
) -> Result<Response, Problem> {
    if by.accepts_redirect {
        let blobs = app.blobs();
        if let Some(url) = blobs.signed_url(kind, tenant, digest, OPEN_FOR).await? {
            return redirection(&url);
        }
    }
    match app.blobs().reader(kind, tenant, digest).await {
        Ok(reader) => Ok(octets(reader)),
        Err(BlobError::Missing { kind, digest }) => Err(Problem::new(
            Code::NotFound,
            format!("there is no {kind} {digest}"),
        )),
        Err(error) => Err(error.into()),
    }
}

fn redirection(url: &Url) -> Result<Response, Problem> {
    let mut location = HeaderValue::try_from(url.as_str()).map_err(Problem::internal)?;
    // Who has it can read the blob.
    location.set_sensitive(true);
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What an attempt wrote; the answer says what it is called.
pub(super) async fn put(
    by: ByWorker,
    State(app): State<App>,
    Path(path): Path<Place>,
    body: Body,
) -> Result<Response, Problem> {
    let (tenant, kind) = place(&path.tenant, &path.kind)?;
    if !matches!(kind, Kind::Output | Kind::Artifact) {
        return Err(refused(kind));
    }
    by.must_serve(&app, &tenant).await?;
    let mut writer = app.blobs().writer(kind, &tenant).await?;
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        // A body that breaks off is no blob: what came of it goes with the writer.
        let part = part.map_err(|error| {
            Problem::new(Code::InvalidRequest, format!("the blob broke off: {error}"))
        })?;
        if writer.bytes() + part.len() as u64 > MOST_BLOB_BYTES {
            return Err(Problem::new(
                Code::TooLarge,
                format!("a blob has at most {MOST_BLOB_BYTES} bytes"),
            ));
        }
        writer.write(&part).await?;
    }
    let (digest, _bytes) = writer.finish().await?;
    let stored = Stored {
        digest: digest.hex(),
    };
    serde_json::to_vec(&stored)
        .map(json)
        .map_err(Problem::internal)
}

/// A segment of a worker's log, closed and whole.
pub(super) async fn put_segment(
    by: ByWorker,
    State(app): State<App>,
    Path(segment): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    by.must_be_registered(&app).await?;
    let segment: SegmentId = segment
        .parse()
        .map_err(|_odd| Problem::new(Code::InvalidId, "this names no segment"))?;
    app.blobs().put_segment(segment, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn tenant(text: &str) -> Result<TenantId, Problem> {
    text.parse()
        .map_err(|_odd| Problem::new(Code::InvalidId, "this names no tenant"))
}

pub(super) fn digest(text: &str) -> Result<Digest, Problem> {
    Digest::from_hex(text)
        .ok_or_else(|| Problem::new(Code::InvalidId, "a digest has 64 hexadecimal digits"))
}

fn place(text: &str, kind: &str) -> Result<(TenantId, Kind), Problem> {
    let tenant = tenant(text)?;
    let kind = Kind::ALL
        .into_iter()
        .find(|known| known.name() == kind)
        .ok_or_else(|| Problem::new(Code::NotFound, "there are no such blobs"))?;
    Ok((tenant, kind))
}

fn refused(kind: Kind) -> Problem {
    Problem::new(
        Code::Forbidden,
        format!("workers can't do this with blobs of the kind {kind}"),
    )
}
