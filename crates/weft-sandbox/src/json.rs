//! Checks JSON that a guest returned: RFC 7493 (I-JSON), as far as it is about form.
//!
//! Refused are what no parser or not every parser takes: invalid escapes, lone
//! surrogates, numbers beyond a double, names that occur twice in an object,
//! nesting beyond 127 levels (the parser's own bound). `"\u0000"` is legal and passes: outputs are
//! kept as text. Nothing is changed, and memory grows with the depth and the
//! names of the objects that are open only.

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use std::{collections::HashSet, fmt};

/// Why a text is not acceptable JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct JsonError(String);

/// Checks a whole text.
pub(crate) fn check(text: &str) -> Result<(), JsonError> {
    let error = |error: serde_json::Error| JsonError(error.to_string());
    let mut parser = serde_json::Deserializer::from_str(text);
    Checked.deserialize(&mut parser).map_err(error)?;
    parser.end().map_err(error)
}

/// Visits a value and stores nothing. The parser itself bounds the depth.
#[derive(Clone, Copy)]
struct Checked;

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _value: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _value: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _value: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _value: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _value: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if names.contains(&name) {
                let short: String = name.chars().take(100).collect();
                return Err(A::Error::custom(format!(
                    "the name {short:?} occurs twice in an object"
                )));
            }
            names.insert(name);
            fields.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arrays and objects inside of each other.
    const MAX_DEPTH: usize = 127;

    #[test]
    fn what_json_allows_passes() {
        for text in [
            "null",
            " [1, -2.5e3, \"\\u0000\", \"\\ud83d\\ude00\"] ",
            "{\"a\":{},\"b\":[]}",
            "18446744073709551616",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_not_every_parser_takes_is_refused() {
        for text in [
            "",
            "nul",
            "1 2",
            "{\"a\":1,\"a\":2}",
            "\"\\ud800\"",
            "\"\\udc00x\"",
            "1e999",
            "[1,]",
            "NaN",
            "\"\u{1}\"",
            "'a'",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert!(check(&nested(MAX_DEPTH + 1)).is_err());
        assert!(check(&nested(1_000_000)).is_err());
    }
}
