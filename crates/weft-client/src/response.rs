//! The answer to a request.

use crate::problem;
use bytes::{Bytes, BytesMut};
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;
use std::time::Duration;
use weft_api::problem::{Code, Problem, Problems};

/// The most bytes of an answer that are held in memory.
const MAX_BODY_BYTES: usize = 64 << 20;

/// What a server answered.
#[derive(Debug)]
pub struct Response {
    inner: reqwest::Response,
    url: Url,
    timeout: Duration,
}

impl Response {
    pub(crate) fn new(response: reqwest::Response, url: Url, timeout: Duration) -> Self {
        Self {
            inner: response,
            url,
            timeout,
        }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// Itself if it is a success, or else the problem that the server answered with.
    pub async fn error_for_status(self) -> Result<Self, Problems> {
        let status = self.status();
        if status.is_success() {
            return Ok(self);
        }
        let url = self.url.clone();
        match self.bytes().await {
            Ok(body) => Err(problem::from_response(&url, status, &body)),
            // A server that refuses a large body without reading it may cut its own answer off.
            Err(cut_off) => Err(problem::from_status(&url, status).map_or(cut_off, Problems::from)),
        }
    }

    /// The next bytes of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Problems> {
        match tokio::time::timeout(self.timeout, self.inner.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(problem::no_response(&self.url, &error).into()),
            Err(_elapsed) => Err(Problem::new(
                Code::ServerTimeout,
                format!("{} sent nothing for {} s", self.url, self.timeout.as_secs()),
            )
            .help("look at the server's log")
            .into()),
        }
    }

    /// The whole body.
    pub async fn bytes(mut self) -> Result<Bytes, Problems> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(problem::invalid_response(
                    &self.url,
                    &format!("it has more than {MAX_BODY_BYTES} bytes"),
                )
                .into());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// The whole body, read as JSON.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Problems> {
        let url = self.url.clone();
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| problem::invalid_response(&url, &error.to_string()).into())
    }
}
