//! Assets: who updates them and whom they create runs of, their updates, and what runs were created of.
//!
//! An update is written together with what waits for it: for each DAG whose active version names the asset in its condition, one
//! row gathers the updates that no run was created of. The turn that creates a run of them takes them from that row, so that no update
//! is lost and none creates two runs of a DAG. A DAG that is paused gathers on.

pub(crate) mod edges;
pub(crate) mod waiting;

use crate::{
    Database,
    audit::{self, Change},
    backend::{Bulk, Column, Row, Value, args, statements},
};
use edges::CONSUMES;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use waiting::News;
use weft_core::{
    asset::{AssetName, AssetUpdate},
    document::TaskIndex,
    id::{DagId, TenantId},
    run::Instance,
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{StoreError, VersionId};

macro_rules! updates {
    ($from:literal) => {
        concat!(
            "SELECT u.id, u.asset, u.part, u.metadata, u.at, u.created_by, u.run, u.task, u.map_index, d.id, r.version, v.number ",
            $from
        )
    };
}

statements! {
    /// $1 tenant, $2 the last name before, $3 limit.
    UPDATED = "SELECT name FROM assets WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3";
    /// The same.
    NAMED = "SELECT DISTINCT asset FROM asset_edges WHERE tenant = $1 AND asset > $2 ORDER BY asset LIMIT $3";
    /// $1 tenant, $2 asset, $3 before this one, $4 limit.
    UPDATES = updates!("FROM asset_updates u LEFT JOIN runs r ON r.id = u.run LEFT JOIN dags d ON d.key = r.dag LEFT JOIN versions v ON v.id = r.version \
        WHERE u.tenant = $1 AND u.asset = $2 AND u.id < $3 ORDER BY u.id DESC LIMIT $4");
    /// $1 run, $2 after this one, $3 limit, $4 tenant.
    TAKEN_BY_RUN = updates!("FROM run_assets a CROSS JOIN asset_updates u LEFT JOIN runs r ON r.id = u.run \
        LEFT JOIN dags d ON d.key = r.dag LEFT JOIN versions v ON v.id = r.version \
        WHERE a.run = $1 AND a.asset_update > $2 AND u.id = a.asset_update AND u.tenant = $4 ORDER BY a.asset_update LIMIT $3");
    MADE_BY_RUN = updates!("FROM asset_updates u LEFT JOIN runs r ON r.id = u.run LEFT JOIN dags d ON d.key = r.dag LEFT JOIN versions v ON v.id = r.version \
        WHERE u.run = $1 AND u.id > $2 AND u.tenant = $4 ORDER BY u.id LIMIT $3");
    OF_KEY = updates!("FROM asset_updates u LEFT JOIN runs r ON r.id = u.run LEFT JOIN dags d ON d.key = r.dag LEFT JOIN versions v ON v.id = r.version \
        WHERE u.tenant = $1 AND u.asset = $2 AND u.idempotency_key = $3");
    OF_ID = updates!("FROM asset_updates u LEFT JOIN runs r ON r.id = u.run LEFT JOIN dags d ON d.key = r.dag LEFT JOIN versions v ON v.id = r.version WHERE u.id = $1");
    REPORT = "INSERT INTO asset_updates (tenant, asset, part, metadata, at, created_by, idempotency_key) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id, tenant, asset, at";
}

static ABOUT: Bulk = Bulk::with(
    "WITH wanted (tenant, asset) AS (VALUES ",
    &[Column::Text, Column::Text],
    ") SELECT a.name, a.updated FROM wanted w CROSS JOIN assets a WHERE a.tenant = w.tenant AND a.name = w.asset",
);
static EDGES_OF: Bulk = Bulk::with(
    "WITH wanted (tenant, asset) AS (VALUES ",
    &[Column::Text, Column::Text],
    ") SELECT e.asset, e.kind, d.id, e.task FROM wanted w CROSS JOIN asset_edges e CROSS JOIN dags d \
     WHERE e.tenant = w.tenant AND e.asset = w.asset AND d.key = e.dag ORDER BY e.asset, e.kind, d.id, e.task",
);
/// The runs that updates created.
static CREATED: Bulk = Bulk::with(
    "WITH wanted (id) AS (VALUES ",
    &[Column::Int],
    ") SELECT a.asset_update, r.id, d.id FROM wanted w CROSS JOIN run_assets a CROSS JOIN runs r CROSS JOIN dags d \
     WHERE a.asset_update = w.id AND r.id = a.run AND d.key = r.dag ORDER BY a.asset_update, r.id",
);
pub(crate) static BULKS: &[&Bulk] = &[&ABOUT, &EDGES_OF, &CREATED];

/// An asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetRow {
    /// Name of the asset.
    pub name: String,
    /// When it was updated last; none if it never was.
    pub updated: Option<Timestamp>,
    /// The tasks of active versions that update it, by DAG.
    pub producers: Vec<(DagId, String)>,
    /// The DAGs whose active versions have runs created by it.
    pub consumers: Vec<DagId>,
}

