//! Versions that steps request.

use super::{Driver, held::unreadable_as_value};
use crate::versions::Version;
use std::{collections::BTreeMap, sync::Arc};
use weft_core::{id::TenantId, run::record};
use weft_store::{StoreError, StoredRun, VersionId};

/// Versions that one query reads: each comes with its document.
const VERSIONS_PER_QUERY: usize = 32;

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

    /// Reads versions that are not in memory, many with one query. Those that can't be read or
    /// parsed stay out: [`Self::version`] says why.
    pub(super) async fn read_versions(
        &mut self,
        wanted: &[(VersionId, TenantId)],
    ) -> Result<(), StoreError> {
        let tenants: BTreeMap<VersionId, &TenantId> = wanted
            .iter()
            .filter(|(id, _)| self.cx.versions.get(*id).is_none())
            .map(|(id, tenant)| (*id, tenant))
            .collect();
        let ids: Vec<VersionId> = tenants.keys().copied().collect();
        for ids in ids.chunks(VERSIONS_PER_QUERY) {
            let read = self.deps.store.versions(ids).await;
            // Each is read alone then.
            let Ok(read) = unreadable_as_value(read)? else {
                return Ok(());
            };
            for stored in read.readable {
                let tenant = tenants[&stored.id];
                if let Err(error) = self.cx.versions.insert(stored.id, tenant, Some(&stored)) {
                    tracing::debug!(%error, operation = "read versions", "a version can't be parsed; what needs it says so");
                }
            }
        }
        Ok(())
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
