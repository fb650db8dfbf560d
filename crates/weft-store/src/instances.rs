//! Task instances, their attempts, outputs and history, as people see them.

use crate::{Database, EventChunk, InstanceTag, Output, StoreError};
use std::sync::Arc;
use weft_core::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId, time::Timestamp};

/// An instance as it stands. Those that wait have no row.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceView {
    /// Task and map index.
    pub instance: Instance,
    /// Its state.
    pub state: InstanceTag,
    /// Why it has it, as `weft_core::run::Cause` names it in snake case.
    pub cause: String,
    /// The number of its last attempt; 0 where there was none.
    pub number: u32,
    /// When that attempt was dispatched.
    pub queued: Option<Timestamp>,
    /// When that attempt started.
    pub started: Option<Timestamp>,
    /// When the instance ended.
    pub ended: Option<Timestamp>,
    /// When it goes on by itself.
    pub due: Option<Timestamp>,
    /// Who ran the last attempt.
    pub worker: Option<Arc<str>>,
    /// What it returned.
    pub output: Option<Output>,
    /// Why the last attempt failed: JSON.
    pub error: Option<Arc<str>>,
    /// What the last attempt used up: JSON.
    pub usage: Option<Arc<str>>,
    /// Where the last attempt's log lies.
    pub log: Option<Arc<str>>,
}

/// An earlier attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptView {
    /// Its number.
    pub number: u32,
    /// How it ended: `failed`, `lost`, `deferred`, `revoked`; of a cleared
    /// instance its state then (`success`, `failed`, ...).
    pub end: String,
    /// When it was dispatched.
    pub queued: Option<Timestamp>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Who ran it.
    pub worker: Option<Arc<str>>,
    /// Why it failed: JSON.
    pub error: Option<Arc<str>>,
    /// What it used up: JSON.
    pub usage: Option<Arc<str>>,
    /// Where its log lies.
    pub log: Option<Arc<str>>,
}

/// Which instances, by (task, map index).
#[derive(Debug, Clone)]
pub struct InstanceFilter {
    /// Whose.
    pub tenant: TenantId,
    /// Of which run.
    pub run: RunId,
    /// Of which task.
    pub task: Option<TaskIndex>,
    /// In which state.
    pub state: Option<InstanceTag>,
    /// Only those after this one.
    pub after: Option<Instance>,
}

impl Database {
    /// Instances by (task, map index); at most `limit`. Nothing where the run is another tenant's.
    pub async fn list_instances(
        &self,
        filter: &InstanceFilter,
        limit: u32,
    ) -> Result<Vec<InstanceView>, StoreError> {
        todo!()
    }

    /// One instance with the attempts before its current one, by number; at most `limit` of them, the newest.
    pub async fn show_instance(
        &self,
        tenant: &TenantId,
        run: RunId,
        instance: Instance,
        limit: u32,
    ) -> Result<Option<(InstanceView, Vec<AttemptView>)>, StoreError> {
        todo!()
    }

    /// What an instance returned.
    pub async fn show_output(
        &self,
        tenant: &TenantId,
        run: RunId,
        instance: Instance,
    ) -> Result<Option<Output>, StoreError> {
        todo!()
    }

    /// What happened to a run: the chunks after sequence number `after`, in order; at most `limit`.
    pub async fn list_events(
        &self,
        tenant: &TenantId,
        run: RunId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<EventChunk>, StoreError> {
        todo!()
    }
}
