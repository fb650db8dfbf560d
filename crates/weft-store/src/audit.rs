//! Who changed what: written in the transaction that changes it, never changed.

use crate::{Database, StoreError};
use std::sync::Arc;
use weft_core::{id::TenantId, time::Timestamp};

/// The row of an entry; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuditId(pub i64);

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// In whose tenant; none for the installation.
    pub tenant: Option<TenantId>,
    /// Who.
    pub actor: String,
    /// What, such as `dag.pause`.
    pub action: String,
    /// To what, such as the DAG's name.
    pub subject: String,
    /// More: JSON, never secret.
    pub details: Option<Arc<str>>,
}

/// An entry with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its row.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// What was written.
    pub entry: AuditEntry,
}

impl Database {
    /// Writes an entry of its own, such as a refused sign-in. Changes write theirs themselves.
    pub async fn append_audit(&self, entry: &AuditEntry) -> Result<AuditId, StoreError> {
        todo!()
    }

    /// The newest first, those before `before`; without a tenant all. At most `limit`.
    pub async fn list_audit(
        &self,
        tenant: Option<&TenantId>,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        todo!()
    }
}
