//! Who changed what: written in the transaction that changes it, never changed.

use crate::{
    Database,
    backend::{Row, Tx, Value, args, statements},
};
use std::sync::Arc;
use weft_core::{id::TenantId, time::Timestamp};
use weft_store::StoreError;

statements! {
    APPEND = "INSERT INTO audit (at, tenant, actor, action, subject, details) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    LIST_ALL = "SELECT id, at, tenant, actor, action, subject, details FROM audit \
        WHERE id < $1 ORDER BY id DESC LIMIT $2";
    LIST_OF_TENANT = "SELECT id, at, tenant, actor, action, subject, details FROM audit \
        WHERE tenant = $3 AND id < $1 ORDER BY id DESC LIMIT $2";
}

/// The row of an entry; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuditId(pub i64);

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// In whose tenant; none for the installation.
    pub tenant: Option<TenantId>,
    /// Who acted: a token by its name and number, or a part of Weft.
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
    /// Row of the entry; later entries have greater ones.
    pub id: AuditId,
    /// When the entry was written, by the database's clock.
    pub at: Timestamp,
    /// What was written.
    pub entry: AuditEntry,
}

impl Database {
    /// Writes an entry of its own, such as a refused sign-in. Changes write theirs themselves.
    pub async fn append_audit(&self, entry: &AuditEntry) -> Result<AuditId, StoreError> {
        let now = self.clock().await?;
        let rows = self.backend().write(APPEND, entry.args(now)).await?;
        returned(rows)
    }

    /// The newest first, those before `before`; without a tenant all. At most `limit`.
    pub async fn list_audit(
        &self,
        tenant: Option<&TenantId>,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let before = before.map_or(i64::MAX, |id| id.0);
        let rows = match tenant {
            None => self.backend().read(LIST_ALL, args![before, limit]).await?,
            Some(tenant) => {
                self.backend()
                    .read(LIST_OF_TENANT, args![before, limit, tenant])
                    .await?
            }
        };
        rows.into_iter()
            .map(|mut row| {
                Ok(AuditRow {
                    id: AuditId(row.take()?),
                    at: row.take()?,
                    entry: AuditEntry {
                        tenant: row.take()?,
                        actor: row.take()?,
                        action: row.take()?,
                        subject: row.take()?,
                        details: row.take()?,
                    },
                })
            })
            .collect()
    }
}

impl AuditEntry {
    fn args(&self, at: Timestamp) -> Vec<Value> {
        args![
            at,
            self.tenant.as_ref(),
            &self.actor,
            &self.action,
            &self.subject,
            self.details.as_ref(),
        ]
    }
}

fn returned(rows: Vec<Row>) -> Result<AuditId, StoreError> {
    match rows.into_iter().next() {
        Some(mut row) => row.take().map(AuditId),
        None => Err(StoreError::Defect("an entry got no number".into())),
    }
}

/// What the audit records of a change.
pub(crate) struct Change<'a> {
    pub(crate) at: Timestamp,
    pub(crate) tenant: Option<&'a TenantId>,
    pub(crate) actor: &'a str,
    pub(crate) action: &'static str,
    pub(crate) subject: &'a str,
    /// JSON.
    pub(crate) details: Option<String>,
}

/// Writes an entry in the transaction that changes something.
pub(crate) async fn append(tx: &mut Tx, change: Change<'_>) -> Result<(), StoreError> {
    let Change {
        at,
        tenant,
        actor,
        action,
        subject,
        details,
    } = change;
    tx.run(APPEND, args![at, tenant, actor, action, subject, details])
        .await?;
    Ok(())
}
