//! The store over real databases: SQLite in a temporary folder, and a Postgres
//! server that the tests start.
//!
//! Every case of the conformance suite runs over both, each in a database of its own.

#![expect(
    clippy::unwrap_used,
    reason = "where a test meets what it does not expect, it should stop there"
)]

mod conformance;
mod differential;
mod kept_events;
mod opening;
mod postgres_server;
mod raw;
mod released;
mod saturated;
mod setup;
mod silent_relay;
mod unreadable;
mod vanished;
