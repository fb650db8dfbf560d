//! Looks up the runs and updates of assets that task instances wait for.

use crate::{
    Database,
    assets::waiting::read_update,
    backend::{Bulk, Column, Row, Value, args},
    encoding,
};
use weft_core::{asset::AssetName, id::TenantId, wait::Wait};
use weft_store::{Awaited, StoreError};

static BY_ID: Bulk = Bulk::with(
    "WITH wanted (position, tenant, run) AS (VALUES ",
    &[Column::Int, Column::Text, Column::Int],
    ") SELECT w.position, r.id, d.id, r.version, r.state FROM wanted w CROSS JOIN runs r CROSS JOIN dags d \
     WHERE r.id = w.run AND r.tenant = w.tenant AND d.key = r.dag",
);
/// A DAG without a run for the date has a row as well.
static BY_DATE: Bulk = Bulk::with(
    "WITH wanted (position, tenant, dag, logical_date) AS (VALUES ",
    &[Column::Int, Column::Text, Column::Text, Column::Int],
    ") SELECT w.position, r.id, d.id, r.version, r.state FROM wanted w CROSS JOIN dags d \
     LEFT JOIN runs r ON r.dag = d.key AND r.logical_date = w.logical_date AND r.kind IN (2, 3) \
     WHERE d.tenant = w.tenant AND d.id = w.dag AND d.deleted IS NULL",
);
/// The last update of the asset, if it counts.
static BY_ASSET: Bulk = Bulk::with(
    "WITH wanted (position, tenant, asset, since) AS (VALUES ",
    &[Column::Int, Column::Text, Column::Text, Column::Int],
    ") SELECT w.position, u.asset, u.part, u.metadata, u.at, u.run FROM wanted w CROSS JOIN asset_updates u \
     WHERE u.id = (SELECT e.id FROM asset_updates e WHERE e.tenant = w.tenant AND e.asset = w.asset ORDER BY e.id DESC LIMIT 1) \
     AND u.at >= w.since",
);
/// The last update of the partition, if it counts.
static BY_PARTITION: Bulk = Bulk::with(
    "WITH wanted (position, tenant, asset, part, since) AS (VALUES ",
    &[
        Column::Int,
        Column::Text,
        Column::Text,
        Column::Text,
        Column::Int,
    ],
    ") SELECT w.position, u.asset, u.part, u.metadata, u.at, u.run FROM wanted w CROSS JOIN asset_updates u \
     WHERE u.id = (SELECT e.id FROM asset_updates e WHERE e.tenant = w.tenant AND e.asset = w.asset AND e.part = w.part \
        AND e.part <> '' ORDER BY e.id DESC LIMIT 1) \
     AND u.at >= w.since",
);
static CHANGES: Bulk = Bulk::with(
    "WITH wanted (position, tenant, asset) AS (VALUES ",
    &[Column::Int, Column::Text, Column::Text],
    ") SELECT w.position, a.changes FROM wanted w CROSS JOIN assets a WHERE a.tenant = w.tenant AND a.name = w.asset",
);
pub(crate) static BULKS: &[&Bulk] = &[&BY_ID, &BY_DATE, &BY_ASSET, &BY_PARTITION, &CHANGES];

impl Database {
    pub(super) async fn look_up_waits(
        &self,
        waits: &[(TenantId, Wait)],
    ) -> Result<Vec<Awaited>, StoreError> {
        let (mut by_id, mut by_date) = (Vec::new(), Vec::new());
        let (mut by_asset, mut by_partition) = (Vec::new(), Vec::new());
        let mut found = Vec::with_capacity(waits.len());
        for (position, (tenant, wait)) in (0_i64..).zip(waits) {
            found.push(match wait {
                Wait::Event(_) | Wait::Approval { .. } => Awaited::NoRun,
                Wait::Run(run) | Wait::Call(run) | Wait::RunTask { run, .. } => {
                    by_id.extend(args![position, tenant, *run]);
                    Awaited::NoRun
                }
                Wait::Dag { dag, logical_date }
                | Wait::DagTask {
                    dag, logical_date, ..
                } => {
                    by_date.extend(args![position, tenant, dag, *logical_date]);
                    Awaited::NoDag
                }
                Wait::Asset {
                    asset,
                    partition,
                    since,
                } => {
                    let asset = asset.as_str();
                    match partition {
                        None => by_asset.extend(args![position, tenant, asset, *since]),
                        Some(part) => {
                            by_partition.extend(args![position, tenant, asset, &**part, *since]);
                        }
                    }
                    Awaited::NoUpdate
                }
            });
        }
        for (bulk, values) in [(&BY_ID, by_id), (&BY_DATE, by_date)] {
            self.fill(bulk, values, &mut found, awaited_row).await?;
        }
        let update = |row| Ok(Awaited::Update(read_update(row)?));
        for (bulk, values) in [(&BY_ASSET, by_asset), (&BY_PARTITION, by_partition)] {
            self.fill(bulk, values, &mut found, update).await?;
        }
        Ok(found)
    }

    pub(super) async fn changes_of_assets(
        &self,
        assets: &[(TenantId, AssetName)],
    ) -> Result<Vec<i64>, StoreError> {
        let wanted = (0_i64..).zip(assets);
        let wanted = wanted
            .flat_map(|(position, (tenant, asset))| args![position, tenant, asset.as_str()])
            .collect();
        let mut changes = vec![0; assets.len()];
        self.fill(&CHANGES, wanted, &mut changes, |mut row| row.take())
            .await?;
        Ok(changes)
    }

    /// Reads rows that begin with the position of what they answer.
    async fn fill<T>(
        &self,
        bulk: &'static Bulk,
        values: Vec<Value>,
        found: &mut [T],
        read: impl Fn(Row) -> Result<T, StoreError>,
    ) -> Result<(), StoreError> {
        if values.is_empty() {
            return Ok(());
        }
        for mut row in self.backend().read_bulk(bulk, values).await? {
            let position: i64 = row.take()?;
            let place = usize::try_from(position)
                .ok()
                .and_then(|at| found.get_mut(at));
            let place =
                place.ok_or_else(|| StoreError::Defect("a wait that was not given".into()))?;
            *place = read(row)?;
        }
        Ok(())
    }
}

fn awaited_row(mut row: Row) -> Result<Awaited, StoreError> {
    let Some(run) = row.take()? else {
        return Ok(Awaited::NoRun);
    };
    Ok(Awaited::Run {
        run,
        dag: row.take()?,
        version: row.take()?,
        state: encoding::decode_run_state(row.take()?)?,
    })
}
