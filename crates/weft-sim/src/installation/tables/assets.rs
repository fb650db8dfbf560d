//! Updates of assets, as the real database keeps them.

use super::Tables;
use std::collections::{BTreeMap, BTreeSet};
use weft_core::{
    asset::{AssetName, AssetState},
    document::{Dag, Format, Source, parse},
    id::TenantId,
    run::Instance,
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, NewRun, ShardId, StoredUpdate, Taken, Turn, WaitingAsset, WaitingDag};

/// One partition of an asset that an attempt updated: run, instance, nonce, asset, partition.
type Key = (RunId, Instance, u64, AssetName, Option<String>);

/// The tables of assets.
#[derive(Debug, Clone, Default)]
pub(super) struct AssetTables {
    /// By number, from 1 on.
    updates: BTreeMap<i64, UpdateRow>,
    by_attempt: BTreeMap<Key, i64>,
    /// The first and the last update that no run was created of, and how many.
    waiting: BTreeMap<(DagKey, AssetName), (i64, i64, u32)>,
    /// The updates that a DAG's runs were created of, with the run.
    used: BTreeMap<(DagKey, i64), RunId>,
}

#[derive(Debug, Clone)]
struct UpdateRow {
    tenant: TenantId,
    asset: AssetName,
    partition: Option<String>,
    metadata: Option<String>,
    at: Timestamp,
    run: RunId,
}

impl UpdateRow {
    fn stored(&self) -> StoredUpdate {
        StoredUpdate {
            asset: self.asset.clone(),
            partition: self.partition.clone(),
            metadata: self.metadata.clone(),
            at: self.at,
            run: Some(self.run),
        }
    }
}

impl Tables {
    /// The active version of a DAG.
    fn active_dag(&self, dag: DagKey) -> Option<Dag> {
        let version = self.dags.get(&dag)?.state.active?;
        let text = &self.versions.get(&version)?.document;
        let source = Source {
            name: "the stored document",
            text,
            format: Format::Json,
        };
        parse(source).ok()?.dags.pop()
    }

    /// The assets that a DAG's condition names.
    fn consumed_by(&self, dag: DagKey) -> BTreeSet<AssetName> {
        let condition = self.active_dag(dag).and_then(|dag| dag.on_assets);
        condition.map_or_else(BTreeSet::new, |condition| condition.assets())
    }

    /// Takes in what attempts of a turn updated.
    pub(super) fn update_assets(&mut self, turn: &Turn) {
        for updated in &turn.updates {
            let update = &updated.update;
            let partition = update.partition.as_deref().map(str::to_owned);
            let key = (
                updated.run,
                updated.instance,
                updated.nonce,
                update.asset.clone(),
                partition.clone(),
            );
            let Some(row) = self.runs.get(&updated.run) else {
                continue;
            };
            if self.assets.by_attempt.contains_key(&key) {
                continue;
            }
            let tenant = row.stored.tenant.clone();
            let last = self.assets.updates.last_key_value();
            let id = last.map_or(1, |(id, _)| id + 1);
            self.assets.by_attempt.insert(key, id);
            let row = UpdateRow {
                tenant: tenant.clone(),
                asset: update.asset.clone(),
                partition,
                metadata: update
                    .metadata
                    .as_ref()
                    .map(|text| text.as_str().to_owned()),
                at: updated.at,
                run: updated.run,
            };
            self.assets.updates.insert(id, row);
            let dags = self.dags.iter();
            let dags = dags.filter(|(_, row)| row.state.tenant == tenant);
            let dags: Vec<DagKey> = dags.map(|(key, _)| *key).collect();
            for dag in dags {
                if self.consumed_by(dag).contains(&update.asset) {
                    let key = (dag, update.asset.clone());
                    let waiting = self.assets.waiting.entry(key).or_insert((id, id, 0));
                    waiting.1 = id;
                    waiting.2 += 1;
                }
            }
        }
    }

    /// Takes what a run is made of from what waits.
    pub(super) fn take_updates(&mut self, new: &NewRun) {
        for taken in &new.taken {
            let key = (new.dag, taken.asset.clone());
            let Some((oldest, newest, updates)) = self.assets.waiting.remove(&key) else {
                continue;
            };
            let range = self.assets.updates.range(oldest..=taken.newest);
            let ids: Vec<i64> = range
                .filter(|(_, row)| row.tenant == new.tenant && row.asset == taken.asset)
                .map(|(id, _)| *id)
                .collect();
            for id in ids {
                let before = self.assets.used.insert((new.dag, id), new.id);
                assert_eq!(before, None, "an update creates one run of a DAG");
            }
            if newest > taken.newest {
                let left = (
                    taken.newest + 1,
                    newest,
                    updates.saturating_sub(taken.updates),
                );
                self.assets.waiting.insert(key, left);
            }
        }
    }

