//! The store as schedulers call it, and the types of its calls.
//!
//! The trait [`RunStore`] has two implementations: the databases (`weft-store-sql`)
//! and the tables of the simulation. Nothing here knows of SQL.

mod asset;
mod command;
mod crash;
mod dag;
mod error;
mod key;
mod lease;
mod run;
mod run_store;
mod settings;
mod turn;
mod unreadable;

pub use {
    asset::{StoredUpdate, WaitingAsset, WaitingDag},
    command::{Arrival, Command, CommandKind},
    crash::CrashUpdate,
    dag::{DagState, FileEntry, StoredVersion},
    error::{CommitError, StoreError},
    key::{CommandId, DagKey, ShardId, VersionId},
    lease::{Lost, ShardLease, ShardState, TurnId, share_of},
    run::{Awaited, Caller, HeldRun, ResumeState, RunBefore, RunKind, StoredRun},
    run_store::RunStore,
    settings::{Pool, ShardSettings, TenantSettings},
    turn::{
        Asked, AttemptRecord, ClearedTask, CommandDone, EventChunk, InstanceRow, InstanceTag,
        InstanceTagError, MissedDeadline, NewRun, Output, RunUpdate, Taken, TaskSummary,
        TimetableUpdate, Turn, Updated,
    },
    unreadable::{Rows, Unreadable},
};
