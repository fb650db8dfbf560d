//! Versions of a DAG: list, show, activate.

use crate::{DagKey, Database, StoreError, StoredVersion, VersionId};
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    time::Timestamp,
};

/// A version without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Its row.
    pub id: VersionId,
    /// Of which DAG.
    pub dag: DagKey,
    /// From 1 on.
    pub number: u32,
    /// The file that was deployed.
    pub digest: Digest,
    /// When.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// New runs get it.
    pub active: bool,
}

/// Why a version was not activated.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// No such DAG.
    #[error("there is no DAG {0}")]
    UnknownDag(DagId),
    /// No such version of it.
    #[error("the DAG {0} has no version {1}")]
    UnknownVersion(DagId, u32),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// The versions of a DAG, the newest first, those before number `before`; at most `limit`.
    pub async fn list_versions(
        &self,
        tenant: &TenantId,
        dag: &DagId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<VersionRow>, StoreError> {
        todo!()
    }

    /// One version with its document.
    pub async fn show_version(
        &self,
        tenant: &TenantId,
        dag: &DagId,
        number: u32,
    ) -> Result<Option<(VersionRow, StoredVersion)>, StoreError> {
        todo!()
    }

    /// Lets new runs get this version; returns the one that was active before.
    pub async fn activate_version(
        &self,
        tenant: &TenantId,
        dag: &DagId,
        number: u32,
        by: &str,
    ) -> Result<Option<VersionRow>, ActivateError> {
        todo!()
    }
}
