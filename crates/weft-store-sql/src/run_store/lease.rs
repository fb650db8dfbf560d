//! Who schedules which shard, and what bounds it.
//!
//! The calls that hold leases have a connection of their own: however long other calls take, a
//! renewal waits for none of them.

use super::reading::collect;
use crate::{
    Database,
    backend::{Row, args, statements},
    database::machine_clock,
};
use std::sync::Arc;
use weft_core::{
    id::TenantId,
    time::{DurationMs, Timestamp},
};
use weft_store::{
    Lost, Pool, ShardId, ShardLease, ShardSettings, ShardState, StoreError, TenantSettings, TurnId,
    Unreadable, share_of,
};

statements! {
    /// $1 scheduler, $2 until.
    THERE = "INSERT INTO schedulers (id, until) VALUES ($1, $2) \
        ON CONFLICT (id) DO UPDATE SET until = excluded.until";
    /// $1 now, $2 the scheduler that asks. One of the version before is known by its shards alone.
    SCHEDULERS = "SELECT s.id, \
        (SELECT count(*) FROM shards h WHERE h.owner = s.id AND (h.until > $1 OR h.owner = $2)), \
        (SELECT count(*) FROM shards), \
        (SELECT count(*) FROM schedulers o WHERE o.until <= $1) \
        FROM (SELECT id FROM schedulers WHERE until > $1 \
            UNION SELECT owner FROM shards WHERE owner IS NOT NULL AND until > $1 \
            UNION SELECT $2) s ORDER BY s.id";
    FORGET = "DELETE FROM schedulers WHERE until <= $1";
    /// $1 scheduler, $2 now, $3 until, $4 how many at most. Turns of an epoch are numbered from
    /// the clock on, so that turns of two takeovers that got the same epoch, one of them lost
    /// with the database's last transactions, never continue each other.
    LEASE = "UPDATE shards SET \
        epoch = CASE WHEN owner = $1 THEN epoch ELSE epoch + 1 END, \
        turn = CASE WHEN owner = $1 THEN turn ELSE $2 END, owner = $1, until = $3 \
        WHERE owner = $1 OR ((owner IS NULL OR until <= $2) AND shard IN ( \
            SELECT f.shard FROM shards f WHERE (f.owner IS NULL OR f.until <= $2) AND $4 >= ( \
                SELECT count(*) FROM shards h WHERE h.owner = $1 OR \
                    ((h.owner IS NULL OR h.until <= $2) AND h.shard <= f.shard)))) \
        RETURNING shard, epoch, until, turn";
    RELEASE = "UPDATE shards SET owner = NULL, until = 0 WHERE owner = $1";
    GONE = "DELETE FROM schedulers WHERE id = $1";
    RELEASE_ONE = "UPDATE shards SET owner = NULL, until = 0 WHERE shard = $1 AND epoch = $2";
    RELEASE_ALL = "UPDATE shards SET owner = NULL, until = 0 WHERE owner IS NOT NULL";
    ALL_GONE = "DELETE FROM schedulers";
    SETTINGS = "SELECT version, max_active_tasks FROM settings WHERE shard = $1";
    pub(super) STATE = "SELECT s.epoch, s.turn, s.last_epoch, s.last_turn, coalesce(g.version, 0) FROM shards s \
        LEFT JOIN settings g ON g.shard = s.shard WHERE s.shard = $1";
    /// $1 shard, $2 epoch, $3 lost turns, $4 lost epochs, $5 now. What is lost is counted then, so no
    /// takeover counts it again.
    GIVE_UP = "UPDATE shards SET lost_turns = lost_turns + $3, \
        lost_at = CASE WHEN $3 > 0 THEN $5 ELSE lost_at END, \
        owner = CASE WHEN epoch > $2 THEN owner ELSE NULL END, \
        until = CASE WHEN epoch > $2 THEN until ELSE 0 END, \
        last_epoch = CASE WHEN epoch > $2 THEN last_epoch ELSE $2 END, \
        last_turn = CASE WHEN epoch > $2 THEN last_turn ELSE 9223372036854775807 END, \
        epoch = CASE WHEN epoch > $2 THEN epoch ELSE $2 + $4 END WHERE shard = $1";
    /// $1 shard, $2 epoch, $3 lost turns, $4 now.
    RECORD_LOST = "UPDATE shards SET lost_turns = lost_turns + $3, lost_at = $4, \
        last_epoch = epoch, last_turn = turn WHERE shard = $1 AND epoch = $2";
    TENANTS = "SELECT t.id, p.text, t.max_active_tasks, t.weight \
        FROM tenants t LEFT JOIN policies p ON p.tenant = t.id \
        WHERE t.shard = $1 ORDER BY t.id";
    POOLS = "SELECT p.tenant, p.name, p.slots FROM tenants t JOIN pools p ON p.tenant = t.id \
        WHERE t.shard = $1 ORDER BY p.tenant, p.name";
}

impl Database {
    pub(super) async fn fair_share(
        &self,
        scheduler: &str,
        lease: DurationMs,
    ) -> Result<u32, StoreError> {
        let backend = self.backend().for_leases();
        let now = self.lease_clock().await?;
        backend
            .write(THERE, args![scheduler, now.plus(lease)])
            .await?;
        let (mut shards, mut gone) = (0_u32, 0_u32);
        let mut schedulers = Vec::new();
        for mut row in backend.read(SCHEDULERS, args![now, scheduler]).await? {
            let id: String = row.take()?;
            schedulers.push((id, row.take()?));
            shards = row.take()?;
            gone = row.take()?;
        }
        if gone > 0 {
            backend.write(FORGET, args![now]).await?;
        }
        Ok(share_of(scheduler, schedulers, shards))
    }

