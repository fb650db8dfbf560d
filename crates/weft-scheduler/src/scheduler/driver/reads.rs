//! Reads that steps request: versions and outputs.

use super::Driver;
use crate::{outputs::MissingOutputs, steps::OutputsNeeded, versions::Version};
use std::sync::Arc;
use weft_blob::Kind;
use weft_core::{digest::Digest, document::TaskIndex, id::TenantId, run::Instance, run_id::RunId};
use weft_store::{DagKey, StoreError, VersionId};

/// Rows of outputs that one query reads.
const OUTPUTS_PER_PAGE: u32 = 4096;

/// Why outputs can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// Retried later.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the output of an upstream task can't be read: {0}")]
    Blob(#[from] weft_blob::BlobError),
    #[error("the output of an upstream task is not UTF-8")]
    Text,
}

impl Driver<'_> {
    /// A version, from memory or the database.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`] for one that is missing or can't be parsed.
    pub(super) async fn version(
        &mut self,
        id: VersionId,
        tenant: &TenantId,
    ) -> Result<Arc<Version>, StoreError> {
        if let Some(version) = self.cx.versions.get(id) {
            return Ok(version);
        }
        let stored = self.deps.store.version(id).await?;
        self.cx.versions.insert(id, tenant, stored.as_ref())
    }

    /// The version that a DAG's new runs get.
    pub(super) fn active_version(&self, dag: DagKey) -> Option<(VersionId, TenantId)> {
        let entry = self.shard.runs.dag(dag)?;
        Some((entry.active_version()?, entry.state().tenant.clone()))
    }

    /// Reads the outputs that a step needs.
    pub(super) async fn read_outputs(&mut self, needed: OutputsNeeded) -> Result<(), OutputError> {
        let OutputsNeeded { run, tasks } = needed;
        for task in tasks {
            while let Some(missing) = self.missing_outputs(run, task) {
                match missing {
                    MissingOutputs::Rows => self.read_output_rows(run, task).await?,
                    MissingOutputs::Blobs(blobs) => {
                        self.read_output_blobs(run, task, blobs).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn missing_outputs(&self, run: RunId, task: TaskIndex) -> Option<MissingOutputs> {
        self.shard.runs.get(run)?.outputs.missing(task)
    }

    async fn read_output_rows(&mut self, run: RunId, task: TaskIndex) -> Result<(), StoreError> {
        let mut from = 0;
        loop {
            let store = &self.deps.store;
            let page = store
                .outputs_of_task(run, task, from, OUTPUTS_PER_PAGE)
                .await?;
            let is_last = page.len() < OUTPUTS_PER_PAGE as usize;
            if let Some((instance, _output)) = page.last() {
                from = instance.index + 1;
            }
            if let Some(active) = self.shard.runs.get_mut(run) {
                let added = active.outputs.insert_rows(task, page, is_last);
                self.cx.add_output_bytes(added);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn read_output_blobs(
        &mut self,
        run: RunId,
        task: TaskIndex,
        blobs: Vec<(u32, Digest)>,
    ) -> Result<(), OutputError> {
        for (index, digest) in blobs {
            let Some(active) = self.shard.runs.get_mut(run) else {
                return Ok(());
            };
            let read = &self.deps.blobs;
            let read = read.get(Kind::Output, &active.tenant, &digest).await?;
            let text = std::str::from_utf8(&read).map_err(|_not_utf8| OutputError::Text)?;
            let instance = Instance { task, index };
            let added = active.outputs.insert_text(instance, text.into());
            self.cx.add_output_bytes(added);
        }
        Ok(())
    }
}
