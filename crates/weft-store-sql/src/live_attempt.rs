//! Attempts that are in progress, for a server that checks which tenant they belong to.

use crate::{
    Database,
    backend::{args, statements},
};
use weft_core::{id::TenantId, run::Attempt, run_id::RunId};
use weft_store::{ShardId, StoreError, VersionId};

statements! {
    /// $1 run, $2 task, $3 map index, $4 number, $5 nonce; queued or running.
    LIVE = "SELECT r.tenant, r.shard, r.version, CASE WHEN t.state = 2 THEN t.worker END FROM task_instances t JOIN runs r ON r.id = t.run \
        WHERE t.run = $1 AND t.task = $2 AND t.map_index = $3 AND t.number = $4 AND t.nonce = $5 \
        AND t.state IN (1, 2)";
}

/// An attempt that is in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveAttempt {
    /// Whose it is.
    pub tenant: TenantId,
    /// Whose scheduler made it.
    pub shard: ShardId,
    /// Of its run.
    pub version: VersionId,
    /// Who was the first to claim it; nothing while its row doesn't say yet that it runs.
    pub worker: Option<String>,
}

impl Database {
    /// An attempt, if it is the current one of its instance and has not ended. Its nonce is known
    /// only to schedulers, the broker and the worker that was given it.
    pub async fn live_attempt(
        &self,
        run: RunId,
        attempt: Attempt,
    ) -> Result<Option<LiveAttempt>, StoreError> {
        let Attempt {
            instance,
            number,
            nonce,
        } = attempt;
        let args = args![
            run,
            instance.task.0,
            instance.index,
            number,
            nonce.cast_signed()
        ];
        let Some(mut row) = self.backend().read_one(LIVE, args).await? else {
            return Ok(None);
        };
        Ok(Some(LiveAttempt {
            tenant: row.take()?,
            shard: row.take()?,
            version: row.take()?,
            worker: row.take()?,
        }))
    }
}