/// An update.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetUpdateRow {
    /// Which update; later ones are greater.
    pub id: i64,
    /// The asset.
    pub asset: String,
    /// The partition; none for the whole asset.
    pub partition: Option<String>,
    /// JSON.
    pub metadata: Option<Arc<str>>,
    /// When.
    pub at: Timestamp,
    /// Who made it, if no task did.
    pub created_by: Option<String>,
    /// The attempt's run, if a task made it.
    pub made_by: Option<MadeBy>,
    /// The runs that it created, with their DAGs.
    pub created: Vec<(RunId, DagId)>,
}

/// The task instance that made an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeBy {
    /// The run.
    pub run: RunId,
    /// DAG of the run.
    pub dag: DagId,
    /// The version that the run is pinned to.
    pub version: VersionId,
    /// Its number.
    pub version_number: u32,
    /// Task and map index.
    pub instance: Instance,
}

/// An update that is reported from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportUpdate {
    /// Tenant of the asset.
    pub tenant: TenantId,
    /// What was updated.
    pub update: AssetUpdate,
    /// Who reports it.
    pub by: String,
    /// The same key again makes no second update of the asset.
    pub idempotency_key: Option<String>,
}

/// What became of an update that was reported.
#[derive(Debug, Clone, PartialEq)]
pub enum ReportedUpdate {
    /// It is new.
    New(AssetUpdateRow),
    /// The update that this idempotency key made before.
    Before(AssetUpdateRow),
}

impl Database {
    /// A tenant's assets by name, after `after`: those that an active version names, and those that were ever updated.
    pub async fn assets(
        &self,
        tenant: &TenantId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<AssetRow>, StoreError> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for statement in [UPDATED, NAMED] {
            let args = args![tenant, after, limit];
            for mut row in self.backend().read(statement, args).await? {
                names.insert(row.take()?);
            }
        }
        let names = names.into_iter().take(limit as usize).collect();
        self.assets_of(tenant, names).await
    }

    /// One asset; none if nothing names it and it was never updated.
    pub async fn asset(
        &self,
        tenant: &TenantId,
        name: &AssetName,
    ) -> Result<Option<AssetRow>, StoreError> {
        let rows = self.assets_of(tenant, vec![name.to_string()]).await?;
        let is_known = |row: &AssetRow| {
            row.updated.is_some() || !row.producers.is_empty() || !row.consumers.is_empty()
        };
        Ok(rows.into_iter().find(is_known))
    }

    async fn assets_of(
        &self,
        tenant: &TenantId,
        names: Vec<String>,
    ) -> Result<Vec<AssetRow>, StoreError> {
        let wanted: Vec<Value> = names.iter().flat_map(|name| args![tenant, name]).collect();
        let mut rows: BTreeMap<String, AssetRow> = BTreeMap::new();
        for name in names {
            let row = AssetRow {
                name: name.clone(),
                updated: None,
                producers: Vec::new(),
                consumers: Vec::new(),
            };
            rows.insert(name, row);
        }
        for mut row in self.backend().read_bulk(&ABOUT, wanted.clone()).await? {
            let (name, updated): (String, Timestamp) = (row.take()?, row.take()?);
            if let Some(asset) = rows.get_mut(&name) {
                asset.updated = Some(updated);
            }
        }
        for mut row in self.backend().read_bulk(&EDGES_OF, wanted).await? {
            let (name, kind): (String, i64) = (row.take()?, row.take()?);
            let (dag, task): (DagId, String) = (row.take()?, row.take()?);
            match rows.get_mut(&name) {
                Some(asset) if kind == CONSUMES => asset.consumers.push(dag),
                Some(asset) => asset.producers.push((dag, task)),
                None => {}
            }
        }
        Ok(rows.into_values().collect())
    }

