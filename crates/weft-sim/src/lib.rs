//! Deterministic simulation of Weft under faults, with an auditor.
//!
//! One seed makes one world: a random DAG ([`scenario`]), workers with random
//! fates ([`worker`]), a network that delays, doubles and reorders
//! ([`network`]), operators who cancel, clear and mark, and a driver that feeds
//! the machine ([`world`]). After every step the [`audit`] looks at what the
//! machine said and how it stands, and compares it with the [`mod@reference`], a
//! naive model that rescans everything each time. The same seed gives the same
//! world, step for step.
//!
//! The driver is the only part that knows it stands in for a scheduler: the
//! others know instances, attempts, virtual time and messages.
//!
//! Nothing here is shipped. It turns on `planted-bugs` of `weft-core`.

pub mod audit;
pub mod coverage;
pub mod network;
pub mod reference;
pub mod scenario;
pub mod worker;
pub mod world;

pub use world::{Finding, Options, simulate};
