//! Values and schemas built from nodes of the tree, within the document's memory.

use super::{
    memory::{ALLOCATION, Memory},
    tree::Node,
};
use serde_json::Value;
use std::{hash::BuildHasher as _, sync::Arc};

/// The bytes of a B-tree node of a `serde_json` object, and its minimal number of fields.
const OBJECT_NODE: usize = 656;
const OBJECT_NODE_FIELDS: usize = 6;
/// How many times its own memory a schema takes while it is ready to check values.
const CHECKER_TIMES: usize = 3;

impl Memory {
    /// The node as a JSON value of its own; null if the memory is used up.
    pub(crate) fn value(&self, node: &Node<'_>) -> Value {
        if self.take(weight(node)) {
            node.to_value()
        } else {
            Value::Null
        }
    }

    /// The node as a schema, the same one however often the document repeats it.
    pub(crate) fn schema(&self, node: &Node<'_>) -> Arc<Value> {
        let hash = self.hasher.hash_one(node);
        let mut schemas = self.schemas.borrow_mut();
        let known = schemas.get(&hash);
        if let Some(known) = known.filter(|known| node.is_value(known)) {
            return Arc::clone(known);
        }
        if !self.take(weight(node) + ALLOCATION) {
            return Arc::new(Value::Null);
        }
        let schema = Arc::new(node.to_value());
        schemas.entry(hash).or_insert_with(|| Arc::clone(&schema));
        schema
    }

    /// Runs a check that needs the node, a schema, compiled; `None` if the memory is used up.
    pub(crate) fn while_checking<T>(
        &self,
        node: &Node<'_>,
        check: impl FnOnce() -> T,
    ) -> Option<T> {
        let bytes = weight(node).saturating_mul(CHECKER_TIMES);
        if !self.take(bytes) {
            return None;
        }
        let checked = check();
        self.release(bytes);
        Some(checked)
    }
}

/// What a node takes as a JSON value of its own.
fn weight(node: &Node<'_>) -> usize {
    size_of::<Value>()
        + match node {
            Node::Null | Node::Bool(_) | Node::Number(_) => 0,
            Node::Text(text) => ALLOCATION + text.len(),
            Node::Date(text) => ALLOCATION + text.len(),
            Node::List(items) => ALLOCATION + items.iter().map(weight).sum::<usize>(),
            Node::Table(entries) => {
                let fields = entries
                    .iter()
                    .map(|(key, node)| size_of::<String>() + ALLOCATION + key.len() + weight(node));
                entries.len().div_ceil(OBJECT_NODE_FIELDS) * OBJECT_NODE + fields.sum::<usize>()
            }
        }
}

#[cfg(test)]
mod tests {
    use super::{super::MAX_READ_BYTES, *};

    fn table(value: u64) -> Node<'static> {
        Node::Table([("a".into(), Node::Number(value.into()))].into())
    }

    #[test]
    fn equal_schemas_are_kept_and_counted_once() {
        let memory = Memory::default();
        let first = memory.schema(&table(1));
        let left = memory.left.get();
        assert!(Arc::ptr_eq(&first, &memory.schema(&table(1))));
        assert_eq!(memory.left.get(), left);
        assert!(!Arc::ptr_eq(&first, &memory.schema(&table(2))));
        assert!(memory.left.get() < left);
    }

    #[test]
    fn what_is_too_much_stays_too_much() {
        let memory = Memory::default();
        assert!(memory.take(MAX_READ_BYTES - 10));
        assert_eq!(memory.value(&table(1)), Value::Null);
        assert!(memory.is_exceeded());
        assert!(!memory.take(1));
    }
}
