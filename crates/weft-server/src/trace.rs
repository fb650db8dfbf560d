//! The trace that a run belongs to: the caller's, or a new one.
//!
//! Only the W3C `traceparent` field is read; what it holds is checked, since it
//! is stored and handed to workers.

use http::{HeaderMap, HeaderName};
use std::{fmt::Write as _, sync::Arc};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The caller's trace where the request carries one that is right, else a new one.
pub(crate) fn of(headers: &HeaderMap) -> Arc<str> {
    let given = headers
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok())
        .map(str::trim);
    match given.filter(|text| is_traceparent(text)) {
        Some(text) => text.into(),
        None => fresh(),
    }
}

/// Version 00 of the recommendation: no other is known by now.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, chars: usize| {
        part.len() == chars
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    matches!(&parts[..], ["00", trace, parent, flags] if hex(trace, 32) && some(trace) && hex(parent, 16) && some(parent) && hex(flags, 2))
}

fn fresh() -> Arc<str> {
    let mut text = String::from("00-");
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            write!(text, "{byte:02x}").expect("a String takes every text");
        }
        text.push('-');
    };
    add(&crate::random::bytes::<16>());
    add(&crate::random::bytes::<8>());
    text.push_str("01");
    text.into()
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
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            let made = of(&with(wrong));
            assert!(&*made != wrong && is_traceparent(&made), "{made}");
        }
        assert!(is_traceparent(&of(&HeaderMap::new())));
    }
}
