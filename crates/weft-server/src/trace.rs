//! The trace that a request belongs to: the caller's, or a new one.
//!
//! Only the W3C `traceparent` field is read; what it holds is checked, since it
//! is stored with the runs that the request makes, and sent to workers.

use http::{HeaderMap, HeaderName};
use std::sync::Arc;
use tracing::Span;
use weft_trace::Traceparent;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The caller's, where the request carries one that is right.
fn given(headers: &HeaderMap) -> Option<Traceparent> {
    headers
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
}

/// Puts the span of a request into its caller's trace.
pub(crate) fn join(span: &Span, headers: &HeaderMap) {
    if let Some(parent) = given(headers) {
        weft_trace::adopt(span, &parent);
    }
}

/// What the runs that a request makes belong to: the request's own span; where
/// spans are not exported the caller's, else a new one, so that workers that
/// do export have a trace to put a run's attempts into.
pub(crate) fn of(headers: &HeaderMap) -> Arc<str> {
    weft_trace::of(&Span::current())
        .or_else(|| given(headers))
        .unwrap_or_else(|| {
            Traceparent::root(crate::random::bytes::<16>(), crate::random::bytes::<8>())
        })
        .to_string()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_one_is_kept_and_any_other_replaced() {
        let right = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let with = |text: &str| HeaderMap::from_iter([(TRACEPARENT, text.parse().unwrap())]);
        assert_eq!(&*of(&with(right)), right);
        for wrong in [
            "",
            "x",
            &right.to_uppercase(),
            &right.replace("4736", "473"),
        ] {
            let made = of(&with(wrong));
            assert!(
                &*made != wrong && made.parse::<Traceparent>().is_ok(),
                "{made}"
            );
        }
        assert!(of(&HeaderMap::new()).parse::<Traceparent>().is_ok());
    }
}