    /// Updates of an asset before `before`, the newest first.
    pub async fn asset_updates(
        &self,
        tenant: &TenantId,
        name: &AssetName,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AssetUpdateRow>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        let args = args![tenant, name.as_str(), before, limit];
        let rows = self.backend().read(UPDATES, args).await?;
        self.with_created(rows).await
    }

    /// The updates that a run was created of, after `after`, in the order in which they came; at most 1,000 of each asset are known.
    pub async fn updates_taken_by(
        &self,
        tenant: &TenantId,
        run: RunId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AssetUpdateRow>, StoreError> {
        let args = args![run, after, limit, tenant];
        let rows = self.backend().read(TAKEN_BY_RUN, args).await?;
        rows.into_iter().map(read_update).collect()
    }

    /// The updates that a run's tasks made, after `after`, in the order in which they came.
    pub async fn updates_made_by(
        &self,
        tenant: &TenantId,
        run: RunId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AssetUpdateRow>, StoreError> {
        let args = args![run, after, limit, tenant];
        let rows = self.backend().read(MADE_BY_RUN, args).await?;
        self.with_created(rows).await
    }

    async fn with_created(&self, rows: Vec<Row>) -> Result<Vec<AssetUpdateRow>, StoreError> {
        let rows = rows.into_iter().map(read_update);
        let mut updates = rows.collect::<Result<Vec<_>, _>>()?;
        let ids = updates.iter().flat_map(|update| args![update.id]).collect();
        let mut created: BTreeMap<i64, Vec<(RunId, DagId)>> = BTreeMap::new();
        for mut row in self.backend().read_bulk(&CREATED, ids).await? {
            let id: i64 = row.take()?;
            let run = (row.take()?, row.take()?);
            created.entry(id).or_default().push(run);
        }
        for update in &mut updates {
            update.created = created.remove(&update.id).unwrap_or_default();
        }
        Ok(updates)
    }

    /// Writes an update that is reported from outside; durable when it returns.
    pub async fn report_asset_update(
        &self,
        report: &ReportUpdate,
    ) -> Result<ReportedUpdate, StoreError> {
        let ReportUpdate {
            tenant,
            update,
            by,
            idempotency_key: key,
        } = report;
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let args = args![
            tenant,
            update.asset.as_str(),
            update.partition.as_deref().unwrap_or_default(),
            update.metadata.as_ref().map(|text| text.as_str()),
            now,
            by,
            key.as_ref()
        ];
        let Some(row) = tx.run_one(REPORT, args).await? else {
            let args = args![tenant, update.asset.as_str(), key.as_ref()];
            let row = tx.run_one(OF_KEY, args).await?;
            let row = row.ok_or_else(|| StoreError::Defect("an update was not written".into()))?;
            return Ok(ReportedUpdate::Before(read_update(row)?));
        };
        let news = News::of(vec![row])?;
        news.spread(&mut tx).await?;
        let row = tx.run_one(OF_ID, args![news.newest()]).await?;
        let row = row.ok_or_else(|| StoreError::Defect("an update is not there".into()))?;
        let row = read_update(row)?;
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor: by,
            action: "asset.update",
            subject: update.asset.as_str(),
            details: None,
        };
        audit::append(&mut tx, change).await?;
        tx.commit().await?;
        Ok(ReportedUpdate::New(row))
    }
}

fn read_update(mut row: Row) -> Result<AssetUpdateRow, StoreError> {
    let (id, asset) = (row.take()?, row.take()?);
    let partition: String = row.take()?;
    let (metadata, at, created_by) = (row.take()?, row.take()?, row.take()?);
    let run: Option<RunId> = row.take()?;
    let (task, index): (Option<u32>, Option<u32>) = (row.take()?, row.take()?);
    let (dag, version): (Option<DagId>, Option<VersionId>) = (row.take()?, row.take()?);
    let version_number: Option<u32> = row.take()?;
    let made_by = match (run, task, index, dag, version) {
        (Some(run), Some(task), Some(index), Some(dag), Some(version)) => Some(MadeBy {
            run,
            dag,
            version,
            version_number: version_number.unwrap_or_default(),
            instance: Instance {
                task: TaskIndex(task),
                index,
            },
        }),
        _ => None,
    };
    Ok(AssetUpdateRow {
        id,
        asset,
        partition: Some(partition).filter(|part| !part.is_empty()),
        metadata,
        at,
        created_by,
        made_by,
        created: Vec::new(),
    })
}
