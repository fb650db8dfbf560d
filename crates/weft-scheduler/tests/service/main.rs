//! The scheduler over a real database and the in-process broker, with workers that each test
//! controls. The tests assert what a user would notice.

mod ahead;
mod approvals;
mod assets;
mod calls;
mod commands;
mod dates;
mod deadlines;
mod harness;
mod held_dags;
mod keys;
mod limits;
mod lost_turns;
mod outputs;
mod parked;
mod past;
mod portions;
#[expect(clippy::unwrap_used, reason = "it is the tests' of another crate")]
#[path = "../../../weft-store-sql/tests/database/postgres_server.rs"]
mod postgres_server;
mod recovery;
mod revocations;
mod runs;
mod shards;
mod stuck;
mod takeovers;
mod teardowns;
mod unreadable;
mod waits;
mod watched_store;
