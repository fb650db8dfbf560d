//! Picks parts out of JSON text without building a tree of it.
//!
//! Outputs travel as text, since most of them are passed on
//! as they are. Where a binding picks a part or a mapping needs the elements,
//! only the levels on the way are parsed; everything else stays a slice.

use serde_json::value::RawValue;
use std::{collections::HashMap, ops::Range};

/// Why a part can't be picked. Each carries what a message needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// The pointer leads nowhere.
    #[error("there is nothing at {pointer:?}: {at:?} has no {missing:?}")]
    Missing {
        /// The whole pointer.
        pointer: String,
        /// How far it leads.
        at: String,
        /// What isn't there.
        missing: String,
    },
    /// A pointer that does not begin with a slash.
    #[error("{0:?} is no JSON pointer: it has to begin with '/'")]
    BadPointer(String),
    /// Something else than a list is mapped over.
    #[error("a list is needed to map over, and this is {0}")]
    NotAList(&'static str),
    /// The text is no JSON; can't happen with what the sandbox checked.
    #[error("this is no JSON: {0}")]
    NotJson(String),
}

/// The part of `text` that an RFC 6901 pointer names; the whole for the empty one.
pub(super) fn pointer<'a>(text: &'a str, pointer: &str) -> Result<&'a str, PickError> {
    if pointer.is_empty() {
        return Ok(text.trim());
    }
    let Some(tokens) = pointer.strip_prefix('/') else {
        return Err(PickError::BadPointer(pointer.to_owned()));
    };
    let mut here = text.trim();
    let mut walked = String::new();
    for token in tokens.split('/') {
        let key = token.replace("~1", "/").replace("~0", "~");
        let found = match here.as_bytes().first() {
            Some(b'{') => {
                let mut map: HashMap<String, &'a RawValue> = parse(here)?;
                map.remove(&key).map(RawValue::get)
            }
            Some(b'[') => {
                let list: Vec<&'a RawValue> = parse(here)?;
                // RFC 6901 allows no leading zeros.
                let index = if key.len() > 1 && key.starts_with('0') {
                    None
                } else {
                    key.parse::<usize>().ok()
                };
                index
                    .and_then(|index| list.get(index))
                    .map(|value| value.get())
            }
            _ => None,
        };
        here = found.ok_or_else(|| PickError::Missing {
            pointer: pointer.to_owned(),
            at: walked.clone(),
            missing: key,
        })?;
        walked.push('/');
        walked.push_str(token);
    }
    Ok(here)
}

/// Where in `text` a part is; `None` where it has no such part.
pub(super) fn range(text: &str, path: &str) -> Option<Range<usize>> {
    let part = pointer(text, path).ok()?;
    let from = part.as_ptr().addr() - text.as_ptr().addr();
    Some(from..from + part.len())
}

/// Whether `text` has a part that is neither null nor false.
pub(super) fn is_set(text: &str, path: &str) -> bool {
    pointer(text, path).is_ok_and(|part| !matches!(part, "null" | "false"))
}

/// The ranges of a list's elements in `text`.
pub(super) fn elements(text: &str) -> Result<Vec<Range<usize>>, PickError> {
    if text.trim_start().as_bytes().first() != Some(&b'[') {
        return Err(PickError::NotAList(kind(text)));
    }
    let list: Vec<&RawValue> = parse(text)?;
    let base = text.as_ptr().addr();
    Ok(list
        .into_iter()
        .map(|element| {
            let from = element.get().as_ptr().addr() - base;
            from..from + element.get().len()
        })
        .collect())
}

/// What kind of value a text holds, in words.
fn kind(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, PickError> {
    serde_json::from_str(text).map_err(|error| PickError::NotJson(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_picks_what_the_rfc_says() {
        // The document of RFC 6901, section 5.
        let text = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8, "deep": {"x": {"y": [ 1, {"z": null} ]}}}"#;
        for (path, expected) in [
            ("/foo", r#"["bar", "baz"]"#),
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/m~0n", "8"),
            ("/deep/x/y/1/z", "null"),
        ] {
            assert_eq!(pointer(text, path).expect(path), expected, "{path}");
        }
        assert_eq!(pointer(text, "").expect("whole"), text);
    }

    #[test]
    fn a_pointer_that_leads_nowhere_says_where_it_ends() {
        assert_eq!(
            pointer(r#"{"a": {"b": 1}}"#, "/a/c/d").expect_err("nothing there"),
            PickError::Missing {
                pointer: "/a/c/d".into(),
                at: "/a".into(),
                missing: "c".into()
            }
        );
        assert!(matches!(
            pointer("[1,2]", "/01"),
            Err(PickError::Missing { .. })
        ));
        assert!(matches!(
            pointer("[1,2]", "/2"),
            Err(PickError::Missing { .. })
        ));
        assert!(matches!(pointer("1", "/a"), Err(PickError::Missing { .. })));
        assert!(matches!(pointer("{}", "a"), Err(PickError::BadPointer(_))));
    }

    #[test]
    fn a_part_is_found_in_its_text_and_set_unless_it_is_null_or_false() {
        let text = r#"{"a": {"b": [1]}, "no": false, "none": null, "zero": 0}"#;
        assert_eq!(range(text, "/a/b").map(|at| &text[at]), Some("[1]"));
        assert_eq!(range(text, "/b"), None);
        assert_eq!(range("7", "/b"), None);
        assert!(is_set(text, "/a") && is_set(text, "/zero"));
        assert!(!is_set(text, "/no") && !is_set(text, "/none") && !is_set(text, "/b"));
    }

    #[test]
    fn elements_are_slices_of_the_text() {
        let text = r#" [1, "a,b", [2,3] , {"x": []}] "#;
        let parts: Vec<&str> = elements(text)
            .expect("a list")
            .into_iter()
            .map(|at| &text[at])
            .collect();
        assert_eq!(parts, ["1", "\"a,b\"", "[2,3]", "{\"x\": []}"]);
        assert!(elements("[]").expect("empty").is_empty());
        assert_eq!(
            elements("{}").expect_err("object"),
            PickError::NotAList("an object")
        );
    }
}
