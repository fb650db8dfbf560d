//! Repairs DAGs of which a version can't be read: another version takes its place, or none does.

use crate::{
    ActivateError, Database,
    assets::edges::AssetEdges,
    audit::Change,
    backend::{args, statements},
    encoding, tenants,
};
use weft_core::{
    id::{DagId, TenantId},
    run_id::RunId,
};
use weft_store::{CommandKind, DagKey, ShardId, VersionId};

statements! {
    /// Changes nothing, and keeps others from changing the row until the transaction ends.
    LOCK_DAG = "UPDATE dags SET updated = updated WHERE tenant = $1 AND id = $2 AND deleted IS NULL \
        RETURNING key, shard";
    FIND = "SELECT id, document FROM versions WHERE dag = $1 AND number = $2";
    RUNS = "SELECT id FROM runs WHERE dag = $1 AND version = $2 AND state IN (1, 2) ORDER BY id";
    MOVE_RUNS = "UPDATE runs SET version = $3 WHERE dag = $1 AND version = $2 AND state IN (1, 2)";
    /// $1 DAG, $2 version, $3 body, $4 now, $5 by.
    FAIL_RUNS = "INSERT INTO commands (shard, tenant, run, body, created, created_by) \
        SELECT r.shard, r.tenant, r.id, CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT) FROM runs r \
        WHERE r.dag = $1 AND r.version = $2 AND r.state IN (1, 2)";
    REPLACE_ACTIVE = "UPDATE dags SET active = $3, updated = $4 WHERE key = $1 AND active = $2 \
        RETURNING key";
}

/// Which version of a DAG is repaired, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// The number of the version that can't be read.
    pub version: u32,
    /// The number of the version that takes its place; none where it is dropped.
    pub replacement: Option<u32>,
}

impl Database {
    /// Has the runs of a version that have not ended, and new ones if it is active, use another
    /// version. Where it is dropped, the DAG has no active version, and those of the runs that can't go
    /// on end as failed. Returns these runs. The shard's scheduler reads again what it held aside.
    ///
    /// The caller knows that the version can't be read: one that can is not to be replaced under a
    /// run that has begun with it.
    ///
    /// # Errors
    /// [`ActivateError`] names a DAG or version that there is not, and changes nothing.
    pub async fn repair_version(
        &self,
        tenant: &TenantId,
        dag: &DagId,
        repair: Repair,
        actor: &str,
    ) -> Result<Vec<RunId>, ActivateError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let Some(mut row) = tx.run_one(LOCK_DAG, args![tenant, dag]).await? else {
            return Err(ActivateError::UnknownDag(dag.clone()));
        };
        let (key, shard): (DagKey, ShardId) = (row.take()?, row.take()?);
        let (mut ids, mut document) = (Vec::new(), String::new());
        for number in [Some(repair.version), repair.replacement]
            .into_iter()
            .flatten()
        {
            let Some(mut row) = tx.run_one(FIND, args![key, number]).await? else {
                return Err(ActivateError::UnknownVersion(dag.clone(), number));
            };
            ids.push(row.take::<VersionId>()?);
            document = row.take()?;
        }
        let (unreadable, replacement) = (ids[0], ids.get(1).copied());
        let mut runs = Vec::new();
        for mut row in tx.run(RUNS, args![key, unreadable]).await? {
            runs.push(row.take()?);
        }
        if let Some(replacement) = replacement {
            tx.run(MOVE_RUNS, args![key, unreadable, replacement])
                .await?;
        } else {
            let body = encoding::encode_command(&CommandKind::Fail);
            tx.run(FAIL_RUNS, args![key, unreadable, body, now, actor])
                .await?;
        }
        let active = args![key, unreadable, replacement, now];
        if !tx.run(REPLACE_ACTIVE, active).await?.is_empty() {
            let edges = match replacement {
                Some(_version) => AssetEdges::of(&document),
                None => AssetEdges::default(),
            };
            edges.replace(&mut tx, tenant, key).await?;
        }
        let details = serde_json::json!({
            "number": repair.version, "replacement": repair.replacement, "runs": runs.len(),
        });
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action: "dag.repair",
            subject: dag.as_str(),
            details: Some(details.to_string()),
        };
        tenants::finish(tx, shard, change).await?;
        Ok(runs)
    }
}
