//! The output of a program with the files that it names replaced by references to artifacts.
//!
//! The text is copied while it is read, without a tree of it: a guest chooses the text, and a tree
//! takes up to a hundred times its length.

use super::ending::{OUT, not_json};
use crate::ArtifactRef;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::{
    collections::HashMap,
    fmt::{self, Display, Write as _},
};
use weft_core::contract::ARTIFACT_KEY;

/// Replaces each `{"$artifact": "/out/<name>"}` by the reference to that file. The parser bounds
/// the depth.
///
/// # Errors
/// The text is not JSON, or names a file that is not there; as a sentence.
pub(super) fn linked(json: &str, files: &[(String, ArtifactRef)]) -> Result<String, String> {
    let mut copy = Copy {
        text: String::with_capacity(json.len()),
        files: files
            .iter()
            .map(|(name, reference)| (name.as_str(), reference))
            .collect(),
        missing: None,
    };
    let mut parser = serde_json::Deserializer::from_str(json);
    let value = Value {
        copy: &mut copy,
        is_held: false,
    };
    let read = value.deserialize(&mut parser).and_then(|_| parser.end());
    match (read, copy.missing) {
        (Ok(()), _) => Ok(copy.text),
        (Err(_), Some(name)) => Err(format!(
            "the output names the file {OUT}{name}, which is not there"
        )),
        (Err(error), None) => Err(not_json(&error)),
    }
}

/// The output so far.
struct Copy<'f> {
    text: String,
    files: HashMap<&'f str, &'f ArtifactRef>,
    /// A file that the output names and that is not there.
    missing: Option<String>,
}

impl Copy<'_> {
    fn plain(&mut self, value: impl Display) {
        write!(self.text, "{value}").expect("a String takes every text");
    }

    fn string(&mut self, text: &str) {
        self.plain(serde_json::Value::from(text));
    }

    fn key(&mut self, key: &str) {
        self.string(key);
        self.text.push(':');
    }

    /// The value of the only field of an object, `$artifact`.
    fn reference(&mut self, text: &str) -> Result<(), ()> {
        let Some(name) = text.strip_prefix(OUT) else {
            self.string(text);
            return Ok(());
        };
        let Some(reference) = self.files.get(name).copied() else {
            self.missing = Some(name.to_owned());
            return Err(());
        };
        self.string(reference.as_str());
        Ok(())
    }
}

/// The value that is copied next. A string is returned instead where it is to be held.
struct Value<'c, 'f> {
    copy: &'c mut Copy<'f>,
    is_held: bool,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        self.copy.plain("null");
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        self.copy.plain(value);
        Ok(None)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        self.copy.plain(value);
        Ok(None)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        self.copy.plain(value);
        Ok(None)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        self.copy.plain(serde_json::Value::from(value));
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        if self.is_held {
            return Ok(Some(text.to_owned()));
        }
        self.copy.string(text);
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let copy = self.copy;
        copy.text.push('[');
        let mut is_first = true;
        loop {
            let end = copy.text.len();
            if !is_first {
                copy.text.push(',');
            }
            let item = Value {
                copy: &mut *copy,
                is_held: false,
            };
            if items.next_element_seed(item)?.is_none() {
                copy.text.truncate(end);
                break;
            }
            is_first = false;
        }
        copy.text.push(']');
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let copy = self.copy;
        copy.text.push('{');
        let mut next = fields.next_key::<String>()?;
        let mut is_first = true;
        while let Some(key) = next {
            copy.key(&key);
            let value = Value {
                copy: &mut *copy,
                is_held: is_first && key == ARTIFACT_KEY,
            };
            let held = fields.next_value_seed(value)?;
            next = fields.next_key()?;
            match (held, &next) {
                (None, _) => {}
                (Some(text), Some(_)) => copy.string(&text),
                (Some(text), None) => copy
                    .reference(&text)
                    .map_err(|()| A::Error::custom("a file is missing"))?,
            }
            if next.is_some() {
                copy.text.push(',');
            }
            is_first = false;
        }
        copy.text.push('}');
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_files_change() {
        let files = [("a.csv".to_owned(), ArtifactRef::new("one"))];
        for (json, expected) in [
            (r#"{"$artifact": "/out/a.csv"}"#, r#"{"$artifact":"one"}"#),
            (
                r#"[{"x": {"\u0024artifact": "/out/a.csv"}}, [], {}]"#,
                r#"[{"x":{"$artifact":"one"}},[],{}]"#,
            ),
            (
                r#"{"$artifact": "/out/a.csv", "more": 1}"#,
                r#"{"$artifact":"/out/a.csv","more":1}"#,
            ),
            (
                r#"{"$artifact": ["/out/a.csv"]}"#,
                r#"{"$artifact":["/out/a.csv"]}"#,
            ),
            (r#"{"$artifact": "given"}"#, r#"{"$artifact":"given"}"#),
            (
                r#"[null, true, -1, 18446744073709551615, 0.1, 1e300, "q\"\u0000é"]"#,
                r#"[null,true,-1,18446744073709551615,0.1,1e+300,"q\"\u0000é"]"#,
            ),
        ] {
            assert_eq!(linked(json, &files).as_deref(), Ok(expected), "{json}");
        }
        let missing = linked(r#"[{"$artifact": "/out/b.csv"}]"#, &files).unwrap_err();
        assert!(
            missing.contains("/out/b.csv, which is not there"),
            "{missing}"
        );
        let broken = linked(r#"[{"$artifact": "/out/a.csv"}"#, &files).unwrap_err();
        assert!(broken.contains("is not JSON"), "{broken}");
    }
}
