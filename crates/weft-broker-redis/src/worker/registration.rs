//! One registration of a worker with one shard.

use std::sync::Arc;

/// A registration, as Redis answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registration {
    /// Its unique name in Redis.
    pub(super) token: Arc<str>,
    /// The worker's id.
    pub(super) id: Arc<str>,
    pub(super) incarnation: Arc<str>,
    /// The id of the server that answered: another one may have lost the newest writes.
    pub(super) server: Arc<str>,
}

impl Registration {
    /// Whether both read the same inbox, whose entry ids follow the same clock.
    pub(super) fn shares_inbox(&self, other: &Self) -> bool {
        self.id == other.id && self.incarnation == other.incarnation && self.server == other.server
    }
}
