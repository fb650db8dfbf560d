//! Counts the bytes of bodies.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Bytes of bodies, in and out. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<[AtomicU64; 2]>);

impl Meter {
    pub(super) fn received(&self, bytes: u64) {
        self.0[0].fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.0[1].fetch_add(bytes, Ordering::Relaxed);
    }

    /// (in, out)
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (
            self.0[0].load(Ordering::Relaxed),
            self.0[1].load(Ordering::Relaxed),
        )
    }
}
