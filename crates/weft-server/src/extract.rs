//! How handlers read a request: paths, queries, headers and bodies into valid
//! types, every misfit answered with a problem.

use crate::problem::{Code, Problem, quoted};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header, request::Parts};
use http_body_util::BodyExt;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use std::{borrow::Cow, fmt::Display, str::FromStr, time::Duration};

/// The longest JSON body.
pub(crate) const MAX_JSON_BYTES: usize = 4 << 20;
/// The longest query string.
const MAX_QUERY_BYTES: usize = 8 << 10;
/// How long a body may bring nothing.
pub(crate) const BODY_IDLE: Duration = Duration::from_secs(30);

/// The parameters of a path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Code::InvalidId, short(&rejection.body_text()))),
        }
    }
}

/// The fields of a query string; unknown ones are refused by the type.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        if parts
            .uri
            .query()
            .is_some_and(|query| query.len() > MAX_QUERY_BYTES)
        {
            let detail = format!("a query string has at most {MAX_QUERY_BYTES} bytes");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(
                Code::InvalidRequest,
                short(&rejection.body_text()),
            )),
        }
    }
}

/// A JSON body of at most [`MAX_JSON_BYTES`].
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::new(
                Code::UnsupportedMediaType,
                "the body must be application/json",
            ));
        }
        let bytes = collect(body, MAX_JSON_BYTES).await?;
        // `axum::Json` names the field that does not fit, which serde_json alone doesn't.
        match axum::Json::<T>::from_bytes(&bytes) {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(
                Code::InvalidRequest,
                short(&rejection.body_text()),
            )),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
    else {
        return false;
    };
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The whole body, if it isn't larger than the bound.
pub(crate) async fn collect(body: Body, most: usize) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::new();
    let mut frames = BodyFrames::new(body);
    while let Some(chunk) = frames.next().await? {
        if whole.len() + chunk.len() > most {
            return Err(too_large(most as u64));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// A body chunk by chunk; one that brings nothing for [`BODY_IDLE`] is given up.
pub(crate) struct BodyFrames(Body);

impl BodyFrames {
    pub(crate) fn new(body: Body) -> Self {
        Self(body)
    }

    /// The next chunk; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let Ok(frame) = tokio::time::timeout(BODY_IDLE, self.0.frame()).await else {
                let detail = format!("nothing of the body came for {} s", BODY_IDLE.as_secs());
                return Err(Problem::new(Code::RequestTimeout, detail));
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => {
                    let detail = format!("the body broke off: {}", short(&error.to_string()));
                    return Err(Problem::new(Code::InvalidRequest, detail));
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

pub(crate) fn too_large(most: u64) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!("the body has more than the {most} bytes that are allowed"),
    )
}

/// A value that is written as a text with rules of its own: an id, a digest, a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse()
            .map(Self)
            .map_err(|error| D::Error::custom(format!("{}: {error}", quoted(&text))))
    }
}

/// The name of a variable, connection or pool, by the rules of the DAG document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

/// The longest, in bytes, as in the DAG document.
const MAX_NAME_BYTES: usize = 250;

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {MAX_NAME_BYTES} bytes, no control characters, and no blank at its ends")]
pub(crate) struct NameError;

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = (1..=MAX_NAME_BYTES).contains(&text.len())
            && text.trim() == text
            && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned())).ok_or(NameError)
    }
}

/// The text of a header field, if it is there.
pub(crate) fn header_text<'h>(
    headers: &'h HeaderMap,
    name: &http::HeaderName,
) -> Result<Option<&'h str>, Problem> {
    headers
        .get(name)
        .map(|value| {
            value.to_str().map_err(|_odd| {
                Problem::new(
                    Code::InvalidRequest,
                    format!("the header field {name} must be plain ASCII"),
                )
            })
        })
        .transpose()
}

/// A message of a parser, without the caller's whole text in it.
fn short(message: &str) -> String {
    const MOST: usize = 300;
    let mut text: String = message.chars().take(MOST).collect();
    if text.len() < message.len() {
        text.push('…');
    }
    text
}
