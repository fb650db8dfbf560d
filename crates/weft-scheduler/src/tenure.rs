//! The lease of a shard as the shard's task sees it: how long it is held, and the database's
//! clock.

use crate::clock::Clock;
use tokio::{sync::watch, time::Instant};

/// How long the lease of a shard holds, as of its last renewal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tenure {
    /// By this machine's clock, counted from before the call that renewed the lease.
    pub(crate) ends: Instant,
    /// The database's clock, as of the renewal.
    pub(crate) clock: Clock,
}

/// A shard's view of its tenure. The supervisor renews it, whatever the shard does.
#[derive(Debug, Clone)]
pub(crate) struct TenureWatch(watch::Receiver<Tenure>);

impl TenureWatch {
    pub(crate) const fn new(tenure: watch::Receiver<Tenure>) -> Self {
        Self(tenure)
    }

    /// The database's clock as of the last renewal.
    pub(crate) fn clock(&self) -> Clock {
        self.0.borrow().clock
    }

    /// Waits while the lease has expired by this machine's clock. Another scheduler may own the
    /// shard then; the supervisor renews the lease, or ends the shard's task.
    pub(crate) async fn wait_until_held(&mut self) {
        while self.0.borrow_and_update().ends <= Instant::now() {
            if self.0.changed().await.is_err() {
                // Without a supervisor nothing is committed any more.
                std::future::pending::<()>().await;
            }
        }
    }
}
