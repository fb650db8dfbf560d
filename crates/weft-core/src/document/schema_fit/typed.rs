//! Schemas with the root that their references resolve against.

use serde_json::Value;
use std::sync::LazyLock;

/// A list whose items are the schema at the root.
static LIST_OF_ROOT: LazyLock<Value> =
    LazyLock::new(|| serde_json::json!({ "type": "array", "items": { "$ref": "#" } }));

/// A schema within the one that its references resolve against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'s> {
    pub(super) root: &'s Value,
    pub(super) node: &'s Value,
}

impl<'s> Typed<'s> {
    pub(crate) fn of(schema: &'s Value) -> Self {
        Self {
            root: schema,
            node: schema,
        }
    }

    /// The type of lists whose items are of this schema.
    pub(crate) fn list_of(schema: &'s Value) -> Self {
        Self {
            root: schema,
            node: &LIST_OF_ROOT,
        }
    }

    pub(super) fn at(self, node: &'s Value) -> Self {
        Self {
            root: self.root,
            node,
        }
    }
}
