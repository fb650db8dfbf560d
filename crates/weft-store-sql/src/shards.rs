//! How many shards there are, and who schedules each.

use crate::{
    Database,
    audit::{self, Change},
    backend::{args, statements},
};
use weft_core::time::Timestamp;
use weft_store::{ShardId, StoreError};

statements! {
    IDS = "SELECT shard FROM shards ORDER BY shard";
    LIST = "SELECT s.shard, s.owner, s.epoch, s.until, s.lost_turns, s.lost_at, \
        (SELECT count(*) FROM tenants t WHERE t.shard = s.shard) FROM shards s ORDER BY s.shard";
    ADD = "INSERT INTO shards (shard, owner, epoch, until, turn) VALUES ($1, NULL, 0, 0, 0) \
        ON CONFLICT (shard) DO NOTHING RETURNING shard";
    ADD_SETTINGS = "INSERT INTO settings (shard, version, max_active_tasks) VALUES ($1, 1, NULL) \
        ON CONFLICT (shard) DO NOTHING";
}

/// A shard in its present state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardRow {
    /// Number of the shard.
    pub id: ShardId,
    /// The scheduler that owns it; none if its lease has ended.
    pub scheduler: Option<String>,
    /// How often its scheduler changed.
    pub epoch: i64,
    /// Acknowledged turns that the database no longer had, over all times that it lost some.
    pub lost_turns: u64,
    /// When its scheduler last noticed that.
    pub lost_at: Option<Timestamp>,
    /// How many tenants it has.
    pub tenants: u32,
}

impl Database {
    /// The most shards of one installation: each has its queues, and every worker of the whole
    /// installation registers with each.
    pub const MAX_SHARDS: u32 = 64;

    /// The shards that there are, by number.
    pub async fn shards(&self) -> Result<Vec<ShardId>, StoreError> {
        let rows = self.backend().read(IDS, args![]).await?;
        rows.into_iter().map(|mut row| row.take()).collect()
    }

    /// The shards by number, with who schedules them.
    pub async fn list_shards(&self) -> Result<Vec<ShardRow>, StoreError> {
        let now = self.clock().await?;
        let mut shards = Vec::new();
        for mut row in self.backend().read(LIST, args![]).await? {
            let (id, scheduler): (ShardId, Option<String>) = (row.take()?, row.take()?);
            let epoch = row.take()?;
            let until: Timestamp = row.take()?;
            shards.push(ShardRow {
                id,
                scheduler: scheduler.filter(|_owner| until > now),
                epoch,
                lost_turns: row.take()?,
                lost_at: row.take()?,
                tenants: row.take()?,
            });
        }
        Ok(shards)
    }

    /// Makes shards until there are so many, at most [`Self::MAX_SHARDS`]; there are never less
    /// than before. New tenants go to those that have the fewest; a tenant stays where it is.
    pub async fn grow_shards(&self, count: u32, actor: &str) -> Result<(), StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let mut made = false;
        for shard in 0..count.min(Self::MAX_SHARDS) {
            made |= tx.run_one(ADD, args![shard]).await?.is_some();
            tx.run(ADD_SETTINGS, args![shard]).await?;
        }
        if made {
            let change = Change {
                at: now,
                tenant: None,
                actor,
                action: "shards.grow",
                subject: &count.to_string(),
                details: None,
            };
            audit::append(&mut tx, change).await?;
        }
        tx.commit().await
    }
}
