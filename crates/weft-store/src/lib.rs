//! The truth: what is deployed, what runs, what came of it, and who may do what.
//!
//! [`Database`] is SQLite or Postgres behind one set of SQL texts. It serves two
//! sides: the scheduler, through the small trait [`RunStore`], which the
//! simulation implements too; and whoever answers people, through its methods.
//!
//! What always holds:
//!
//! - A transaction of a scheduler is fenced: it locks its shard's row and
//!   compares the epoch, so a deposed scheduler writes nothing.
//! - Everything of one turn is committed, or nothing is.
//! - Rules live in `weft-core`. SQL loads, inserts, and compares and sets.
//! - Whatever is listed has an index and is paged by key, never by offset.
//! - Values of variables and connections are encrypted before they get here.

mod run_store;
mod turn;

pub use {
    run_store::{
        Command, CommandId, CommandKind, CommitError, DagKey, DagState, FileEntry, Pool, RunKind, RunStore, ShardId, ShardLease,
        ShardSettings, StoreError, StoredRun, StoredVersion, TenantSettings, VersionId,
    },
    turn::{AttemptRecord, CommandDone, EventChunk, InstanceRow, InstanceTag, NewRun, Output, RunUpdate, TaskSummary, Turn, TimetableUpdate},
};
