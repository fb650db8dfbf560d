//! References to artifacts inside JSON values: `{"$artifact": "<reference>"}`.
//!
//! The host finds them in inputs and outputs, and so knows who holds what. It
//! gives the text inside a reference no meaning here.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::{borrow::Cow, collections::HashSet, fmt, sync::Arc};

/// The only key of an object that is a reference.
pub const ARTIFACT_KEY: &str = "$artifact";

/// The name of an artifact, opaque to its holders.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactRef(Arc<str>);

impl ArtifactRef {
    /// A reference from its text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text inside the reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON object that represents the artifact in inputs and outputs.
    pub fn to_value(&self) -> Value {
        serde_json::json!({ ARTIFACT_KEY: self.as_str() })
    }

    /// The reference that a value is, if it is one: an object with this one key and a text.
    pub fn from_value(value: &Value) -> Option<Self> {
        let object = value.as_object().filter(|object| object.len() == 1)?;
        object.get(ARTIFACT_KEY)?.as_str().map(Self::new)
    }
}

impl fmt::Display for ArtifactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Every reference in a value, once each, in the order of the text.
///
/// Needs no recursion, so that a deep value can't exhaust the stack.
pub fn artifact_refs(value: &Value) -> Vec<ArtifactRef> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(fields) => {
                if let Some(reference) = ArtifactRef::from_value(value) {
                    if seen.insert(reference.clone()) {
                        found.push(reference);
                    }
                } else {
                    open.extend(fields.values().rev());
                }
            }
        }
    }
    found
}

/// Every reference in a JSON text, once each, in the order of the text.
///
/// The text is read without a tree of it, which would take up to a hundred times its length.
///
/// # Errors
/// The text is not JSON, or is nested more than 127 levels deep.
pub fn artifact_refs_in(text: &str) -> Result<Vec<ArtifactRef>, serde_json::Error> {
    let mut found = Found::default();
    let mut parser = serde_json::Deserializer::from_str(text);
    Search(&mut found).deserialize(&mut parser)?;
    parser.end()?;
    Ok(found.refs)
}

#[derive(Default)]
struct Found {
    refs: Vec<ArtifactRef>,
    seen: HashSet<ArtifactRef>,
}

impl Found {
    fn add(&mut self, text: &str) {
        let reference = ArtifactRef::new(text);
        if self.seen.insert(reference.clone()) {
            self.refs.push(reference);
        }
    }
}

/// Searches a value, and returns it where it is a text.
struct Search<'f>(&'f mut Found);

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _value: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element_seed(Search(self.0))?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let Some(key) = fields.next_key::<Cow<'_, str>>()? else {
            return Ok(None);
        };
        let first = fields.next_value_seed(Search(self.0))?;
        let is_key = key == ARTIFACT_KEY;
        if fields.next_key::<IgnoredAny>()?.is_none() {
            if let Some(text) = first.filter(|_text| is_key) {
                self.0.add(&text);
            }
            return Ok(None);
        }
        fields.next_value_seed(Search(self.0))?;
        while fields.next_key::<IgnoredAny>()?.is_some() {
            fields.next_value_seed(Search(self.0))?;
        }
        Ok(None)
    }
}
