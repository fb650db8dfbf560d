//! Making runs: by hand, and over a range of dates.

use crate::{Database, StoreError, VersionId};
use std::sync::Arc;
use weft_core::{
    id::{DagId, TenantId},
    run_id::RunId,
    time::Timestamp,
};

/// The most dates of one backfill.
pub const MAX_BACKFILL_RUNS: usize = 10_000;

/// A run that somebody wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Whose.
    pub tenant: TenantId,
    /// Of which DAG.
    pub dag: DagId,
    /// The version that its parameters were checked against.
    pub version: VersionId,
    /// The date it is for; none means now.
    pub logical_date: Option<Timestamp>,
    /// Start and end of its data; none means the logical date, twice.
    pub interval: Option<(Timestamp, Timestamp)>,
    /// A JSON object, defaults filled in.
    pub params: Arc<str>,
    /// Not started earlier; none means at once.
    pub not_before: Option<Timestamp>,
    /// Who wants it.
    pub by: String,
    /// The W3C `traceparent` that it begins under.
    pub trace: Option<Arc<str>>,
    /// The same key again makes no second run.
    pub idempotency_key: Option<String>,
}

/// What a trigger made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triggered {
    /// A new run.
    New(RunId),
    /// The run that this idempotency key made before.
    Before(RunId),
}

impl Triggered {
    /// Which run.
    pub const fn run(self) -> RunId {
        match self {
            Self::New(run) | Self::Before(run) => run,
        }
    }
}

/// Runs over a range of dates.
#[derive(Debug, Clone, PartialEq)]
pub struct Backfill {
    /// Whose.
    pub tenant: TenantId,
    /// Of which DAG.
    pub dag: DagId,
    /// The version that the parameters were checked against.
    pub version: VersionId,
    /// At most [`MAX_BACKFILL_RUNS`].
    pub dates: Vec<BackfillDate>,
    /// A JSON object, defaults filled in; of each run.
    pub params: Arc<str>,
    /// Who wants them.
    pub by: String,
}

/// One date of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillDate {
    /// The date.
    pub logical_date: Timestamp,
    /// Start and end of its data.
    pub interval: (Timestamp, Timestamp),
}

/// What a backfill made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backfilled {
    /// The new runs with their dates, by date.
    pub made: Vec<(RunId, Timestamp)>,
    /// Dates that have a scheduled or backfilled run already, by date.
    pub existing: Vec<Timestamp>,
}

/// Why no run was made.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// No such DAG.
    #[error("there is no DAG {0}")]
    UnknownDag(DagId),
    /// No such version of it.
    #[error("the DAG {0} has no such version")]
    UnknownVersion(DagId),
    /// More than [`MAX_BACKFILL_RUNS`].
    #[error("{0} runs at once are too many, the most is {MAX_BACKFILL_RUNS}")]
    TooMany(usize),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Makes a run, queued; durable when it returns.
    pub async fn trigger(&self, trigger: &Trigger) -> Result<Triggered, TriggerError> {
        todo!()
    }

    /// Makes a run for each date that has none, in one transaction.
    pub async fn backfill(&self, backfill: &Backfill) -> Result<Backfilled, TriggerError> {
        todo!()
    }
}
