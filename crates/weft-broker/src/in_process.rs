//! The broker of an installation that is one process.
//!
//! One state behind one lock that is never held over an await; whoever waits is
//! woken by whoever changes what it waits for. There is no task and no timer of
//! the broker's own: leases run out when a call looks, and a waiting
//! [`receive`](crate::SchedulerBroker::receive) sleeps until the next one may.
//! Time is tokio's, so a test with paused time moves it.
//!
//! What is in here is gone with the process, which is what a broker may lose.

mod demand;
mod expiry;
mod operator;
mod options;
mod queue;
mod scheduler;
mod state;
mod worker;

pub use {
    options::{Bounds, Options},
    scheduler::InProcessScheduler,
    state::Stats,
    worker::InProcessWorker,
};

use state::State;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// The broker; its handles share it.
#[derive(Debug)]
pub struct InProcess {
    options: Options,
    state: Mutex<State>,
    /// Wakes `receive`.
    notices: Notify,
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

    /// A new scheduler takes over: it is told again of every unconfirmed report
    /// and every claim, and all calls of handles that were made before answer
    /// [`BrokerError::Closed`](crate::BrokerError::Closed).
    pub fn scheduler(self: &Arc<Self>) -> InProcessScheduler {
        InProcessScheduler::new(self.clone())
    }

    /// A handle for one worker, which registers with it.
    pub fn worker(self: &Arc<Self>) -> InProcessWorker {
        InProcessWorker::new(self.clone())
    }

    /// From now on every call answers [`BrokerError::Closed`](crate::BrokerError::Closed), those that wait included.
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

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock calls foreign code, so a poisoned state is a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
