//! The broker's shared state, and its lock.

use super::{
    options::Options,
    state::{State, Stats},
};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// The broker; its handles share it.
#[derive(Debug)]
pub struct InProcess {
    pub(super) options: Options,
    state: Mutex<State>,
    /// Wakes `receive`.
    pub(super) notices: Notify,
    is_closed: AtomicBool,
}

impl InProcess {
    /// An empty broker.
    pub fn new(options: Options) -> Arc<Self> {
        Arc::new(Self {
            options,
            state: Mutex::new(State::default()),
            notices: Notify::new(),
            is_closed: AtomicBool::new(false),
        })
    }

    /// From now on every call, waiting ones included, fails with
    /// [`BrokerError::Closed`](crate::BrokerError::Closed).
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.notices.notify_waiters();
        self.notices.notify_one();
        self.lock().wake_all_workers();
    }

    /// How much it holds now, for metrics.
    pub fn stats(&self) -> Stats {
        self.lock().stats()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No holder of the lock calls foreign code, so a poisoned state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
