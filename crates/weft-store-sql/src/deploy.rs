//! Deploying: the DAGs of one file in one transaction.

use crate::{
    Database,
    assets::edges::AssetEdges,
    audit::{self, Change},
    backend::{Tx, args, statements},
    encoding, tenants,
};
use std::{collections::BTreeSet, sync::Arc};
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    time::Timestamp,
};
use weft_store::{DagKey, FileEntry, ShardId, StoreError, VersionId};

statements! {
    /// $1 tenant, $2 id, $3 shard, $4 paused, $5 now.
    NEW_DAG = "INSERT INTO dags \
        (tenant, id, shard, paused, last_number, scheduled_since, created, updated) \
        VALUES ($1, $2, $3, $4, 0, $5, $5, $5) \
        ON CONFLICT (tenant, id) WHERE deleted IS NULL DO NOTHING RETURNING key";
    /// Changes nothing, and keeps others from changing the row until the transaction ends.
    LOCK_DAG = "UPDATE dags SET updated = updated WHERE tenant = $1 AND id = $2 AND deleted IS NULL \
        RETURNING key, active, last_number";
    ONE_VERSION = "SELECT number, digest, document FROM versions WHERE id = $1";
    KNOWN_VERSION = "SELECT id, number FROM versions WHERE dag = $1 AND digest = $2";
    NEW_VERSION = "INSERT INTO versions (dag, number, digest, document, files, created, created_by) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    COUNT_VERSION = "UPDATE dags SET last_number = $2, updated = $3 WHERE key = $1";
    /// What has never been active is scheduled from now on.
    ACTIVATE = "UPDATE dags SET active = $2, updated = $3, \
        scheduled_since = CASE WHEN active IS NULL THEN $3 ELSE scheduled_since END WHERE key = $1";
}

/// The most DAGs that one file can hold: those that a document can.
pub const MAX_DAGS_PER_FILE: usize = weft_core::document::MAX_DAGS;

/// A file with its DAGs.
#[derive(Debug, Clone, PartialEq)]
pub struct Deploy {
    /// Tenant that deploys.
    pub tenant: TenantId,
    /// The file's digest.
    pub digest: Digest,
    /// What it describes.
    pub dags: Vec<DeployDag>,
    /// New runs get what is deployed; otherwise it only becomes known.
    pub activate: bool,
    /// DAGs that are new start paused.
    pub paused: bool,
    /// Who deploys.
    pub by: String,
}

/// One DAG of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployDag {
    /// Name of the DAG, unique within a tenant.
    pub id: DagId,
    /// As [`weft_store::StoredVersion::document`].
    pub document: Arc<str>,
    /// As [`weft_store::StoredVersion::files`].
    pub files: Vec<FileEntry>,
}

/// What became of one DAG, in the order of [`Deploy::dags`].
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    /// Name of the DAG, unique within a tenant.
    pub id: DagId,
    /// Row of the DAG.
    pub key: DagKey,
    /// The version of this file.
    pub version: VersionId,
    /// That version's number.
    pub number: u32,
    /// What was done.
    pub change: DeployChange,
    /// The version that was active before.
    pub previous: Option<PreviousVersion>,
}

/// What a deploy did to a DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeployChange {
    /// The DAG was not known.
    NewDag,
    /// The file was not known for it.
    NewVersion,
    /// An earlier version of this file was activated again.
    Reactivated,
    /// This file was active already, or known and not to be activated.
    Unchanged,
}

/// The version that was active before.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviousVersion {
    /// Row of the version.
    pub id: VersionId,
    /// Number of the version, from 1 on.
    pub number: u32,
    /// SHA-256 digest of the version's file.
    pub digest: Digest,
    /// Its document.
    pub document: Arc<str>,
}

