//! The cause of a failure: its code, and its message without what differs from one failure to another.
//!
//! Two failures with one fingerprint have the same cause most often. It is stored, so a change of the rules makes new causes of
//! old ones; the rules are few: what is quoted, and every word that contains a digit, is left out.

use serde::Deserialize;
use std::borrow::Cow;
use weft_core::digest::Digest;

/// The most characters of a message that count and are kept.
pub(crate) const MAX_MESSAGE_CHARS: usize = 500;
/// The longest code that is kept, in characters.
const MAX_CODE_CHARS: usize = 100;
/// The bytes of a fingerprint.
pub(crate) const FINGERPRINT_BYTES: usize = 16;
/// Replaces omitted text.
const LEFT_OUT: char = '#';

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// A stable name, or `unknown`.
    pub(crate) code: String,
    /// The beginning of the message, as it was.
    pub(crate) message: String,
    /// Of code and message.
    pub(crate) fingerprint: [u8; FINGERPRINT_BYTES],
}

/// What is read of a failure as it is stored.
#[derive(Deserialize)]
struct Stored<'j> {
    #[serde(borrow)]
    code: Cow<'j, str>,
    #[serde(borrow)]
    message: Cow<'j, str>,
}

impl Cause {
    /// The cause of a failure as a row holds it. What another version wrote is its own message.
    pub(crate) fn of(error: &str) -> Self {
        let stored = serde_json::from_str(error).unwrap_or(Stored {
            code: "unknown".into(),
            message: error.into(),
        });
        let code: String = stored.code.chars().take(MAX_CODE_CHARS).collect();
        let message: String = stored.message.chars().take(MAX_MESSAGE_CHARS).collect();
        let digest = Digest::of(format!("{code}\n{}", normalised(&message)).as_bytes());
        let mut fingerprint = [0; FINGERPRINT_BYTES];
        fingerprint.copy_from_slice(&digest.0[..FINGERPRINT_BYTES]);
        Self {
            code,
            message,
            fingerprint,
        }
    }
}

/// A message without what is quoted, words with digits, and differences of spaces.
fn normalised(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        let taken = if is_of_word(first) {
            let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            let word = &rest[..end];
            if word.contains(|c: char| c.is_ascii_digit()) {
                text.push(LEFT_OUT);
            } else {
                text.push_str(word);
            }
            end
        } else if let Some(end) = quoted_end(rest, first) {
            text.push(LEFT_OUT);
            end
        } else {
            if !first.is_whitespace() {
                text.push(first);
            } else if !text.ends_with(' ') {
                text.push(' ');
            }
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    text.trim().to_owned()
}

/// What ids, paths without slashes and numbers consist of.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// Where what is quoted at the beginning of a text ends, its closing mark included; none where no such mark follows on
/// the line. An apostrophe within a word is no mark, since words are read whole before it.
fn quoted_end(text: &str, mark: char) -> Option<usize> {
    if !matches!(mark, '"' | '\'' | '`') {
        return None;
    }
    let line = text.lines().next()?;
    let inner = &line[1..];
    let end = inner.find(mark)?;
    Some(1 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(message: &str) -> [u8; FINGERPRINT_BYTES] {
        Cause::of(&serde_json::json!({ "code": "author", "message": message }).to_string())
            .fingerprint
    }

    #[test]
    fn what_differs_from_one_failure_to_another_is_left_out() {
        for (one, another) in [
            ("timed out after 1.5 s", "timed out after 23.75 s"),
            ("no row 'ada' in \"users\"", "no row 'bob' in \"orders\""),
            (
                "run 06f2c1k3 of 8f14e45f-ceea-467f failed",
                "run 1 of 0e1-2 failed",
            ),
            ("GET https://x/v1/7?a=2: 503", "GET https://x/v2/8?a=3: 500"),
            ("a\n  b", "a b"),
        ] {
            assert_eq!(fingerprint(one), fingerprint(another), "{one} | {another}");
        }
    }

    #[test]
    fn other_causes_have_other_fingerprints() {
        let mut seen = std::collections::HashSet::new();
        for message in [
            "",
            "connection refused",
            "connection reset",
            "don't know it's here",
            "don't know",
            "an open ' quote",
            "a 'b' c",
        ] {
            assert!(seen.insert(fingerprint(message)), "{message}");
        }
        let other_code = Cause::of(r#"{"code":"trap","message":""}"#);
        assert!(seen.insert(other_code.fingerprint));
    }

    #[test]
    fn whatever_a_row_holds_has_a_cause_within_bounds() {
        let long = format!(r#"{{"code":"{0}","message":"{0}"}}"#, "ä".repeat(9_999));
        let cause = Cause::of(&long);
        assert_eq!(cause.message.chars().count(), MAX_MESSAGE_CHARS);
        assert_eq!(cause.code.chars().count(), MAX_CODE_CHARS);
        let odd = Cause::of("no JSON: \u{0}'");
        assert_eq!(
            (odd.code.as_str(), odd.message.as_str()),
            ("unknown", "no JSON: \u{0}'")
        );
        assert_eq!(
            Cause::of(r#"{"code":"a\nb","message":"c\"d"}"#).message,
            "c\"d"
        );
    }
}
