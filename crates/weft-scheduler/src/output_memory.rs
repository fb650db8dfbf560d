//! How much memory the outputs of all runs take, counted exactly: what holds outputs holds a
//! [`Charge`] for them, which ends with it.

use crate::limits::MAX_OUTPUT_BYTES;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes of outputs in memory, over all shards of a scheduler.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutputMemory(Arc<AtomicUsize>);

impl OutputMemory {
    pub(crate) fn total(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether outputs that can be read again are to be dropped.
    pub(crate) fn is_full(&self) -> bool {
        self.total() > MAX_OUTPUT_BYTES
    }

    /// Whether this many bytes more are within the bound.
    pub(crate) fn has_space(&self, bytes: usize) -> bool {
        self.total().saturating_add(bytes) <= MAX_OUTPUT_BYTES
    }
}

/// Bytes that count as in memory until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    memory: OutputMemory,
    bytes: usize,
}

impl Charge {
    pub(crate) fn new(memory: OutputMemory, bytes: usize) -> Self {
        memory.0.fetch_add(bytes, Ordering::Relaxed);
        Self { memory, bytes }
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts other bytes instead.
    pub(crate) fn set(&mut self, bytes: usize) {
        self.memory.0.fetch_add(bytes, Ordering::Relaxed);
        self.memory.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    /// Counts the same bytes in this memory.
    pub(crate) fn move_to(&mut self, memory: &OutputMemory) {
        *self = Self::new(memory.clone(), self.bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
