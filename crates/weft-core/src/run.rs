//! The state machine of one DAG run: event in, new state and actions out.
//!
//! Pure and single-threaded. [`Run::handle`] is the only mutation; it either
//! applies an event whole or rejects it with a [`Rejection`] and changes
//! nothing. Its cost is O(edges touched). What has to happen in the world is
//! returned as [`Action`]s, which the driver carries out, answering with
//! further events. Dispatch is just in time: the machine says which instances
//! are ready, the driver decides when to dispatch which.

mod action;
mod event;
mod state;

pub use action::Action;
pub use event::{Event, Outcome, Rejection};
pub use state::{Attempt, Instance, InstanceState, RunState};
