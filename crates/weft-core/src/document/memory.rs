//! Bounds the memory that a document takes while it is read, by estimates made
//! before it is allocated.
//!
//! A maximal number of values would not bound it: an object of one field takes
//! a hundred times the memory of a number in a list. The estimates are rather
//! too large; `tests/document_memory.rs` compares them with what the kernel
//! counts. A schema that the document repeats, as types of tasks often are, is
//! stored once.

use super::MAX_READ_BYTES;
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, hash_map::RandomState},
    sync::Arc,
};

/// What an allocation takes beyond its bytes, rounding included.
pub(super) const ALLOCATION: usize = 24;

/// The memory that may still be taken; shared by reference among the readers of one document.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) left: Cell<usize>,
    exceeded: Cell<bool>,
    /// By the hash of the node that each was read from. Of two with one hash only the first
    /// is stored, and the other is built each time.
    pub(super) schemas: RefCell<HashMap<u64, Arc<Value>>>,
    pub(super) hasher: RandomState,
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
    /// Counts bytes before they are allocated; `false` once the document exceeds its bound.
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

    /// What may still be taken.
    pub(crate) fn left(&self) -> usize {
        self.left.get()
    }

    pub(super) fn release(&self, bytes: usize) {
        self.left.set(self.left.get() + bytes);
    }

    /// Whether the document exceeded its bound. What was read is incomplete then.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }
}
