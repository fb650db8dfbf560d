//! A claim call that waits for work.

use super::{registration::Registration, session::WorkerSession};
use crate::script::Script;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A claim call that is, or may be, registered in Redis under its id. Dropping it withdraws
/// it, so that the next publish goes to other workers.
pub(super) struct ClaimWaiter<'s> {
    pub(super) id: u64,
    session: &'s Arc<WorkerSession>,
    /// The registration under which Redis may know it.
    registered: Option<Registration>,
}

impl<'s> ClaimWaiter<'s> {
    pub(super) fn new(session: &'s Arc<WorkerSession>) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            session,
            registered: None,
        }
    }

    /// The next claim script registers it.
    pub(super) fn set_registered(&mut self, registration: &Registration) {
        self.registered = Some(registration.clone());
    }

    /// Redis removed it with its answer.
    pub(super) fn set_removed(&mut self) {
        self.registered = None;
    }
}

impl Drop for ClaimWaiter<'_> {
    fn drop(&mut self) {
        let Some(registration) = self.registered.take() else {
            return;
        };
        let (session, id) = (Arc::clone(self.session), self.id);
        // Without a runtime the process is ending, and the worker with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let withdrawn = session.redis.run(Script::Withdraw, |command| {
                    command.arg(&*registration.token).arg(id);
                });
                if let Err(error) = withdrawn.await {
                    tracing::debug!(worker = %registration.id, %error, operation = "withdraw", "broker call failed; the waiter expires by itself");
                }
            });
        }
    }
}
