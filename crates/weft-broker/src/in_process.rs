//! The broker of an installation that is one process.
//!
//! One state is behind one lock that is never held over an await; a call that changes the state
//! wakes the calls that wait for it. The broker has no task and no timer: a call expires the due
//! leases, and a waiting [`receive`](crate::SchedulerBroker::receive) sleeps until the next one
//! is due. Time is tokio's, so that tests can pause and advance it.
//!
//! The state is lost with the process, as a broker's state may be.

mod broker;
mod demand;
mod expiry;
mod operator;
mod options;
mod queue;
mod scheduler;
mod state;
mod worker;

pub use {
    broker::InProcess,
    options::{Bounds, Options},
    scheduler::InProcessScheduler,
    state::Stats,
    worker::InProcessWorker,
};
