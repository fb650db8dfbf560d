//! Updates that runs are to be created of: what a turn writes and takes, and what a scheduler reads.

use crate::{
    Database,
    backend::{Bulk, Column, Row, Tx, args, statements},
};
use std::collections::BTreeMap;
use weft_core::{asset::AssetName, id::TenantId, time::Timestamp};
use weft_store::{
    DagKey, NewRun, ShardId, StoreError, StoredUpdate, Taken, Turn, WaitingAsset, WaitingDag,
};

statements! {
    /// $1 shard, $2 after this DAG, $3 how many DAGs: every asset of the conditions of the DAGs that something waits for.
    WAITING = "SELECT e.dag, e.asset, q.newest, q.updates, u.at, a.updated FROM ( \
            SELECT DISTINCT w.dag FROM tenants t CROSS JOIN asset_waiting w CROSS JOIN dags d \
            WHERE t.shard = $1 AND w.tenant = t.id AND w.dag > $2 AND d.key = w.dag AND d.paused = 0 AND d.active IS NOT NULL \
            ORDER BY w.dag LIMIT $3) AS f \
        CROSS JOIN asset_edges e LEFT JOIN asset_waiting q ON q.dag = e.dag AND q.asset = e.asset \
        LEFT JOIN asset_updates u ON u.id = q.oldest \
        LEFT JOIN assets a ON a.tenant = e.tenant AND a.name = e.asset \
        WHERE e.dag = f.dag AND e.kind = 1";
    /// $1 DAG, $2 asset, $3 up to this one, $4 limit.
    WAITING_UPDATES = "SELECT u.asset, u.part, u.metadata, u.at, u.run FROM asset_waiting q CROSS JOIN asset_updates u \
        WHERE q.dag = $1 AND q.asset = $2 AND u.tenant = q.tenant AND u.asset = q.asset AND u.id >= q.oldest AND u.id <= $3 \
        ORDER BY u.id DESC LIMIT $4";
    /// $1 run, $2 DAG, $3 asset, $4 the last update that it is made of, $5 how many are kept.
    TAKE = "INSERT INTO run_assets (run, asset_update) SELECT CAST($1 AS BIGINT), u.id \
        FROM asset_waiting q CROSS JOIN asset_updates u \
        WHERE q.dag = $2 AND q.asset = $3 AND u.tenant = q.tenant AND u.asset = q.asset AND u.id >= q.oldest AND u.id <= $4 \
        ORDER BY u.id DESC LIMIT $5 ON CONFLICT DO NOTHING";
    /// $1 DAG, $2 asset, $3 the last update that was taken, $4 how many were.
    KEEP_LATER = "UPDATE asset_waiting SET oldest = $3 + 1, updates = updates - $4 \
        WHERE dag = $1 AND asset = $2 AND newest > $3 AND oldest <= $3";
    TAKEN = "DELETE FROM asset_waiting WHERE dag = $1 AND asset = $2 AND newest <= $3";
}

/// Updates by attempts. One that is there already is left as it is.
static INSERT: Bulk = Bulk::with(
    "WITH updated (run, task, map_index, number, nonce, asset, part, metadata, at) AS (VALUES ",
    {
        use Column::{Int, Text};
        &[Int, Int, Int, Int, Int, Text, Text, Text, Int]
    },
    ") INSERT INTO asset_updates (tenant, asset, part, metadata, at, run, task, map_index, number, nonce) \
     SELECT r.tenant, w.asset, w.part, w.metadata, w.at, w.run, w.task, w.map_index, w.number, w.nonce \
     FROM updated w CROSS JOIN runs r WHERE r.id = w.run ORDER BY w.asset, w.run, w.task, w.map_index, w.part \
     ON CONFLICT DO NOTHING RETURNING id, tenant, asset, at",
);
static RECORD: Bulk = Bulk::insert(
    "INSERT INTO assets (tenant, name, newest, updated) VALUES ",
    &[Column::Text, Column::Text, Column::Int, Column::Int],
    " ON CONFLICT (tenant, name) DO UPDATE SET changes = assets.changes + 1, \
     newest = CASE WHEN excluded.newest > assets.newest THEN excluded.newest ELSE assets.newest END, \
     updated = CASE WHEN excluded.newest > assets.newest THEN excluded.updated ELSE assets.updated END",
);
/// For each DAG that the asset may create runs of.
static WAIT: Bulk = Bulk::with(
    "WITH updated (tenant, asset, oldest, newest, updates) AS (VALUES ",
    &[
        Column::Text,
        Column::Text,
        Column::Int,
        Column::Int,
        Column::Int,
    ],
    ") INSERT INTO asset_waiting (dag, asset, tenant, oldest, newest, updates) \
     SELECT e.dag, e.asset, e.tenant, w.oldest, w.newest, w.updates FROM updated w CROSS JOIN asset_edges e \
     WHERE e.tenant = w.tenant AND e.asset = w.asset AND e.kind = 1 ORDER BY e.dag, e.asset \
     ON CONFLICT (dag, asset) DO UPDATE SET \
     oldest = CASE WHEN excluded.oldest < asset_waiting.oldest THEN excluded.oldest ELSE asset_waiting.oldest END, \
     newest = CASE WHEN excluded.newest > asset_waiting.newest THEN excluded.newest ELSE asset_waiting.newest END, \
     updates = asset_waiting.updates + excluded.updates",
);
pub(crate) static BULKS: &[&Bulk] = &[&INSERT, &RECORD, &WAIT];

/// The most updates of one asset that are kept as those that a run was created of.
const MAX_TAKEN: u32 = 1_000;

