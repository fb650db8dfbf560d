//! The scheduler over a real database and the in-process broker, with workers that each test
//! controls. The tests assert what a user would notice.

mod commands;
mod dates;
mod harness;
mod limits;
mod recovery;
mod runs;
mod shards;
