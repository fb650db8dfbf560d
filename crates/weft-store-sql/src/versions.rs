//! Versions of a DAG: list, show, activate.

use crate::{
    ChangeError, DagStamp, Database, Precondition,
    assets::edges::AssetEdges,
    audit::Change,
    backend::{Row, args, statements},
    dags, encoding, tenants,
};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    time::Timestamp,
};
use weft_store::{DagKey, ShardId, StoreError, StoredVersion, VersionId};

macro_rules! columns {
    () => {
        "v.id, v.dag, v.number, v.digest, v.created, v.created_by, CASE WHEN d.active = v.id THEN 1 ELSE 0 END"
    };
}

statements! {
    LIST = concat!("SELECT ", columns!(), " FROM dags d CROSS JOIN versions v \
        WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL AND v.dag = d.key AND v.number < $3 \
        ORDER BY v.number DESC LIMIT $4");
    SHOW = concat!("SELECT ", columns!(), ", v.document, v.files FROM dags d CROSS JOIN versions v \
        WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL AND v.dag = d.key AND v.number = $3");
    ONE = concat!("SELECT ", columns!(), " FROM versions v CROSS JOIN dags d WHERE v.id = $1 AND d.key = v.dag");
    /// Changes nothing, and keeps others from changing the row until the transaction ends.
    LOCK_DAG = "UPDATE dags SET updated = updated WHERE tenant = $1 AND id = $2 AND deleted IS NULL \
        RETURNING key, shard, active";
    FIND = "SELECT id, document FROM versions WHERE dag = $1 AND number = $2";
    /// What has never been active is scheduled from now on.
    ACTIVATE = "UPDATE dags SET active = $2, updated = $3, \
        scheduled_since = CASE WHEN active IS NULL THEN $3 ELSE scheduled_since END WHERE key = $1";
}

/// A version without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Row of the version.
    pub id: VersionId,
    /// DAG of the version.
    pub dag: DagKey,
    /// From 1 on.
    pub number: u32,
    /// The file that was deployed.
    pub digest: Digest,
    /// When it was deployed.
    pub created: Timestamp,
    /// Who deployed it, as the audit names them.
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
    /// The DAG is no longer in the expected state.
    #[error("the DAG {0} was changed meanwhile")]
    ChangedMeanwhile(DagId),
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
        let before = before.map_or(i64::MAX, i64::from);
        let rows = self
            .backend()
            .read(LIST, args![tenant, dag, before, limit])
            .await?;
        rows.into_iter()
            .map(|mut row| version_row(&mut row))
            .collect()
    }

    /// One version with its document.
    pub async fn show_version(
        &self,
        tenant: &TenantId,
        dag: &DagId,
        number: u32,
    ) -> Result<Option<(VersionRow, StoredVersion)>, StoreError> {
        let row = self
            .backend()
            .read_one(SHOW, args![tenant, dag, number])
            .await?;
        let Some(mut row) = row else {
            return Ok(None);
        };
        let version = version_row(&mut row)?;
        let stored = StoredVersion {
            id: version.id,
            dag: version.dag,
            digest: version.digest,
            document: row.take()?,
            files: encoding::decode_files(&row.take::<Arc<str>>()?)?,
        };
        Ok(Some((version, stored)))
    }

    /// Lets new runs get this version; returns the one that was active before.
    pub async fn activate_version<'a>(
        &self,
        tenant: &TenantId,
        dag: &DagId,
        number: u32,
        precondition: impl Into<Precondition<'a, DagStamp>> + Send,
    ) -> Result<Option<VersionRow>, ActivateError> {
        let Precondition { actor, expected } = precondition.into();
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        dags::check(&mut tx, (tenant, dag), expected)
            .await
            .map_err(|error| match error {
                ChangeError::ChangedMeanwhile => ActivateError::ChangedMeanwhile(dag.clone()),
                ChangeError::Store(error) => error.into(),
            })?;
        let Some(mut row) = tx.run_one(LOCK_DAG, args![tenant, dag]).await? else {
            return Err(ActivateError::UnknownDag(dag.clone()));
        };
        let (key, shard): (DagKey, ShardId) = (row.take()?, row.take()?);
        let before: Option<VersionId> = row.take()?;
        let Some(mut row) = tx.run_one(FIND, args![key, number]).await? else {
            return Err(ActivateError::UnknownVersion(dag.clone(), number));
        };
        let (version, document): (VersionId, Arc<str>) = (row.take()?, row.take()?);
        let before = match before {
            Some(before) => tx.run_one(ONE, args![before]).await?,
            None => None,
        };
        let before = before.map(|mut row| version_row(&mut row)).transpose()?;
        if before.as_ref().map(|before| before.id) == Some(version) {
            return Ok(before);
        }
        tx.run(ACTIVATE, args![key, version, now]).await?;
        let edges = AssetEdges::of(&document);
        edges.replace(&mut tx, tenant, key).await?;
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action: "dag.activate",
            subject: dag.as_str(),
            details: Some(serde_json::json!({ "number": number }).to_string()),
        };
        tenants::finish(tx, shard, change).await?;
        Ok(before)
    }
}

fn version_row(row: &mut Row) -> Result<VersionRow, StoreError> {
    Ok(VersionRow {
        id: row.take()?,
        dag: row.take()?,
        number: row.take()?,
        digest: row.take()?,
        created: row.take()?,
        created_by: row.take()?,
        active: row.take()?,
    })
}
