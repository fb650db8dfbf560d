//! A worker's way to the server: one URL, one token, outgoing HTTP(S) alone.
//!
//! Everything that a worker needs of an installation goes over it: calls of its
//! broker ([`GatewayTransport`]), blobs and log segments (`way/blobs.rs`), compiled code
//! (`way/code.rs`), variables (`way/secrets.rs`). A worker that is trusted with
//! everything may call its broker itself (`way/direct.rs`), and blobs may come from
//! another host where the server names it (`way/elsewhere.rs`); the rest goes this
//! way all the same. Nothing is tried again here: whoever calls knows whether that
//! does harm.

mod blobs;
mod code;
mod direct;
mod elsewhere;
mod secrets;

pub(super) use direct::DirectWay;
pub(crate) use {
    code::{FleetCode, Trusted},
    direct::Wanted,
};

use elsewhere::Elsewhere;

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

/// How long an answer to a call may be on its way, beyond what the call waits at the server.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a transfer of a blob may bring nothing.
const QUIET_WITHIN: Duration = Duration::from_secs(30);
/// The most bytes of an answer to a call: many dispatches with large inputs.
const MOST_ANSWER_BYTES: usize = 256 << 20;
/// The most bytes of a refusal that are read.
const MOST_REFUSAL_BYTES: usize = 64 << 10;
/// The header field that names the worker's registration.
const SESSION: &str = "weft-session";

/// The way. Cheap to clone: clones share the registration.
#[derive(Clone)]
pub(crate) struct Way(Arc<Shared>);

struct Shared {
    http: reqwest::Client,
    base: Url,
    session: Mutex<String>,
    elsewhere: Elsewhere,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client would show its headers, of which one is the token.
        f.debug_tuple("Way").field(&self.0.base.as_str()).finish()
    }
}

/// What the server did not do, as it says so.
enum Refused {
    /// It can't be reached, or broke off.
    Unanswered(String),
    /// It answered with another status than success.
    Told(StatusCode, String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(why) => f.write_str(why),
            Self::Told(status, why) => write!(f, "{why} ({status})"),
        }
    }
}

impl Way {
    /// To this server, with its token.
    ///
    /// # Errors
    /// A problem with the URL, the token or TLS.
    pub(crate) fn to(server: &Server) -> Result<Self, Problem> {
        if server.token.is_none() {
            return Err(Problem::new(Code::InvalidToken, "a worker needs a token")
                .help("make one on the server, wfctl tokens create NAME --role worker, and name it with --token-file or WEFT_TOKEN"));
        }
        let http = transport::authenticated(server)?
            .read_timeout(weft_gateway::MAX_WAIT + QUIET_WITHIN)
            .build()
            .map_err(transport::setup_failed)?;
        let mut base = server.url.value.clone();
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&format!("{path}/worker/v1/"));
        Ok(Self(Arc::new(Shared {
            http,
            base,
            session: Mutex::default(),
            elsewhere: Elsewhere::default(),
        })))
    }

    /// Whether the server takes this worker's token; says why not, where it says so.
    ///
    /// # Errors
    /// The server refuses the token, or is none of Weft's. One that doesn't answer is no error:
    /// it may come later.
    pub(crate) async fn knock(&self) -> Result<bool, Problems> {
        // A call without a registration: it changes nothing, and is answered.
        let call = br#"{"call":"pause"}"#.to_vec();
        match self.post("call", call).await {
            Ok(_answer) => Ok(true),
            Err(Refused::Unanswered(_)) => Ok(false),
            Err(Refused::Told(status, _)) if status.is_server_error() => Ok(false),
            Err(Refused::Told(status, why)) => {
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

    /// A request below the workers' way in; `path` is of this program's own words.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let session = self.session().clone();
        self.request_as(&session, method, path)
    }

    /// As whoever is known by this.
    fn request_as(&self, session: &str, method: Method, path: &str) -> RequestBuilder {
        let url = self.0.base.join(path).expect("a path of plain words");
        self.0.http.request(method, url).header(SESSION, session)
    }

    async fn post(&self, path: &str, json: Vec<u8>) -> Result<Bytes, Refused> {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .timeout(weft_gateway::MAX_WAIT + ANSWER_WITHIN)
            .body(json);
        let response = answered(request).await?;
        whole(response, MOST_ANSWER_BYTES).await
    }

    /// The worker is known by this from now on.
    fn goes_as(&self, session: &str) {
        session.clone_into(&mut self.session());
    }

    fn session(&self) -> MutexGuard<'_, String> {
        // A text that is replaced as a whole is never half-changed.
        self.0
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends it; a refusal with the server's own words.
async fn answered(request: RequestBuilder) -> Result<Response, Refused> {
    judged(request.send().await.map_err(|error| unanswered(&error))?).await
}

async fn judged(response: Response) -> Result<Response, Refused> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = whole(response, MOST_REFUSAL_BYTES)
        .await
        .unwrap_or_default();
    let detail = serde_json::from_slice::<weft_api::problem::ProblemBody>(&body).map_or_else(
        |_foreign| "it gives no reason".to_owned(),
        |body| body.detail,
    );
    Err(Refused::Told(status, weft_api::text::line(&detail, 500)))
}

/// The whole body, up to a bound.
async fn whole(mut response: Response, most: usize) -> Result<Bytes, Refused> {
    let mut bytes = BytesMut::new();
    while let Some(part) = response.chunk().await.map_err(|error| unanswered(&error))? {
        if bytes.len() + part.len() > most {
            return Err(Refused::Unanswered(format!(
                "the answer has more than {most} bytes"
            )));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

/// The error and its causes, without the URL.
fn unanswered(error: &reqwest::Error) -> Refused {
    let mut text = String::from("the server does not answer");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    Refused::Unanswered(text)
}

#[async_trait]
impl GatewayTransport for Way {
    async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
        self.post("call", call)
            .await
            .map(Into::into)
            .map_err(|refused| BrokerError::Unavailable(refused.to_string()))
    }

    fn set_session(&self, session: &str) {
        self.goes_as(session);
    }
}
