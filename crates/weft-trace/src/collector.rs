//! The HTTP client for a collector: one request at a time, on the services' own runtime.
//!
//! The exporters' threads have no runtime of their own; what they send is sent
//! by a task of the services' one, and they wait for it.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use opentelemetry_http::{HttpClient, HttpError, Request, Response, ResponseBodyTooLarge};
use std::time::Duration;
use tokio::{runtime::Handle, time::timeout};

/// How long one request may take, its answer included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of an answer: it holds counts and a message at most.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Sends the exporters' requests.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) http: reqwest::Client,
    pub(crate) runtime: Handle,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        self.runtime
            .spawn(async move { timeout(REQUEST_TIMEOUT, exchange(&http, request)).await })
            .await??
    }
}

async fn exchange(
    http: &reqwest::Client,
    request: reqwest::Request,
) -> Result<Response<Bytes>, HttpError> {
    let mut answer = http.execute(request).await?;
    let mut body = BytesMut::new();
    while let Some(part) = answer.chunk().await? {
        if body.len() + part.len() > MAX_ANSWER_BYTES {
            return Err(ResponseBodyTooLarge::new().into());
        }
        body.extend_from_slice(&part);
    }
    let mut response = Response::new(body.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}