    pub(super) async fn lease(
        &self,
        scheduler: &str,
        lease: DurationMs,
        at_most: u32,
    ) -> Result<Vec<ShardLease>, StoreError> {
        let now = self.lease_clock().await?;
        let args = args![scheduler, now, now.plus(lease), at_most];
        let rows = self.backend().for_leases().write(LEASE, args).await?;
        let mut leases = Vec::with_capacity(rows.len());
        for mut row in rows {
            leases.push(ShardLease {
                shard: row.take()?,
                epoch: row.take()?,
                until: row.take()?,
                turn: row.take()?,
            });
        }
        leases.sort_by_key(|lease| lease.shard);
        Ok(leases)
    }

    pub(super) async fn release(&self, scheduler: &str) -> Result<(), StoreError> {
        let backend = self.backend().for_leases();
        backend.write(RELEASE, args![scheduler]).await?;
        backend.write(GONE, args![scheduler]).await?;
        Ok(())
    }

    pub(super) async fn release_one(&self, lease: ShardLease) -> Result<(), StoreError> {
        let args = args![lease.shard, lease.epoch];
        self.backend().for_leases().write(RELEASE_ONE, args).await?;
        Ok(())
    }

    /// Forgets all leases, when no other process can hold one.
    pub(crate) async fn release_all(&self) -> Result<(), StoreError> {
        self.backend().write(RELEASE_ALL, args![]).await?;
        self.backend().write(ALL_GONE, args![]).await?;
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
        let tenants = backend.read(TENANTS, args![shard]).await?;
        let tenants = collect(tenants, Row::take, |tenant: Arc<str>, row| {
            Ok(TenantSettings {
                tenant: parse_tenant(&tenant)?,
                policy: row.take()?,
                max_active_tasks: row.take()?,
                weight: row.take()?,
            })
        })?;
        settings.tenants = tenants.readable;
        for Unreadable { key, why } in tenants.unreadable {
            // Nothing of the tenant is dispatched under bounds that are not known.
            settings
                .tenants
                .extend(parse_tenant(&key).map(held_back).ok());
            let key = format!("tenant {key}");
            settings.unreadable.push(Unreadable { key, why });
        }
        let pools = backend.read(POOLS, args![shard]).await?;
        let key = |row: &mut Row| Ok((row.take()?, row.take()?));
        let pools = collect(pools, key, |(tenant, name): (Arc<str>, Arc<str>), row| {
            Ok(Pool {
                tenant: parse_tenant(&tenant)?,
                name: name.to_string(),
                slots: row.take()?,
            })
        })?;
        settings.pools = pools.readable;
        for Unreadable { key, why } in pools.unreadable {
            let key = format!("pool {} of tenant {}", key.1, key.0);
            settings.unreadable.push(Unreadable { key, why });
        }
        Ok(settings)
    }

    pub(super) async fn state(&self, shard: ShardId) -> Result<ShardState, StoreError> {
        let row = self.backend().read_one(STATE, args![shard]).await?;
        row.map_or_else(|| Ok(ShardState::default()), read_state)
    }

    pub(super) async fn give_up(&self, lease: ShardLease, lost: Lost) -> Result<(), StoreError> {
        let now = self.lease_clock().await?;
        let turns = i64::try_from(lost.turns).unwrap_or(i64::MAX);
        let args = args![lease.shard, lease.epoch, turns, lost.epochs, now];
        self.backend().for_leases().write(GIVE_UP, args).await?;
        Ok(())
    }

    pub(super) async fn record_lost(
        &self,
        lease: ShardLease,
        turns: u64,
    ) -> Result<(), StoreError> {
        let now = self.lease_clock().await?;
        let turns = i64::try_from(turns).unwrap_or(i64::MAX);
        let args = args![lease.shard, lease.epoch, turns, now];
        self.backend().for_leases().write(RECORD_LOST, args).await?;
        Ok(())
    }

    /// Milliseconds by the database's clock: the server's, or, on SQLite, this machine's.
    pub(crate) async fn clock(&self) -> Result<Timestamp, StoreError> {
        let Some(statement) = self.backend().dialect().now() else {
            return Ok(machine_clock());
        };
        time_of(self.backend().read(statement, args![]).await?)
    }

    /// The same clock, read beside all calls but those for leases.
    pub(super) async fn lease_clock(&self) -> Result<Timestamp, StoreError> {
        let Some(statement) = self.backend().dialect().now() else {
            return Ok(machine_clock());
        };
        let backend = self.backend().for_leases();
        time_of(backend.read(statement, args![]).await?)
    }
}

/// The row of [`STATE`].
pub(super) fn read_state(mut row: Row) -> Result<ShardState, StoreError> {
    Ok(ShardState {
        epoch: row.take()?,
        turn: row.take()?,
        committed: TurnId {
            epoch: row.take()?,
            turn: row.take()?,
        },
        settings: row.take()?,
    })
}

fn time_of(rows: Vec<Row>) -> Result<Timestamp, StoreError> {
    match rows.into_iter().next() {
        Some(mut row) => row.take(),
        None => Err(StoreError::Defect("the clock gave no row".into())),
    }
}

fn parse_tenant(text: &str) -> Result<TenantId, StoreError> {
    text.parse()
        .map_err(|error| StoreError::Corrupt(format!("{error}")))
}

/// The settings of a tenant whose own can't be read.
const fn held_back(tenant: TenantId) -> TenantSettings {
    TenantSettings {
        tenant,
        policy: None,
        max_active_tasks: Some(0),
        weight: 1,
    }
}