/// Why nothing was deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// No such tenant.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// More than [`MAX_DAGS_PER_FILE`].
    #[error("the file has {0} DAGs, the most is {MAX_DAGS_PER_FILE}")]
    TooMany(usize),
    /// One name twice.
    #[error("the DAG {0} occurs twice in the file")]
    Twice(DagId),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Deploys all DAGs of the file, or none.
    pub async fn deploy(&self, deploy: &Deploy) -> Result<Vec<Deployed>, DeployError> {
        check(deploy)?;
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let shard = tenants::shard_of(&mut tx, &deploy.tenant)
            .await?
            .ok_or_else(|| DeployError::UnknownTenant(deploy.tenant.clone()))?;
        // By name, so that two deploys never wait for each other's DAGs crosswise.
        let mut order: Vec<usize> = (0..deploy.dags.len()).collect();
        order.sort_by(|a, b| deploy.dags[*a].id.cmp(&deploy.dags[*b].id));
        let mut done: Vec<(usize, Deployed)> = Vec::with_capacity(order.len());
        for at in order {
            let one = deploy_one(&mut tx, deploy, &deploy.dags[at], shard, now).await?;
            done.push((at, one));
        }
        done.sort_by_key(|(at, _deployed)| *at);
        let done: Vec<Deployed> = done.into_iter().map(|(_at, deployed)| deployed).collect();
        if done.iter().any(|dag| dag.change != DeployChange::Unchanged) {
            tenants::bump(&mut tx, shard).await?;
            audit::append(
                &mut tx,
                Change {
                    at: now,
                    tenant: Some(&deploy.tenant),
                    actor: &deploy.by,
                    action: "dag.deploy",
                    subject: &deploy.digest.to_string(),
                    details: Some(summary(&done)),
                },
            )
            .await?;
            tx.commit().await?;
        }
        Ok(done)
    }
}

fn check(deploy: &Deploy) -> Result<(), DeployError> {
    if deploy.dags.len() > MAX_DAGS_PER_FILE {
        return Err(DeployError::TooMany(deploy.dags.len()));
    }
    let mut seen = BTreeSet::new();
    match deploy.dags.iter().find(|dag| !seen.insert(&dag.id)) {
        Some(twice) => Err(DeployError::Twice(twice.id.clone())),
        None => Ok(()),
    }
}

async fn deploy_one(
    tx: &mut Tx,
    deploy: &Deploy,
    dag: &DeployDag,
    shard: ShardId,
    now: Timestamp,
) -> Result<Deployed, StoreError> {
    let made = tx
        .run_one(
            NEW_DAG,
            args![&deploy.tenant, &dag.id, shard, deploy.paused, now],
        )
        .await?;
    let mut row = tx
        .run_one(LOCK_DAG, args![&deploy.tenant, &dag.id])
        .await?
        .ok_or_else(|| StoreError::Defect("a DAG that was just made is not there".into()))?;
    let key: DagKey = row.take()?;
    let active: Option<VersionId> = row.take()?;
    let last_number: u32 = row.take()?;
    let known = tx
        .run_one(KNOWN_VERSION, args![key, &deploy.digest])
        .await?;
    let (version, number, is_new) = if let Some(mut row) = known {
        (row.take()?, row.take()?, false)
    } else {
        let number = last_number + 1;
        let version = new_version(tx, deploy, dag, (key, number), now).await?;
        (version, number, true)
    };
    let activates = deploy.activate && active != Some(version);
    if activates {
        tx.run(ACTIVATE, args![key, version, now]).await?;
        let edges = AssetEdges::of(&dag.document);
        edges.replace(tx, &deploy.tenant, key).await?;
    }
    Ok(Deployed {
        id: dag.id.clone(),
        key,
        version,
        number,
        change: match (made.is_some(), is_new, activates) {
            (true, _, _) => DeployChange::NewDag,
            (false, true, _) => DeployChange::NewVersion,
            (false, false, true) => DeployChange::Reactivated,
            (false, false, false) => DeployChange::Unchanged,
        },
        previous: match active {
            Some(active) => previous(tx, active).await?,
            None => None,
        },
    })
}

async fn new_version(
    tx: &mut Tx,
    deploy: &Deploy,
    dag: &DeployDag,
    (key, number): (DagKey, u32),
    now: Timestamp,
) -> Result<VersionId, StoreError> {
    let row = tx
        .run_one(
            NEW_VERSION,
            args![
                key,
                number,
                &deploy.digest,
                &dag.document,
                encoding::encode_files(&dag.files),
                now,
                &deploy.by
            ],
        )
        .await?;
    tx.run(COUNT_VERSION, args![key, number, now]).await?;
    match row {
        Some(mut row) => row.take(),
        None => Err(StoreError::Defect("a version got no number".into())),
    }
}

async fn previous(tx: &mut Tx, id: VersionId) -> Result<Option<PreviousVersion>, StoreError> {
    let Some(mut row) = tx.run_one(ONE_VERSION, args![id]).await? else {
        return Ok(None);
    };
    Ok(Some(PreviousVersion {
        id,
        number: row.take()?,
        digest: row.take()?,
        document: row.take()?,
    }))
}

/// For the audit: what became of which DAG, the unchanged ones left out.
fn summary(done: &[Deployed]) -> String {
    let dags: serde_json::Map<String, serde_json::Value> = done
        .iter()
        .filter(|dag| dag.change != DeployChange::Unchanged)
        .map(|dag| (dag.id.to_string(), dag.number.into()))
        .collect();
    serde_json::json!({ "dags": dags }).to_string()
}
