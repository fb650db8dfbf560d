//! Creates runs of updates of assets.

use super::Driver;
use crate::{
    limits::{ASSET_DAGS_PER_PAGE, MAX_UPDATES_IN_PARAMS},
    shard::dag_entry::DagEntry,
    steps::{assets, due_runs},
};
use weft_store::{StoreError, WaitingDag};

impl Driver<'_> {
    /// Creates the runs whose conditions hold. What is left waits for the next update or sweep.
    pub(super) async fn create_asset_runs(&mut self) -> Result<(), StoreError> {
        if !self.shard.expects_assets {
            return Ok(());
        }
        let mut after = None;
        loop {
            let (store, shard) = (&self.deps.store, self.shard.id());
            let page = store
                .waiting_dags(shard, after, ASSET_DAGS_PER_PAGE)
                .await?;
            let is_last = page.len() < ASSET_DAGS_PER_PAGE as usize;
            after = page.last().map(|waiting| waiting.dag);
            for waiting in page {
                self.create_asset_run(&waiting).await?;
            }
            if is_last {
                break;
            }
        }
        self.shard.expects_assets = false;
        Ok(())
    }

    async fn create_asset_run(&mut self, waiting: &WaitingDag) -> Result<(), StoreError> {
        let dag = waiting.dag;
        // What a run takes that this turn creates waits in the database until the commit.
        let is_created = self.shard.batch.takes_updates_of(dag);
        if is_created || !due_runs::may_create_runs(&self.shard.runs, dag) {
            return Ok(());
        }
        let Some(version) = self.active_version(dag).await? else {
            return Ok(());
        };
        let Some(taken) = assets::take_if_due(&version, waiting, self.cx.now()) else {
            return Ok(());
        };
        let entry = self.shard.runs.dag(dag);
        let is_refused = entry.is_some_and(DagEntry::refuses_asset_runs);
        if is_refused || !self.has_queue_room(dag).await? {
            return Ok(());
        }
        let updates = if assets::wants_updates(&version) {
            let store = &self.deps.store;
            store
                .waiting_updates(dag, &taken, MAX_UPDATES_IN_PARAMS)
                .await?
        } else {
            Vec::new()
        };
        let created = assets::create_run(&mut self.events(), waiting, &version, taken, updates);
        if !created && let Some(entry) = self.shard.runs.dag_mut(dag) {
            entry.refuse_asset_runs();
        }
        Ok(())
    }
}