impl Database {
    pub(crate) async fn dags_waiting_for_assets(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<WaitingDag>, StoreError> {
        let after = after.map_or(i64::MIN, |dag| dag.0);
        let rows = self
            .backend()
            .read(WAITING, args![shard, after, limit])
            .await?;
        let mut dags: BTreeMap<DagKey, Vec<WaitingAsset>> = BTreeMap::new();
        for mut row in rows {
            let dag: DagKey = row.take()?;
            dags.entry(dag).or_default().push(WaitingAsset {
                asset: read_name(&row.take::<String>()?)?,
                newest: row.take()?,
                updates: row.take::<Option<u32>>()?.unwrap_or_default(),
                since: row.take()?,
                last: row.take()?,
            });
        }
        let dags = dags.into_iter().map(|(dag, mut assets)| {
            assets.sort_by(|one, other| one.asset.cmp(&other.asset));
            WaitingDag { dag, assets }
        });
        Ok(dags.collect())
    }

    pub(crate) async fn updates_waiting_for(
        &self,
        dag: DagKey,
        taken: &[Taken],
        limit: u32,
    ) -> Result<Vec<StoredUpdate>, StoreError> {
        let mut updates = Vec::new();
        for taken in taken {
            let args = args![dag, taken.asset.as_str(), taken.newest, limit];
            let mut rows = self.backend().read(WAITING_UPDATES, args).await?;
            rows.reverse();
            for row in rows {
                updates.push(read_update(row)?);
            }
        }
        Ok(updates)
    }
}

/// An update of the columns asset, part, metadata, at, run.
pub(crate) fn read_update(mut row: Row) -> Result<StoredUpdate, StoreError> {
    Ok(StoredUpdate {
        asset: read_name(&row.take::<String>()?)?,
        partition: Some(row.take()?).filter(|part: &String| !part.is_empty()),
        metadata: row.take()?,
        at: row.take()?,
        run: row.take()?,
    })
}

fn read_name(text: &str) -> Result<AssetName, StoreError> {
    let error = |error| StoreError::Corrupt(format!("the asset {text:?} can't be read: {error}"));
    text.parse().map_err(error)
}

/// Updates that were written in this transaction, by tenant and asset.
pub(super) struct News(BTreeMap<(TenantId, String), NewsOf>);

struct NewsOf {
    oldest: i64,
    newest: i64,
    updates: u32,
    at: Timestamp,
}

impl News {
    pub(super) fn of(rows: Vec<Row>) -> Result<Self, StoreError> {
        let mut all: BTreeMap<(TenantId, String), NewsOf> = BTreeMap::new();
        for mut row in rows {
            let id: i64 = row.take()?;
            let key = (row.take()?, row.take()?);
            let at: Timestamp = row.take()?;
            let news = all.entry(key).or_insert(NewsOf {
                oldest: id,
                newest: id,
                updates: 0,
                at,
            });
            news.oldest = news.oldest.min(id);
            news.newest = news.newest.max(id);
            news.at = news.at.max(at);
            news.updates += 1;
        }
        Ok(Self(all))
    }

    /// The last of them.
    pub(super) fn newest(&self) -> i64 {
        let newest = self.0.values().map(|news| news.newest);
        newest.max().unwrap_or_default()
    }

    /// Records them, and gives them to the DAGs that wait for such.
    pub(super) async fn spread(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let (mut record, mut wait) = (Vec::new(), Vec::new());
        for ((tenant, asset), news) in &self.0 {
            record.extend(args![tenant, asset, news.newest, news.at]);
            wait.extend(args![tenant, asset, news.oldest, news.newest, news.updates]);
        }
        tx.run_bulk(&RECORD, record).await?;
        tx.run_bulk(&WAIT, wait).await?;
        Ok(())
    }
}

/// Writes what attempts of a turn updated, and takes what its new runs are made of. Rows are locked in the order of
/// [`Database::report_asset_update`]: an asset, then what waits for it by DAG.
pub(crate) async fn write_turn(tx: &mut Tx, turn: &Turn) -> Result<(), StoreError> {
    if !turn.updates.is_empty() {
        write_updates(tx, turn).await?;
    }
    take(tx, &turn.new_runs).await
}

async fn write_updates(tx: &mut Tx, turn: &Turn) -> Result<(), StoreError> {
    let mut values = Vec::with_capacity(turn.updates.len() * 9);
    for row in &turn.updates {
        values.extend(args![
            row.run,
            row.instance.task.0,
            row.instance.index,
            row.number,
            row.nonce.cast_signed(),
            row.update.asset.as_str(),
            row.update.partition.as_deref().unwrap_or_default(),
            row.update.metadata.as_ref().map(|text| text.as_str()),
            row.at,
        ]);
    }
    let rows = tx.run_bulk(&INSERT, values).await?;
    News::of(rows)?.spread(tx).await
}

/// Takes what new runs are made of from what waits.
async fn take(tx: &mut Tx, new: &[NewRun]) -> Result<(), StoreError> {
    let all = new
        .iter()
        .flat_map(|run| run.taken.iter().map(move |taken| (run, taken)));
    let mut all: Vec<(&NewRun, &Taken)> = all.collect();
    all.sort_by(|(run, a), (other, b)| (run.dag, &a.asset).cmp(&(other.dag, &b.asset)));
    for (run, taken) in all {
        let (asset, newest) = (taken.asset.as_str(), taken.newest);
        let kept = args![run.id, run.dag, asset, newest, MAX_TAKEN];
        tx.run(TAKE, kept).await?;
        let later = args![run.dag, asset, newest, taken.updates];
        tx.run(KEEP_LATER, later).await?;
        tx.run(TAKEN, args![run.dag, asset, newest]).await?;
    }
    Ok(())
}
