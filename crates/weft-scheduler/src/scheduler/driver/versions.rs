//! Versions that steps request.

use super::Driver;
use crate::versions::Version;
use std::sync::Arc;
use weft_core::{id::TenantId, run::record};
use weft_store::{StoreError, StoredRun, VersionId};

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

    /// The same version with the defaults that a run began with; the error says why those can't
    /// be read.
    pub(super) fn as_begun(
        &mut self,
        version: Arc<Version>,
        stored: &StoredRun,
    ) -> Result<Arc<Version>, String> {
        match record::defaults(&stored.events) {
            Ok(Some(defaults)) if self.cx.faults.keeps_defaults() => {
                Ok(self.cx.versions.with_defaults(version, &defaults))
            }
            // It begins now, or began under a version of Weft that recorded none.
            Ok(Some(_) | None) => Ok(version),
            Err(error) => Err(error.to_string()),
        }
    }
}
