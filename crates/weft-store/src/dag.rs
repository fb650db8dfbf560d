//! A DAG and its versions, as a scheduler needs them.

use crate::{DagKey, VersionId};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    time::Timestamp,
};

/// A DAG as the scheduler sees it, without its document.
#[derive(Debug, Clone, PartialEq)]
pub struct DagState {
    /// Row of the DAG.
    pub key: DagKey,
    /// Tenant that owns the DAG.
    pub tenant: TenantId,
    /// Name of the DAG, unique within a tenant.
    pub id: DagId,
    /// The version that new runs get; none while nothing is active.
    pub active: Option<VersionId>,
    /// No run starts while it is paused; those that run go on.
    pub paused: bool,
    /// No instance of its runs is dispatched, until it is unpaused.
    pub held: bool,
    /// The logical date of the last scheduled run that was made, if any.
    pub last_scheduled: Option<Timestamp>,
    /// When it was first unpaused or activated: without catchup nothing before it is made.
    pub scheduled_since: Timestamp,
}

/// A version with its document.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVersion {
    /// Row of the version.
    pub id: VersionId,
    /// DAG of the version.
    pub dag: DagKey,
    /// The file that was deployed.
    pub digest: Digest,
    /// The `weft.dag/1` document of this DAG alone (`Dag` of `weft_core::document::published`), as JSON.
    pub document: Arc<str>,
    /// The files of its tasks by name; of a component without a manifest, the
    /// one entry with an empty name that `Code::Own` means.
    pub files: Vec<FileEntry>,
}

/// A file that tasks of a version run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// As the document names it; empty for the describing component itself.
    pub name: String,
    /// Its bytes' digest, under which the blob store has it.
    pub digest: Digest,
}
