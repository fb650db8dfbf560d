//! Reports of runs that are not in memory.

use super::Service;
use weft_store::{ShardId, StoreError};

impl Service {
    /// Confirms the reports of runs that ended long ago or do not exist: they will never change
    /// anything. A run of a DAG that no shard here has is another scheduler's, or is read later;
    /// its reports come again.
    pub(super) async fn settle_orphan_reports(&mut self) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.orphan_reports) {
            let run = self.deps.store.run(key.run).await?;
            let shard = ShardId(key.shard.cast_signed());
            let Some(shard) = self.shards.get_mut(&shard) else {
                continue;
            };
            let is_over = run.is_none_or(|run| {
                shard.runs.contains_dag(run.dag) && !shard.runs.contains(key.run)
            });
            if is_over {
                shard.batch.confirm(key);
            }
        }
        Ok(())
    }
}
