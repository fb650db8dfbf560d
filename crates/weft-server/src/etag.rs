//! Tags that name a state of a resource, so that a change for one state
//! is not made to another.

use crate::problem::{Code, Problem};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use weft_core::digest::Digest;

/// How much of the digest a tag contains, in hexadecimal digits.
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

    /// Refuses a change whose `If-Match` names other states only. Where it names this one,
    /// the state is the precondition of the change: the database compares it once more, in the
    /// transaction that makes the change.
    pub(crate) fn check_if_match<S>(
        &self,
        headers: &HeaderMap,
        state: S,
    ) -> Result<Option<S>, Problem> {
        let mut names_this = false;
        let mut fields = headers.get_all(header::IF_MATCH).iter().peekable();
        if fields.peek().is_none() {
            return Ok(None);
        }
        for tag in fields.flat_map(|field| field.to_str().unwrap_or_default().split(',')) {
            match tag.trim() {
                "*" => return Ok(None),
                tag => names_this |= tag == self.0,
            }
        }
        if names_this {
            return Ok(Some(state));
        }
        Err(Problem::new(
            Code::ChangedMeanwhile,
            "it is not in the state that If-Match names any more",
        ))
    }

    /// Whether the caller has this state already, as its `If-None-Match` says.
    pub(crate) fn is_known(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|field| field.to_str().ok())
            .flat_map(|field| field.split(','))
            .any(|tag| tag.trim() == self.0)
    }

    /// As a header field has it.
    pub(crate) fn value(&self) -> HeaderValue {
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
        assert_eq!(tag.check_if_match(&HeaderMap::new(), 1).unwrap(), None);
        assert_eq!(tag.check_if_match(&asking("*"), 1).unwrap(), None);
        let named = asking(&format!("\"x\", {}", tag.0));
        assert_eq!(tag.check_if_match(&named, 1).unwrap(), Some(1));
        let other = Tag::of(&("a", 2))
            .check_if_match(&asking(&tag.0), 2)
            .unwrap_err();
        assert_eq!(other.code(), Code::ChangedMeanwhile);
    }
}
