//! Versions that steps request.

use super::Driver;
use crate::versions::Version;
use std::sync::Arc;
use weft_core::id::TenantId;
use weft_store::{StoreError, VersionId};

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
}
