//! Reports and claims of runs that are not in memory.

use super::shard_task::ShardLoop;
use weft_core::run_id::RunId;
use weft_store::StoreError;

impl ShardLoop {
    /// Confirms the reports of runs that ended long ago or do not exist, and revokes their
    /// attempts: they will never change anything.
    pub(super) async fn settle_orphans(&mut self) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.orphan_reports) {
            if self.is_over(key.run).await? {
                self.shard.batch.confirm(key);
            }
        }
        for key in std::mem::take(&mut self.orphan_starts) {
            if self.is_over(key.run).await? {
                self.shard.batch.revoke(key);
            }
        }
        Ok(())
    }

    /// Whether a run ended or does not exist. One of a DAG that the shard does not have is
    /// another one's, or is read later, and one that is held aside goes on later; its notices come
    /// again.
    async fn is_over(&self, run: RunId) -> Result<bool, StoreError> {
        if self.shard.held.contains_run(run) {
            return Ok(false);
        }
        let runs = &self.shard.runs;
        Ok(match self.deps.store.run(run).await? {
            None => true,
            Some(Ok(stored)) => runs.contains_dag(stored.dag) && !runs.contains(run),
            Some(Err(_unreadable)) => false,
        })
    }
}
