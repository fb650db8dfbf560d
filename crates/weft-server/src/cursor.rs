//! Cursors: where a list goes on, in a text that means nothing to a client.
//!
//! A cursor is bound to its list and its filters: another list refuses
//! it, so that a page never begins at a key of something else.

use crate::problem::{Code, Problem};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Write as _;
use weft_core::digest::Digest;

/// The longest cursor, in characters.
const MAX_CHARS: usize = 2_048;
/// How much of the filters' digest it contains, in hexadecimal digits.
const TAG_CHARS: usize = 8;

/// Names a list together with its filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List(String);

impl List {
    /// A list by its name and what it is filtered by.
    pub(crate) fn new(name: &str, filters: &impl std::fmt::Debug) -> Self {
        let whole = format!("{name} {filters:?}");
        Self(Digest::of(whole.as_bytes()).hex()[..TAG_CHARS].to_owned())
    }

    /// The cursor that goes on after `key`.
    pub(crate) fn after(&self, key: &impl Serialize) -> String {
        let key = serde_json::to_vec(key).expect("keys of lists are plain numbers and texts");
        let mut text = self.0.clone();
        for byte in key {
            write!(text, "{byte:02x}").expect("a String takes every text");
        }
        text
    }

    /// The key that a cursor contains.
    pub(crate) fn key<K: DeserializeOwned>(
        &self,
        cursor: Option<&str>,
    ) -> Result<Option<K>, Problem> {
        cursor
            .map(|text| self.read(text).ok_or_else(refused))
            .transpose()
    }

    fn read<K: DeserializeOwned>(&self, text: &str) -> Option<K> {
        if text.len() > MAX_CHARS || !text.is_ascii() {
            return None;
        }
        let digits = text.strip_prefix(&*self.0)?.as_bytes();
        if !digits.len().is_multiple_of(2) {
            return None;
        }
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let key: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
        serde_json::from_slice(&key).ok()
    }
}

fn refused() -> Problem {
    Problem::new(
        Code::InvalidCursor,
        "the cursor is none that this list gave out, with these filters",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_in_its_own_list_only() {
        let runs = List::new("runs", &Some("a"));
        let cursor = runs.after(&(7_i64, "x"));
        assert_eq!(
            runs.key::<(i64, String)>(Some(&cursor)).unwrap(),
            Some((7, "x".into()))
        );
        let others = List::new("runs", &Some("b"));
        assert_eq!(
            others
                .key::<(i64, String)>(Some(&cursor))
                .unwrap_err()
                .code(),
            Code::InvalidCursor
        );
    }

    #[test]
    fn odd_cursors_are_refused() {
        let list = List::new("x", &());
        for odd in [
            "",
            "z",
            "é",
            &list.0,
            &format!("{}0", list.0),
            &format!("{}+1", list.0),
            &"0".repeat(10_000),
        ] {
            assert!(list.key::<i64>(Some(odd)).is_err(), "{odd}");
        }
        assert_eq!(list.key::<i64>(None).unwrap(), None);
    }
}
