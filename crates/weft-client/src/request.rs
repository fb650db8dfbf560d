//! A request to a server: put together, sent, and sent again where that is safe.

use crate::{
    Client, Response,
    client::IDEMPOTENCY_KEY,
    problem,
    route::{self, Retry, Route},
};
use bytes::Bytes;
use reqwest::{
    StatusCode, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, time::Duration};
use weft_api::problem::{Code, Problem, Problems};

/// How long an answer may bring nothing. The server itself gives up sooner.
const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// The same for a deploy, which is compiled before it is answered.
const DEPLOY_TIMEOUT: Duration = Duration::from_mins(20);
/// How often a request is sent at most.
const MAX_TRIES: u32 = 3;
/// How long the first wait between two tries is; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Bodies from this size on may exceed what the system buffers of a connection.
const MIN_LARGE_BODY_BYTES: usize = 16 << 10;
/// The longest wait that a server can demand between two tries.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A request that is being put together ([`Client::request`]).
#[derive(Debug)]
#[must_use = "nothing is sent before `fetch`, `execute` or `send`"]
pub struct Request<'c> {
    client: &'c Client,
    method: reqwest::Method,
    retry: Retry,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    timeout: Duration,
}

impl<'c> Request<'c> {
    pub(crate) fn new(client: &'c Client, route: &Route, url: Url, headers: HeaderMap) -> Self {
        Self {
            client,
            method: route.method.clone(),
            retry: route.retry,
            url,
            headers,
            body: Bytes::new(),
            timeout: READ_TIMEOUT,
        }
    }

    /// Adds a field to the query.
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        self.url
            .query_pairs_mut()
            .append_pair(name, &value.to_string());
        self
    }

    /// Adds a field to the query if it has a value.
    pub fn query_some(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// With this body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body)
            .expect("bodies of the API have no map with odd keys")
            .into();
        self.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        self
    }

    /// Under this key instead of a random one: it belongs to an action of several requests.
    ///
    /// # Errors
    /// The key has characters that no header may have.
    pub fn idempotency_key(mut self, key: &str) -> Result<Self, Problem> {
        let value = HeaderValue::from_str(key).map_err(|_| {
            Problem::new(
                Code::Usage,
                "an idempotency key has 1 to 200 visible ASCII characters",
            )
        })?;
        self.headers.insert(IDEMPOTENCY_KEY, value);
        Ok(self)
    }

    /// With a file as its body.
    pub fn file(mut self, bytes: Bytes) -> Self {
        self.body = bytes;
        self.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/wasm"),
        );
        self.timeout = DEPLOY_TIMEOUT;
        self
    }

    /// With a body that is encoded like this.
    pub fn encoded(mut self, encoding: &'static str) -> Self {
        self.headers
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        self
    }

    /// For a stream of events that begins after the event with this id.
    pub fn events(mut self, after: Option<&str>) -> Self {
        self.headers.insert(
            header::ACCEPT,
            HeaderValue::from_static("text/event-stream"),
        );
        if let Some(value) = after.and_then(|id| HeaderValue::from_str(id).ok()) {
            self.headers
                .insert(HeaderName::from_static("last-event-id"), value);
        }
        self
    }

    /// Sends it and reads the answer as JSON.
    pub async fn fetch<T: DeserializeOwned>(self) -> Result<T, Problems> {
        self.send().await?.json().await
    }

    /// Sends it, for an operation whose answer has no content.
    pub async fn execute(self) -> Result<(), Problems> {
        self.send().await?.bytes().await.map(|_nothing| ())
    }

    /// Sends it. The answer is a success, and the caller reads its body.
    pub async fn send(self) -> Result<Response, Problems> {
        self.send_unchecked().await?.error_for_status().await
    }

    /// Sends it. The answer has any status.
    pub async fn send_unchecked(self) -> Result<Response, Problems> {
        let shown = self.shown();
        let mut tries = 0;
        loop {
            tries += 1;
            let again = self.retry == Retry::Safe && tries < MAX_TRIES;
            let wait = FIRST_WAIT * 2_u32.pow(tries - 1);
            let request = self
                .client
                .http
                .request(self.method.clone(), self.url.clone())
                .headers(self.headers.clone())
                .body(self.body.clone());
            let sending = tokio::time::timeout(self.timeout, request.send());
            match sending.await {
                Err(_elapsed) => {
                    return Err(Problem::new(
                        Code::ServerTimeout,
                        format!("{shown} did not answer within {} s", self.timeout.as_secs()),
                    )
                    .help("look at the server's log; the request may have been carried out")
                    .into());
                }
                // A refused connection stays refused within a second, so it is not tried again.
                Ok(Err(error)) if again && !error.is_connect() && !error.is_timeout() => {
                    tokio::time::sleep(wait).await;
                }
                Ok(Err(error)) => {
                    return match self.early_refusal().await {
                        Some(refusal) => Ok(refusal),
                        None => Err(problem::no_response(&shown, &error).into()),
                    };
                }
                Ok(Ok(response)) if again && is_transient(response.status()) => {
                    tokio::time::sleep(retry_after(&response).unwrap_or(wait)).await;
                }
                Ok(Ok(response)) => {
                    return Ok(Response::new(response, shown, self.timeout));
                }
            }
        }
    }

    /// The refusal that a lost connection may have swallowed.
    ///
    /// A server may refuse a large body before it has read it. Writing the rest of the
    /// body then fails, and the answer is lost with the connection. A request without a
    /// body shows whether the token is the reason.
    async fn early_refusal(&self) -> Option<Response> {
        if self.body.len() < MIN_LARGE_BODY_BYTES {
            return None;
        }
        let probe = self.client.request(&route::WHOAMI, &[]);
        let response = Box::pin(probe.send_unchecked()).await.ok()?;
        matches!(
            response.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
        .then_some(response)
    }

    /// The server, for messages: the query could hold what a user would not show.
    fn shown(&self) -> Url {
        self.client.server().url.value.clone()
    }
}

/// Whether the same request may succeed in a moment.
fn is_transient(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    )
}

/// How long the server says to wait, in whole seconds.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MAX_WAIT))
}
