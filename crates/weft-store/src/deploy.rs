//! Deploying: the DAGs of one file in one transaction.

use crate::{DagKey, Database, FileEntry, StoreError, VersionId};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
};

/// The most DAGs that one file can hold.
pub const MAX_DAGS_PER_FILE: usize = 1_000;

/// A file with its DAGs.
#[derive(Debug, Clone, PartialEq)]
pub struct Deploy {
    /// Whose.
    pub tenant: TenantId,
    /// The file's digest.
    pub digest: Digest,
    /// What it describes.
    pub dags: Vec<DeployDag>,
    /// New runs get what is deployed; otherwise it only becomes known.
    pub activate: bool,
    /// DAGs that are new start paused.
    pub paused: bool,
    /// Who deploys.
    pub by: String,
}

/// One DAG of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployDag {
    /// Its name.
    pub id: DagId,
    /// As [`crate::StoredVersion::document`].
    pub document: Arc<str>,
    /// As [`crate::StoredVersion::files`].
    pub files: Vec<FileEntry>,
}

/// What became of one DAG, in the order of [`Deploy::dags`].
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    /// Its name.
    pub id: DagId,
    /// Its row.
    pub key: DagKey,
    /// The version of this file.
    pub version: VersionId,
    /// That version's number.
    pub number: u32,
    /// What was done.
    pub change: DeployChange,
    /// What was active before, to tell what changed.
    pub previous: Option<PreviousVersion>,
}

/// What a deploy did to a DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeployChange {
    /// The DAG was not known.
    NewDag,
    /// The file was not known for it.
    NewVersion,
    /// An earlier version of this file was activated again.
    Reactivated,
    /// This file was active already, or known and not to be activated.
    Unchanged,
}

/// The version that was active before.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviousVersion {
    /// Its row.
    pub id: VersionId,
    /// Its number.
    pub number: u32,
    /// Its file.
    pub digest: Digest,
    /// Its document.
    pub document: Arc<str>,
}

/// Why nothing was deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// No such tenant.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// More than [`MAX_DAGS_PER_FILE`].
    #[error("the file has {0} DAGs, the most is {MAX_DAGS_PER_FILE}")]
    TooMany(usize),
    /// One name twice.
    #[error("the DAG {0} stands twice in the file")]
    Twice(DagId),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Deploys all DAGs of the file, or none.
    pub async fn deploy(&self, deploy: &Deploy) -> Result<Vec<Deployed>, DeployError> {
        todo!()
    }
}