    /// Whether an attempt updated an asset.
    pub fn has_update(
        &self,
        (run, instance, nonce): (RunId, Instance, u64),
        asset: &AssetName,
    ) -> bool {
        let from = (run, instance, nonce, asset.clone(), None);
        let mut found = self.assets.by_attempt.range(from..);
        found.next().is_some_and(|(key, _)| {
            (key.0, key.1, key.2) == (run, instance, nonce) && key.3 == *asset
        })
    }

    /// A DAG whose condition holds, and of which a run may be created.
    pub fn dag_to_run(&self) -> Option<DagKey> {
        let shards = self.shards.keys();
        let mut waiting = shards.flat_map(|shard| self.waiting_dags(*shard, None, u32::MAX));
        let due = waiting.find(|waiting| {
            let condition = self.active_dag(waiting.dag).and_then(|dag| dag.on_assets);
            let is_updated = |name: &AssetName| {
                let mut assets = waiting.assets.iter();
                let found = assets.find(|asset| asset.asset == *name);
                AssetState {
                    is_updated: found.is_some_and(|asset| asset.newest.is_some()),
                    last: found.and_then(|asset| asset.last),
                }
            };
            condition.is_some_and(|condition| condition.holds(Timestamp(0), &is_updated))
        });
        due.map(|waiting| waiting.dag)
    }

    /// See `RunStore::waiting_dags`.
    pub fn waiting_dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Vec<WaitingDag> {
        let keys: BTreeSet<DagKey> = self.assets.waiting.keys().map(|(dag, _)| *dag).collect();
        let dags = keys
            .into_iter()
            .filter(|dag| after.is_none_or(|after| *dag > after));
        let dags = dags.filter(|dag| {
            let row = self.dags.get(dag);
            row.is_some_and(|row| {
                row.shard == shard && !row.state.paused && row.state.active.is_some()
            })
        });
        dags.take(limit as usize)
            .map(|dag| self.waiting_dag(dag))
            .filter(|waiting| !waiting.assets.is_empty())
            .collect()
    }

    fn waiting_dag(&self, dag: DagKey) -> WaitingDag {
        let tenant = self.dags.get(&dag).map(|row| &row.state.tenant);
        let assets = self.consumed_by(dag).into_iter();
        let assets = assets.map(|asset| {
            let of_asset = self.assets.updates.values();
            let mut of_asset =
                of_asset.filter(|row| Some(&row.tenant) == tenant && row.asset == asset);
            let waiting = self.assets.waiting.get(&(dag, asset.clone()));
            let since = waiting.and_then(|(oldest, _, _)| self.assets.updates.get(oldest));
            WaitingAsset {
                newest: waiting.map(|(_, newest, _)| *newest),
                updates: waiting.map_or(0, |(_, _, updates)| *updates),
                since: since.map(|row| row.at),
                last: of_asset.next_back().map(|row| row.at),
                asset,
            }
        });
        let assets = assets.collect();
        WaitingDag { dag, assets }
    }

    /// See `RunStore::waiting_updates`.
    pub fn waiting_updates(&self, dag: DagKey, taken: &[Taken], limit: u32) -> Vec<StoredUpdate> {
        let tenant = self.dags.get(&dag).map(|row| &row.state.tenant);
        let mut updates = Vec::new();
        for taken in taken {
            let key = (dag, taken.asset.clone());
            let Some((oldest, _, _)) = self.assets.waiting.get(&key) else {
                continue;
            };
            let range = self.assets.updates.range(*oldest..=taken.newest);
            let rows: Vec<&UpdateRow> = range
                .map(|(_, row)| row)
                .filter(|row| Some(&row.tenant) == tenant && row.asset == taken.asset)
                .collect();
            let skipped = rows.len().saturating_sub(limit as usize);
            updates.extend(rows.into_iter().skip(skipped).map(UpdateRow::stored));
        }
        updates
    }

    /// The last update of an asset, or of its partition.
    pub(super) fn last_update(
        &self,
        tenant: &TenantId,
        asset: &AssetName,
        partition: Option<&str>,
    ) -> Option<StoredUpdate> {
        let mut latest = self.assets.updates.values().rev();
        let row = latest.find(|row| {
            row.tenant == *tenant
                && row.asset == *asset
                && (partition.is_none() || row.partition.as_deref() == partition)
        });
        row.map(UpdateRow::stored)
    }

    /// See `RunStore::asset_changes`.
    pub fn asset_changes(&self, assets: &[(TenantId, AssetName)]) -> Vec<i64> {
        let changes = |(tenant, asset): &(TenantId, AssetName)| {
            let rows = self.assets.updates.iter().rev();
            let mut rows = rows.filter(|(_, row)| row.tenant == *tenant && row.asset == *asset);
            rows.next().map_or(0, |(id, _)| *id)
        };
        assets.iter().map(changes).collect()
    }
}
