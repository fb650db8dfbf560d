//! The Redis broker keeps every promise, against real servers, whatever happens to them.
//!
//! Needs `redis-server` (Debian's package of that name, or `cargo xtask setup`);
//! the servers of these tests live in temporary folders and on free ports, and
//! end with the process, however it ends.

#![cfg(test)]

mod brokers;
mod cluster;
mod command;
mod control_bus;
mod counts;
mod crew;
mod direct_workers;
mod errors;
mod faults;
mod layout;
mod messages;
mod plain;
mod pushed_claims;
mod resharding;
mod sentinel;
mod server;
mod shards;
#[path = "../../../weft-store-sql/tests/database/silent_relay.rs"]
mod silent_relay;
mod tls;
mod vanished;
