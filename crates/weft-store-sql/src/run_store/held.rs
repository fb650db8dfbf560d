//! Runs that no scheduler can continue, as users see them.

use crate::{
    Database,
    backend::{Bulk, Column, args, statements},
};
use weft_store::{HeldRun, ShardLease, StoreError};

statements! {
    OWNED = "SELECT 1 FROM shards WHERE shard = $1 AND epoch = $2";
    FORGET = "DELETE FROM held_runs WHERE shard = $1";
}

static HOLD: Bulk = Bulk::insert(
    "INSERT INTO held_runs (run, shard, why) VALUES ",
    &[Column::Int, Column::Int, Column::Text],
    " ON CONFLICT (run) DO UPDATE SET shard = excluded.shard, why = excluded.why",
);
pub(crate) static BULKS: &[&Bulk] = &[&HOLD];

impl Database {
    pub(super) async fn write_held_runs(
        &self,
        lease: ShardLease,
        held: &[HeldRun],
    ) -> Result<(), StoreError> {
        let mut sorted: Vec<&HeldRun> = held.iter().collect();
        sorted.sort_by_key(|held| held.run);
        let mut values = Vec::with_capacity(sorted.len() * 3);
        for held in sorted {
            values.extend(args![held.run, lease.shard, &held.why]);
        }
        let mut tx = self.backend().begin().await?;
        let owned = tx.run_one(OWNED, args![lease.shard, lease.epoch]).await?;
        if owned.is_none() {
            return Ok(());
        }
        tx.run(FORGET, args![lease.shard]).await?;
        tx.run_bulk(&HOLD, values).await?;
        tx.commit().await
    }
}
