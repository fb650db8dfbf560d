//! What is deleted with time, and what must be kept of the blobs.

use crate::{Database, StoreError};
use weft_core::{digest::Digest, run_id::RunId, time::Timestamp};

/// What is old enough to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunRetention {
    /// Runs that ended before this go.
    pub before: Timestamp,
    /// But never the newest this many of a DAG.
    pub keep_last: u32,
}

/// One step of deleting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionStep {
    /// The runs that are gone, with everything of them.
    pub deleted: Vec<RunId>,
    /// Where to go on; none at the end.
    pub next: Option<RunId>,
}

/// What is kept besides runs, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceRetention {
    /// Remembered answers, from here on.
    pub answers: Timestamp,
    /// Commands that were carried out or refused, from here on.
    pub commands: Timestamp,
    /// The audit, from here on.
    pub audit: Timestamp,
}

/// Where a listing of digests goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestCursor {
    /// Files of versions, after this row.
    Versions(i64),
    /// Outputs of runs, after this digest.
    Outputs(Option<Digest>),
}

impl DigestCursor {
    /// The beginning.
    pub const START: Self = Self::Versions(0);
}

impl Database {
    /// Looks at up to `batch` runs from `after` on, by id, and deletes what may go.
    /// Runs that have not ended, or that a command waits for, stay.
    pub async fn delete_runs_before(
        &self,
        retention: RunRetention,
        after: Option<RunId>,
        batch: u32,
    ) -> Result<RetentionStep, StoreError> {
        todo!()
    }

    /// Deletes up to `batch` rows of each kind; returns how many went.
    pub async fn delete_traces_before(
        &self,
        retention: TraceRetention,
        batch: u32,
    ) -> Result<u64, StoreError> {
        todo!()
    }

    /// Digests that versions or outputs of existing runs name, by page: what is
    /// named by none, and is older than the first page, can go. A digest may come twice.
    pub async fn referenced_digests(
        &self,
        from: DigestCursor,
        limit: u32,
    ) -> Result<(Vec<Digest>, Option<DigestCursor>), StoreError> {
        todo!()
    }
}
