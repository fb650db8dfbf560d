//! Requests and their answers, over reqwest.
//!
//! No redirect is followed, since a token would go with it. What a server can
//! make this program hold is bounded, and so is how long it waits. A request is
//! sent again only where that does no harm ([`Repeat`]).

use super::{
    auth::{self, ConnectArgs, Server, Surroundings},
    problem,
    route::{Repeat, Route},
};
use bytes::{Bytes, BytesMut};
use reqwest::{
    StatusCode, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, sync::Arc, time::Duration};
use weft_api::problem::{Code, Problem, Problems};

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may bring nothing. The server itself gives up sooner.
const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// The same for a deploy, which is compiled before it is answered.
const DEPLOY_TIMEOUT: Duration = Duration::from_mins(20);
/// The most bytes of an answer that is held in memory.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How often a request is sent at most.
const MAX_TRIES: u32 = 3;
/// How long the first wait between two tries is; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait that a server can ask for between two tries.
const MAX_WAIT: Duration = Duration::from_secs(5);
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TENANT: HeaderName = HeaderName::from_static("weft-tenant");

/// Speaks with one server.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: Server,
}

impl Client {
    /// The server that the arguments, the environment and the files name.
    /// Nothing is sent yet.
    pub(crate) fn connect(args: &ConnectArgs) -> Result<Self, Problem> {
        Self::of(Server::resolve(args, &Surroundings::read()?)?)
    }

    /// This server.
    pub(crate) fn of(server: Server) -> Result<Self, Problem> {
        let http = http_to(&server)?.build().map_err(no_http)?;
        Ok(Self { http, server })
    }

    /// Which server it is.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// A request of this operation, with the values of its path.
    pub(crate) fn call(&self, route: &Route, values: &[&str]) -> Call<'_> {
        let mut url = self.server.url.value.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        // The path is escaped already, and set_path leaves escapes as they are.
        url.set_path(&format!("{base}{}", route.path(values)));
        let mut headers = HeaderMap::new();
        if route.method == reqwest::Method::POST {
            let key: String = std::iter::repeat_with(fastrand::alphanumeric)
                .take(24)
                .collect();
            headers.insert(
                IDEMPOTENCY_KEY,
                HeaderValue::try_from(key).expect("letters and digits"),
            );
        }
        Call {
            client: self,
            method: route.method.clone(),
            repeat: route.repeat,
            url,
            headers,
            body: Bytes::new(),
            timeout: READ_TIMEOUT,
        }
    }
}

/// Requests to this server, with its token and tenant, its TLS, and no redirect.
pub(crate) fn http_to(server: &Server) -> Result<reqwest::ClientBuilder, Problem> {
    server.check()?;
    let mut headers = HeaderMap::new();
    if let Some(token) = &server.token {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", token.value.reveal())).map_err(|_odd| {
                Problem::new(
                    Code::InvalidToken,
                    "the token can't stand in a header field",
                )
            })?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Some(tenant) = &server.tenant {
        let value = HeaderValue::try_from(tenant.value.as_str()).map_err(|_odd| {
            Problem::new(
                Code::Usage,
                "the tenant's name can't stand in a header field",
            )
        })?;
        headers.insert(TENANT, value);
    }
    let mut builder = over(tls(&server.url.value)?).default_headers(headers);
    if auth::is_loopback(&server.url.value) {
        // A proxy knows another machine under that name.
        builder = builder.no_proxy();
    }
    Ok(builder)
}

/// Requests to anybody: without token and tenant, and without redirects.
pub(crate) fn http() -> Result<reqwest::ClientBuilder, Problem> {
    Ok(over(tls_with(trusted_roots())?))
}

/// Why there is no client.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands where errors are mapped"
)]
pub(crate) fn no_http(error: reqwest::Error) -> Problem {
    Problem::new(Code::Internal, format!("can't set up HTTP: {error}"))
}

