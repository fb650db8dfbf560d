//! References to artifacts inside JSON values: `{"$artifact": "<reference>"}`.
//!
//! The host finds them in inputs and outputs, and so knows who holds what. It
//! gives the text inside a reference no meaning here.

use serde_json::Value;
use std::{collections::HashSet, fmt, sync::Arc};

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
