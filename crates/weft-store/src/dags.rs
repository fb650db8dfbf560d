//! DAGs as people see them: list, show, pause, delete.

use crate::{DagKey, Database, ShardId, StoreError, VersionId};
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    time::Timestamp,
};

/// A DAG.
#[derive(Debug, Clone, PartialEq)]
pub struct DagRow {
    /// Its row.
    pub key: DagKey,
    /// Whose.
    pub tenant: TenantId,
    /// Its name.
    pub id: DagId,
    /// Who schedules it.
    pub shard: ShardId,
    /// No run starts while it is paused.
    pub paused: bool,
    /// The version that new runs get.
    pub active: Option<ActiveVersion>,
    /// The logical date of the last scheduled run.
    pub last_scheduled: Option<Timestamp>,
    /// When the next one is made; none without a schedule, or before the scheduler saw it.
    pub next_run: Option<Timestamp>,
    /// When it was first deployed.
    pub created: Timestamp,
    /// When it was deployed, activated, paused or unpaused last.
    pub updated: Timestamp,
}

/// The version of a DAG that is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveVersion {
    /// Its row.
    pub id: VersionId,
    /// From 1 on.
    pub number: u32,
    /// The file that was deployed.
    pub digest: Digest,
}

/// Which DAGs, by id.
#[derive(Debug, Clone, Default)]
pub struct DagFilter {
    /// Whose.
    pub tenant: TenantId,
    /// Only those after this id.
    pub after: Option<DagId>,
    /// Only paused ones, or only those that aren't.
    pub paused: Option<bool>,
}

/// What became of a DAG that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone from every list; its ended runs stay until they are too old.
    Done,
    /// There is no such DAG.
    Unknown,
    /// It has runs that have not ended, at least this many: cancel them first.
    ActiveRuns(u32),
}

impl Database {
    /// The tenant's DAGs by id; at most `limit`.
    pub async fn list_dags(
        &self,
        filter: &DagFilter,
        limit: u32,
    ) -> Result<Vec<DagRow>, StoreError> {
        todo!()
    }

    /// One DAG that was not deleted.
    pub async fn show_dag(
        &self,
        tenant: &TenantId,
        id: &DagId,
    ) -> Result<Option<DagRow>, StoreError> {
        todo!()
    }

    /// Pauses it; `false` where there is no such DAG. Paused again is no change.
    pub async fn pause_dag(
        &self,
        tenant: &TenantId,
        id: &DagId,
        by: &str,
    ) -> Result<bool, StoreError> {
        todo!()
    }

    /// Lets it run; `false` where there is no such DAG.
    pub async fn unpause_dag(
        &self,
        tenant: &TenantId,
        id: &DagId,
        by: &str,
    ) -> Result<bool, StoreError> {
        todo!()
    }

    /// Deletes it, unless it has runs that have not ended. Its name is free afterwards.
    pub async fn delete_dag(
        &self,
        tenant: &TenantId,
        id: &DagId,
        by: &str,
    ) -> Result<Deletion, StoreError> {
        todo!()
    }
}