fn over(tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("wfctl/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tls_backend_preconfigured(tls)
}

/// Mozilla's roots, and those that the machine's owner added; ring, since it builds in seconds.
pub(crate) fn tls(url: &Url) -> Result<rustls::ClientConfig, Problem> {
    // Reading a machine's certificates takes milliseconds that plain HTTP needn't spend.
    let roots = if url.scheme() == "https" {
        trusted_roots()
    } else {
        rustls::RootCertStore::empty()
    };
    tls_with(roots)
}

fn trusted_roots() -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn tls_with(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, Problem> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Problem::new(Code::Internal, format!("can't set up TLS: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A request that is put together.
#[derive(Debug)]
pub(crate) struct Call<'c> {
    client: &'c Client,
    method: reqwest::Method,
    repeat: Repeat,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    timeout: Duration,
}

impl Call<'_> {
    /// Adds a field to the query.
    #[must_use]
    pub(crate) fn query(mut self, name: &str, value: impl Display) -> Self {
        self.url
            .query_pairs_mut()
            .append_pair(name, &value.to_string());
        self
    }

    /// Adds a field to the query if it has a value.
    #[must_use]
    pub(crate) fn query_some(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// With this body.
    #[must_use]
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body)
            .expect("bodies of the API have no map with odd keys")
            .into();
        self.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        self
    }

    /// With a file as its body.
    #[must_use]
    pub(crate) fn file(mut self, bytes: Bytes) -> Self {
        self.body = bytes;
        self.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/wasm"),
        );
        self.timeout = DEPLOY_TIMEOUT;
        self
    }

    /// Asks for a stream of events, after the one with this id.
    #[must_use]
    pub(crate) fn events(mut self, after: Option<&str>) -> Self {
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
    pub(crate) async fn read<T: DeserializeOwned>(self) -> Result<T, Problems> {
        let answer = self.open().await?;
        let url = answer.url.clone();
        let bytes = answer.whole().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| problem::unreadable(&url, &error.to_string()).into())
    }

    /// Sends it; the answer says no more than that it was done.
    pub(crate) async fn done(self) -> Result<(), Problems> {
        self.open().await?.whole().await.map(|_nothing| ())
    }

    /// Sends it; the answer's body is read by the caller.
    pub(crate) async fn open(self) -> Result<Answer, Problems> {
        self.sent().await?.succeeded().await
    }

    /// Sends it; the answer may be anything.
    pub(crate) async fn sent(self) -> Result<Answer, Problems> {
        let shown = self.shown();
        let mut tries = 0;
        loop {
            tries += 1;
            let again = self.repeat == Repeat::Safe && tries < MAX_TRIES;
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
                    .help("look at the server's log; what was asked for may have been done")
                    .into());
                }
                // Nobody listens there: that does not change within a second.
                Ok(Err(error)) if again && !error.is_connect() && !error.is_timeout() => {
                    tokio::time::sleep(wait).await;
                }
                Ok(Err(error)) => return Err(problem::unanswered(&shown, &error).into()),
                Ok(Ok(response)) if again && is_passing(response.status()) => {
                    tokio::time::sleep(asked_wait(&response).unwrap_or(wait)).await;
                }
                Ok(Ok(response)) => {
                    return Ok(Answer {
                        response,
                        url: shown,
                        timeout: self.timeout,
                    });
                }
            }
        }
    }

    /// The server, for messages: the query could hold what a user would not show.
    fn shown(&self) -> Url {
        self.client.server.url.value.clone()
    }
}

/// Whether the same request may be answered differently in a moment.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    )
}

/// How long the server asks to wait, in whole seconds.
fn asked_wait(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MAX_WAIT))
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    response: reqwest::Response,
    url: Url,
    timeout: Duration,
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A success, or the problem that the server tells.
    pub(crate) async fn succeeded(self) -> Result<Self, Problems> {
        let status = self.status();
        if status.is_success() {
            return Ok(self);
        }
        let url = self.url.clone();
        let body = self.whole().await?;
        Err(problem::refused(&url, status, &body))
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Problems> {
        match tokio::time::timeout(self.timeout, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(problem::unanswered(&self.url, &error).into()),
            Err(_elapsed) => Err(Problem::new(
                Code::ServerTimeout,
                format!("{} sent nothing for {} s", self.url, self.timeout.as_secs()),
            )
            .help("look at the server's log")
            .into()),
        }
    }

    /// The whole body.
    pub(crate) async fn whole(mut self) -> Result<Bytes, Problems> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(problem::unreadable(
                    &self.url,
                    &format!("it has more than {MAX_ANSWER_BYTES} bytes"),
                )
                .into());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}
