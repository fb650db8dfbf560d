//! Tags that name a state of a resource, so that a change meant for one state
//! is not made to another.

use crate::problem::{Problem, ProblemCode};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use weft_core::digest::Digest;

/// How much of the digest stands in a tag, in hexadecimal digits.
const CHARS: usize = 24;

/// A strong entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag(String);

impl Tag {
    /// The tag of what makes a state.
    pub(crate) fn of(state: &impl std::fmt::Debug) -> Self {
        let digest = Digest::of(format!("{state:?}").as_bytes()).hex();
        Self(format!("\"{}\"", &digest[..CHARS]))
    }

    /// Refuses a change whose `If-Match` names other states only.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let mut fields = headers.get_all(header::IF_MATCH).iter().peekable();
        if fields.peek().is_none() {
            return Ok(());
        }
        let named = |field: &HeaderValue| {
            field.to_str().is_ok_and(|text| {
                text.split(',')
                    .map(str::trim)
                    .any(|tag| tag == "*" || tag == self.0)
            })
        };
        if fields.any(named) {
            return Ok(());
        }
        Err(Problem::new(
            ProblemCode::ChangedMeanwhile,
            "it is not in the state that If-Match names any more",
        ))
    }

    fn value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("hexadecimal digits in quotes are ASCII")
    }
}

/// A JSON body with its tag.
pub(crate) struct WithTag<T>(pub(crate) Tag, pub(crate) T);

impl<T: Serialize> IntoResponse for WithTag<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.1).into_response();
        response.headers_mut().insert(header::ETAG, self.0.value());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(tag: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_str(tag).unwrap())])
    }

    #[test]
    fn only_the_named_state_is_changed() {
        let tag = Tag::of(&("a", 1));
        tag.check(&HeaderMap::new()).unwrap();
        tag.check(&asking("*")).unwrap();
        tag.check(&asking(&format!("\"x\", {}", tag.0))).unwrap();
        let other = Tag::of(&("a", 2)).check(&asking(&tag.0)).unwrap_err();
        assert_eq!(other.code(), ProblemCode::ChangedMeanwhile);
    }
}
