//! Why a request was not carried out, and how that is answered:
//! `application/problem+json` with a stable code.
//!
//! An answer contains nothing secret and no message of the database: the log has the
//! full cause of a fault, under the request's id.

pub(crate) mod convert;

pub(crate) use weft_api::problem::Code;

use crate::request_id;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use weft_api::problem::MEDIA_TYPE;
use weft_api::problem::{ProblemBody, ProblemDetail};

/// The most single problems in one answer; the others are counted in its text.
pub const MAX_DETAILS: usize = 100;
/// The longest text of the caller's that a message repeats, in characters.
const MAX_QUOTED: usize = 100;

/// What a handler ends with when it does not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    code: Code,
    detail: String,
    help: Option<String>,
    details: Vec<ProblemDetail>,
}

impl Problem {
    /// What happened, in one sentence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            help: None,
            details: Vec::new(),
        }))
    }

    /// Says what to do, where the code's own words are too general.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds each single thing that is wrong, up to [`MAX_DETAILS`].
    #[must_use]
    pub fn details(mut self, details: impl IntoIterator<Item = ProblemDetail>) -> Self {
        let room = MAX_DETAILS.saturating_sub(self.0.details.len());
        self.0.details.extend(details.into_iter().take(room));
        self
    }

    /// Stable code of the problem.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// A defect: the log has the cause, and the caller learns only that there is one.
    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        tracing::error!(
            request = request_id::current(),
            operation = "answer request",
            "{what}"
        );
        Self::new(
            Code::Internal,
            "the server met something that it was not made for; its log says what",
        )
    }

    /// The status of the answer. A code that no server answers with is a defect.
    fn status(&self) -> StatusCode {
        self.0
            .code
            .status()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer's body.
    pub fn body(&self) -> ProblemBody {
        let Inner {
            code,
            detail,
            help,
            details,
        } = &*self.0;
        let general = Some(code.help()).filter(|help| !help.is_empty());
        ProblemBody {
            kind: format!("urn:weft:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: self.status().as_u16(),
            code: code.as_str().to_owned(),
            detail: detail.clone(),
            help: help.clone().or(general.map(str::to_owned)),
            exit_code: code.exit().code(),
            problems: details.clone(),
            request: request_id::current(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).expect("a problem has no map with odd keys");
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"weft\""),
                );
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _other => {}
        }
        response
    }
}

/// A caller's text for a message: escaped and short.
pub(crate) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(MAX_QUOTED).collect();
    if short.len() < text.len() {
        format!("{short:?}…")
    } else {
        format!("{short:?}")
    }
}
