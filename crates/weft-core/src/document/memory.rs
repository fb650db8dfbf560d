//! How much memory a document takes while it is read: estimated before it is
//! taken, and bounded, whatever the document is made of.
//!
//! A number of values would be no bound: an object of one field takes a
//! hundred times the memory of a number in a list. The estimates err on the
//! side of too much; `tests/document_memory.rs` holds them to what the kernel
//! counts. What is read again and again (the types of tasks, of which a
//! document has few and each many times) is kept once.

use super::{MAX_READ_BYTES, tree::Node};
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::Arc,
};

/// What an allocation takes beyond its bytes, rounding included.
const ALLOCATION: usize = 24;
/// A node of the tree that `serde_json` keeps an object's fields in, and how many of them it holds at least.
const OBJECT_NODE: usize = 656;
const OBJECT_NODE_FIELDS: usize = 6;
/// How many times its own memory a schema takes while it is ready to check values.
const CHECKER_TIMES: usize = 3;

/// What may still be taken; shared by reference among the readers of one document.
#[derive(Debug)]
pub(crate) struct Memory {
    left: Cell<usize>,
    exceeded: Cell<bool>,
    /// By the hash of the node that each was read from. Of two with one hash the first
    /// is kept, and the other built each time, as if it stood once in the document.
    schemas: RefCell<HashMap<u64, Arc<Value>>>,
    hasher: RandomState,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            left: Cell::new(MAX_READ_BYTES),
            exceeded: Cell::new(false),
            schemas: RefCell::default(),
            hasher: RandomState::default(),
        }
    }
}

impl Memory {
    /// Counts bytes that are about to be taken; `false` once the document has had its share.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        match self.left.get().checked_sub(bytes) {
            Some(left) => self.left.set(left),
            None => self.exceeded.set(true),
        }
        !self.exceeded.get()
    }

    /// Counts a text of this length.
    pub(crate) fn take_text(&self, bytes: usize) -> bool {
        self.take(size_of::<String>() + ALLOCATION + bytes)
    }

    /// Counts a list or table of so many items, each of this size.
    pub(crate) fn take_list(&self, items: usize, item_bytes: usize) -> bool {
        self.take(items.saturating_mul(item_bytes) + ALLOCATION)
    }

    fn give_back(&self, bytes: usize) {
        self.left.set(self.left.get() + bytes);
    }

    /// Whether the document asked for more than it may have. What was read then is not whole.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }

    /// The node as a JSON value of its own; null where there is no room for it.
    pub(crate) fn value(&self, node: &Node<'_>) -> Value {
        if self.take(weight(node)) {
            node.to_value()
        } else {
            Value::Null
        }
    }

    /// The node as a schema, the same one wherever the document repeats it.
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

    /// Does what needs the node, a schema, ready to check values; `None` where there is no room for that.
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
        self.give_back(bytes);
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
    use super::*;

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
