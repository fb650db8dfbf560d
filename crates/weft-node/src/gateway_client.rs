//! A worker's connection to the server: one URL, one token, outgoing HTTP(S) alone.
//!
//! Everything that a worker needs of an installation goes through it: calls of its
//! broker ([`GatewayTransport`]), blobs and log segments (`blobs`), compiled code
//! (`code`), variables (`secrets`), live lines (`live_lines`). A worker that is trusted with everything may
//! connect to its broker itself (`direct`), and blobs may come from another host that
//! the server names (`redirect`). Nothing is retried here: the caller knows whether a
//! retry does harm.

mod blobs;
mod code;
mod direct;
mod live_lines;
mod redirect;
mod secrets;

pub(crate) use {code::InstallationCode, direct::DirectConnection, live_lines::LiveLineSender};
pub use {code::TrustedKey, direct::ConnectionMode};

use redirect::RedirectTarget;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use weft_api::problem::{Code, Problem, Problems};
use weft_broker::BrokerError;
use weft_client::{Server, transport};
use weft_gateway::GatewayTransport;

/// How long an answer to a call may take, beyond what the call waits at the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transfer may bring no bytes.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of an answer to a call: many dispatches with large inputs.
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// The most bytes of a refusal that are read.
const MAX_REFUSAL_BYTES: usize = 64 << 10;
/// The header field that names the worker's registration.
const SESSION: &str = "weft-session";

/// The client. Cheap to clone: clones share the session.
#[derive(Clone)]
pub(crate) struct GatewayClient(Arc<Shared>);

struct Shared {
    http: reqwest::Client,
    base: Url,
    session: Mutex<String>,
    redirect: RedirectTarget,
}

impl fmt::Debug for GatewayClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The HTTP client would show its headers, of which one is the token.
        f.debug_tuple("GatewayClient")
            .field(&self.0.base.as_str())
            .finish()
    }
}

/// Why a call failed.
enum CallError {
    /// The server can't be reached, or the connection broke.
    Unreachable(String),
    /// The server answered with another status than success.
    Status(StatusCode, String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => f.write_str(why),
            Self::Status(status, why) => write!(f, "{why} ({status})"),
        }
    }
}

impl GatewayClient {
    /// A client of this server, with its token.
    ///
    /// # Errors
    /// A problem with the URL, the token or TLS.
    pub(crate) fn new(server: &Server) -> Result<Self, Problem> {
        if server.token.is_none() {
            return Err(Problem::new(Code::InvalidToken, "a worker needs a token")
                .help("make one on the server, wfctl tokens create NAME --role worker, and name it with --token-file or WEFT_TOKEN"));
        }
        let http = transport::authenticated(server)?
            .read_timeout(weft_gateway::MAX_WAIT + READ_TIMEOUT)
            .build()
            .map_err(transport::setup_failed)?;
        let mut base = server.url.value.clone();
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&format!("{path}/worker/v1/"));
        Ok(Self(Arc::new(Shared {
            http,
            base,
            session: Mutex::default(),
            redirect: RedirectTarget::default(),
        })))
    }

    /// Whether the server accepts this worker's token; `false` if it does not answer.
    ///
    /// # Errors
    /// The server refuses the token, or is no Weft server. No answer is no error: the server
    /// may start later.
    pub(crate) async fn check_auth(&self) -> Result<bool, Problems> {
        // A call without a session changes nothing, and is answered.
        let call = br#"{"call":"pause"}"#.to_vec();
        match self.post("call", call).await {
            Ok(_answer) => Ok(true),
            Err(CallError::Unreachable(_)) => Ok(false),
            Err(CallError::Status(status, _)) if status.is_server_error() => Ok(false),
            Err(CallError::Status(status, why)) => {
                let code = match status {
                    StatusCode::UNAUTHORIZED => Code::TokenUnknown,
                    StatusCode::FORBIDDEN => Code::Forbidden,
                    _other => Code::Usage,
                };
                Err(Problem::new(code, format!("the server refuses this worker: {why}"))
                    .help("a worker's token is made on the server: wfctl tokens create NAME --role worker")
                    .into())
            }
        }
    }

    /// A request to the workers' API; `path` consists of plain words.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let session = self.session().clone();
        self.request_as(&session, method, path)
    }

    /// The same with another session.
    fn request_as(&self, session: &str, method: Method, path: &str) -> RequestBuilder {
        let url = self.0.base.join(path).expect("a path of plain words");
        self.0.http.request(method, url).header(SESSION, session)
    }

    async fn post(&self, path: &str, json: Vec<u8>) -> Result<Bytes, CallError> {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .timeout(weft_gateway::MAX_WAIT + ANSWER_TIMEOUT)
            .body(json);
        let response = send(request).await?;
        read_body(response, MAX_ANSWER_BYTES).await
    }

    /// Uses this session from now on.
    fn use_session(&self, session: &str) {
        session.clone_into(&mut self.session());
    }

    fn session(&self) -> MutexGuard<'_, String> {
        // A panic can't leave a text half-written: it is replaced as a whole.
        self.0
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request; an error status becomes an error with the server's reason.
async fn send(request: RequestBuilder) -> Result<Response, CallError> {
    check_status(
        request
            .send()
            .await
            .map_err(|error| unreachable_error(&error))?,
    )
    .await
}

async fn check_status(response: Response) -> Result<Response, CallError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = read_body(response, MAX_REFUSAL_BYTES)
        .await
        .unwrap_or_default();
    let detail = serde_json::from_slice::<weft_api::problem::ProblemBody>(&body).map_or_else(
        |_foreign| "it gives no reason".to_owned(),
        |body| body.detail,
    );
    Err(CallError::Status(
        status,
        weft_api::text::line(&detail, 500),
    ))
}

/// Reads a whole body, up to a bound.
async fn read_body(mut response: Response, max: usize) -> Result<Bytes, CallError> {
    let mut bytes = BytesMut::new();
    while let Some(part) = response
        .chunk()
        .await
        .map_err(|error| unreachable_error(&error))?
    {
        if bytes.len() + part.len() > max {
            return Err(CallError::Unreachable(format!(
                "the answer has more than {max} bytes"
            )));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

/// The error and its causes, without the URL.
fn unreachable_error(error: &reqwest::Error) -> CallError {
    let mut text = String::from("the server does not answer");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    CallError::Unreachable(text)
}

#[async_trait]
impl GatewayTransport for GatewayClient {
    async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
        self.post("call", call)
            .await
            .map(Into::into)
            .map_err(|refused| BrokerError::Unavailable(refused.to_string()))
    }

    fn set_session(&self, session: &str) {
        self.use_session(session);
    }
}
