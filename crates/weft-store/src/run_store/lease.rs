//! Who schedules which shard, and what bounds it.

use crate::{
    Database, Pool, ShardId, ShardLease, ShardSettings, StoreError, TenantSettings,
    backend::{args, statements},
};
use weft_core::time::{DurationMs, Timestamp};

statements! {
    /// $1 scheduler, $2 now, $3 until.
    LEASE = "UPDATE shards SET \
        epoch = CASE WHEN owner = $1 THEN epoch ELSE epoch + 1 END, \
        turn = CASE WHEN owner = $1 THEN turn ELSE 0 END, owner = $1, until = $3 \
        WHERE owner = $1 OR owner IS NULL OR until <= $2 \
        RETURNING shard, epoch, until";
    RELEASE = "UPDATE shards SET owner = NULL, until = 0 WHERE owner = $1";
    RELEASE_ALL = "UPDATE shards SET owner = NULL, until = 0 WHERE owner IS NOT NULL";
    SETTINGS = "SELECT version, max_active_tasks FROM settings WHERE shard = $1";
    VERSION = "SELECT version FROM settings WHERE shard = $1";
    TENANTS = "SELECT t.id, p.text, t.max_active_tasks, t.weight \
        FROM tenants t LEFT JOIN policies p ON p.tenant = t.id \
        WHERE t.shard = $1 ORDER BY t.id";
    POOLS = "SELECT p.tenant, p.name, p.slots FROM tenants t JOIN pools p ON p.tenant = t.id \
        WHERE t.shard = $1 ORDER BY p.tenant, p.name";
}

impl Database {
    pub(super) async fn lease(
        &self,
        scheduler: &str,
        lease: DurationMs,
    ) -> Result<Vec<ShardLease>, StoreError> {
        let now = self.clock().await?;
        let rows = self
            .backend()
            .write(LEASE, args![scheduler, now, now.plus(lease)])
            .await?;
        let mut leases = Vec::with_capacity(rows.len());
        for mut row in rows {
            leases.push(ShardLease {
                shard: row.take()?,
                epoch: row.take()?,
                until: row.take()?,
            });
        }
        leases.sort_by_key(|lease| lease.shard);
        Ok(leases)
    }

    pub(super) async fn release(&self, scheduler: &str) -> Result<(), StoreError> {
        self.backend().write(RELEASE, args![scheduler]).await?;
        Ok(())
    }

    /// Forgets all leases, where nobody else can hold one.
    pub(crate) async fn release_all(&self) -> Result<(), StoreError> {
        self.backend().write(RELEASE_ALL, args![]).await?;
        Ok(())
    }

    pub(super) async fn shard_settings(&self, shard: ShardId) -> Result<ShardSettings, StoreError> {
        let backend = self.backend();
        // The version is read first: what changes meanwhile is read again.
        let Some(mut row) = backend.read_one(SETTINGS, args![shard]).await? else {
            return Ok(ShardSettings::default());
        };
        let mut settings = ShardSettings {
            version: row.take()?,
            max_active_tasks: row.take()?,
            ..ShardSettings::default()
        };
        for mut row in backend.read(TENANTS, args![shard]).await? {
            settings.tenants.push(TenantSettings {
                tenant: row.take()?,
                policy: row.take()?,
                max_active_tasks: row.take()?,
                weight: row.take()?,
            });
        }
        for mut row in backend.read(POOLS, args![shard]).await? {
            settings.pools.push(Pool {
                tenant: row.take()?,
                name: row.take()?,
                slots: row.take()?,
            });
        }
        Ok(settings)
    }

    pub(super) async fn shard_version(&self, shard: ShardId) -> Result<i64, StoreError> {
        match self.backend().read_one(VERSION, args![shard]).await? {
            Some(mut row) => row.take(),
            None => Ok(0),
        }
    }

    /// Milliseconds by the database's clock: the server's, or, on SQLite, this machine's.
    pub(crate) async fn clock(&self) -> Result<Timestamp, StoreError> {
        let Some(statement) = self.backend().dialect().now() else {
            return Ok(crate::database::machine_clock());
        };
        match self.backend().read_one(statement, args![]).await? {
            Some(mut row) => row.take(),
            None => Err(StoreError::Defect("the clock gave no row".into())),
        }
    }
}
