//! Reports of runs that are not in memory.

use super::shard_task::ShardLoop;
use weft_store::StoreError;

impl ShardLoop {
    /// Confirms the reports of runs that ended long ago or do not exist: they will never change
    /// anything. A run of a DAG that the shard does not have is another one's, or is read later;
    /// its reports come again.
    pub(super) async fn settle_orphan_reports(&mut self) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.orphan_reports) {
            let run = self.deps.store.run(key.run).await?;
            let runs = &self.shard.runs;
            let is_over =
                run.is_none_or(|run| runs.contains_dag(run.dag) && !runs.contains(key.run));
            if is_over {
                self.shard.batch.confirm(key);
            }
        }
        Ok(())
    }
}
