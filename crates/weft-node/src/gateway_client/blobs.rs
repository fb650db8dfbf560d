//! Blobs and log segments, through the server.

use super::{CallError, GatewayClient, read_body, send, unreachable_error};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream as _, StreamExt as _, stream};
use http_body::{Body, Frame};
use reqwest::{Method, StatusCode, header};
use serde::Deserialize;
use std::{
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};
use weft_blob::{Incoming, Kind, Outgoing, RemoteError, RemoteStore, logs::SegmentId};
use weft_core::{digest::Digest, id::TenantId};

/// The most bytes of an answer to an upload.
const MAX_ANSWER_BYTES: usize = 4 << 10;

#[derive(Deserialize)]
struct Stored {
    digest: String,
}

fn path(kind: Kind, tenant: &TenantId, digest: &Digest) -> String {
    format!("blobs/{tenant}/{kind}/{}", digest.hex())
}

fn remote_error(error: CallError) -> RemoteError {
    match error {
        CallError::Status(StatusCode::NOT_FOUND, _) => RemoteError::Missing,
        CallError::Status(StatusCode::INSUFFICIENT_STORAGE, _) => RemoteError::Full,
        CallError::Status(StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED, why) => {
            RemoteError::Refused(why)
        }
        other @ (CallError::Status(..) | CallError::Unreachable(_)) => {
            RemoteError::Unavailable(other.to_string())
        }
    }
}

/// The length of a body.
fn length(response: &reqwest::Response) -> Result<u64, RemoteError> {
    response
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .ok_or_else(|| RemoteError::Unavailable("the answer has no length".into()))
}

#[async_trait]
impl RemoteStore for GatewayClient {
    async fn get(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Incoming, RemoteError> {
        let response = self.blob(&path(kind, tenant, digest), None).await;
        let response = response.map_err(remote_error)?;
        let size = length(&response)?;
        let bytes = stream::unfold(Some(response), async |response| {
            let mut response = response?;
            match response.chunk().await {
                Ok(None) => None,
                Ok(Some(part)) => Some((Ok(part), Some(response))),
                Err(error) => Some((Err(broken(&error)), None)),
            }
        });
        Ok(Incoming {
            size,
            bytes: bytes.boxed(),
        })
    }

    async fn size(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<u64, RemoteError> {
        let request = self.request(Method::HEAD, &path(kind, tenant, digest));
        let response = send(request).await.map_err(remote_error)?;
        length(&response)
    }

    async fn put(
        &self,
        kind: Kind,
        tenant: &TenantId,
        bytes: Outgoing,
    ) -> Result<Digest, RemoteError> {
        let request = self
            .request(Method::PUT, &format!("blobs/{tenant}/{kind}"))
            .body(reqwest::Body::wrap(Upload(Mutex::new(bytes))));
        let response = send(request).await.map_err(remote_error)?;
        let answer = read_body(response, MAX_ANSWER_BYTES)
            .await
            .map_err(remote_error)?;
        serde_json::from_slice::<Stored>(&answer)
            .ok()
            .and_then(|stored| Digest::from_hex(&stored.digest))
            .ok_or_else(|| RemoteError::Unavailable("the server's answer can't be read".into()))
    }

    async fn put_segment(&self, segment: SegmentId, bytes: Outgoing) -> Result<(), RemoteError> {
        let request = self
            .request(Method::PUT, &format!("segments/{segment}"))
            .body(reqwest::Body::wrap(Upload(Mutex::new(bytes))));
        send(request).await.map(drop).map_err(remote_error)
    }
}

fn broken(error: &reqwest::Error) -> io::Error {
    io::Error::other(unreachable_error(error).to_string())
}

/// A streamed body. The lock is never contended: it only makes the stream `Sync`.
struct Upload(Mutex<Outgoing>);

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let bytes = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let part = Pin::new(bytes).poll_next(context);
        part.map(|part| part.map(|part| part.map(Frame::data)))
    }
}
