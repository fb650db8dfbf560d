//! Deterministic simulation of Weft under faults, with auditors. The same seed
//! gives the same world, step for step.
//!
//! There are two kinds of worlds:
//!
//! - The state machine of one run ([`simulate`]): a random DAG ([`scenario`]),
//!   workers with random fates ([`worker`]), a network that delays, doubles and
//!   reorders ([`network`]), operators who cancel, clear and mark, and a driver
//!   that feeds the machine ([`world`]). After every step the [`audit`] looks at
//!   the machine's actions and state, and compares them with the
//!   [`mod@reference`], a naive model that rescans everything each time. The
//!   driver is the only part that knows that it replaces a scheduler.
//! - A whole installation ([`mod@installation`]): the real scheduler among a
//!   simulated database, broker, workers, clocks and people, with an auditor
//!   that accepts only what is committed.
//!
//! Nothing here is shipped. It turns on `planted-bugs` of `weft-core` and
//! `weft-scheduler`.

pub mod audit;
mod cores;
pub mod coverage;
pub mod installation;
pub mod network;
pub mod reference;
pub mod scenario;
pub mod worker;
pub mod world;

pub use {
    cores::on_all_cores,
    world::{Finding, Options, simulate},
};
