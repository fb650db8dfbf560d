//! Tenants, their limits, pools and policies: what operators set.
//!
//! Every change raises the settings' version of the shards that it concerns, in
//! the same transaction, so that schedulers take it up within a second.

use crate::{
    ChangeError, Database, Precondition,
    audit::{self, Change},
    backend::{Row, Tx, args, statements},
};
use std::sync::Arc;
use weft_core::{id::TenantId, time::Timestamp};
use weft_store::{Pool, ShardId, StoreError};

statements! {
    LIST = "SELECT id, shard, weight, max_active_tasks, created FROM tenants WHERE id > $1 ORDER BY id LIMIT $2";
    SHOW = "SELECT id, shard, weight, max_active_tasks, created FROM tenants WHERE id = $1";
    /// Changes nothing, and keeps others from changing the row until the transaction ends.
    LOCK_TENANT = "UPDATE tenants SET weight = weight WHERE id = $1 RETURNING shard";
    SHARD_OF = "SELECT shard FROM tenants WHERE id = $1";
    /// A new tenant goes to the shard that has the fewest.
    PUT = "WITH fewest AS (SELECT s.shard FROM shards s \
            ORDER BY (SELECT count(*) FROM tenants o WHERE o.shard = s.shard), s.shard LIMIT 1) \
        INSERT INTO tenants (id, shard, weight, max_active_tasks, created) \
        VALUES ($1, (SELECT shard FROM fewest), $2, $3, $4) \
        ON CONFLICT (id) DO UPDATE SET weight = excluded.weight, max_active_tasks = excluded.max_active_tasks \
        RETURNING shard";
    PUT_SHARD_LIMIT = "UPDATE settings SET max_active_tasks = $2 WHERE shard = $1";
    POOLS = "SELECT tenant, name, slots FROM pools WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3";
    PUT_POOL = "INSERT INTO pools (tenant, name, slots) VALUES ($1, $2, $3) \
        ON CONFLICT (tenant, name) DO UPDATE SET slots = excluded.slots";
    DELETE_POOL = "DELETE FROM pools WHERE tenant = $1 AND name = $2 RETURNING slots";
    POLICY = "SELECT text, updated, updated_by FROM policies WHERE tenant = $1";
    PUT_POLICY = "INSERT INTO policies (tenant, text, updated, updated_by) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (tenant) DO UPDATE SET text = excluded.text, updated = excluded.updated, updated_by = excluded.updated_by";
    DELETE_POLICY = "DELETE FROM policies WHERE tenant = $1";
    BUMP = "UPDATE settings SET version = version + 1 WHERE shard = $1";
}

/// A tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRow {
    /// Id of the tenant, unique within the installation.
    pub id: TenantId,
    /// Who schedules its DAGs.
    pub shard: ShardId,
    /// Its share against other tenants, from 1 to 1000; 100 is usual.
    pub weight: u32,
    /// Task instances at once.
    pub max_active_tasks: Option<u32>,
    /// When it was made.
    pub created: Timestamp,
}

/// What can be set of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantLimits {
    /// Its share against other tenants, from 1 to 1000.
    pub weight: u32,
    /// Task instances at once.
    pub max_active_tasks: Option<u32>,
}

impl Default for TenantLimits {
    fn default() -> Self {
        Self {
            weight: 100,
            max_active_tasks: None,
        }
    }
}

/// A policy file of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// TOML.
    pub text: Arc<str>,
    /// When it was set.
    pub updated: Timestamp,
    /// Who set it last, as the audit names them.
    pub updated_by: String,
}

/// A tenant's policy as it was seen; none where the default held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStamp(pub Option<PolicyRow>);

impl Database {
    /// Tenants by name, after `after`; at most `limit`. The default one always exists.
    pub async fn list_tenants(
        &self,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantRow>, StoreError> {
        let after = after.map_or("", |tenant| tenant.as_str());
        let rows = self.backend().read(LIST, args![after, limit]).await?;
        rows.into_iter().map(tenant_row).collect()
    }

    /// One tenant.
    pub async fn show_tenant(&self, tenant: &TenantId) -> Result<Option<TenantRow>, StoreError> {
        let row = self.backend().read_one(SHOW, args![tenant]).await?;
        row.map(tenant_row).transpose()
    }

    /// Makes a tenant or changes its limits.
    pub async fn put_tenant(
        &self,
        tenant: &TenantId,
        limits: TenantLimits,
        actor: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let row = tx
            .run_one(
                PUT,
                args![tenant, limits.weight, limits.max_active_tasks, now],
            )
            .await?;
        let shard = match row {
            Some(mut row) => row.take()?,
            None => return Err(StoreError::Defect("a tenant got no shard".into())),
        };
        let details = serde_json::json!({"weight": limits.weight, "max_active_tasks": limits.max_active_tasks});
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action: "tenant.put",
            subject: tenant.as_str(),
            details: Some(details.to_string()),
        };
        finish(tx, shard, change).await
    }

    /// Task instances at once over all tenants of a shard.
    pub async fn put_shard_limit(
        &self,
        shard: ShardId,
        max_active_tasks: Option<u32>,
        actor: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        tx.run(PUT_SHARD_LIMIT, args![shard, max_active_tasks])
            .await?;
        let details = serde_json::json!({"max_active_tasks": max_active_tasks});
        let change = Change {
            at: now,
            tenant: None,
            actor,
            action: "shard.limit",
            subject: &shard.0.to_string(),
            details: Some(details.to_string()),
        };
        finish(tx, shard, change).await
    }

    /// The tenant's pools by name, after `after`; at most `limit`.
    pub async fn list_pools(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Pool>, StoreError> {
        let rows = self
            .backend()
            .read(POOLS, args![tenant, after.unwrap_or(""), limit])
            .await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(Pool {
                    tenant: row.take()?,
                    name: row.take()?,
                    slots: row.take()?,
                })
            })
            .collect()
    }

    /// Makes a pool or changes its slots; `false` where there is no such tenant.
    pub async fn put_pool(&self, pool: &Pool, actor: &str) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let Some(shard) = shard_of(&mut tx, &pool.tenant).await? else {
            return Ok(false);
        };
        tx.run(PUT_POOL, args![&pool.tenant, &pool.name, pool.slots])
            .await?;
        let change = Change {
            at: now,
            tenant: Some(&pool.tenant),
            actor,
            action: "pool.put",
            subject: &pool.name,
            details: Some(serde_json::json!({"slots": pool.slots}).to_string()),
        };
        finish(tx, shard, change).await?;
        Ok(true)
    }

    /// Removes a pool; `false` where there was none.
    pub async fn delete_pool(
        &self,
        tenant: &TenantId,
        name: &str,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let Some(shard) = shard_of(&mut tx, tenant).await? else {
            return Ok(false);
        };
        if tx.run(DELETE_POOL, args![tenant, name]).await?.is_empty() {
            return Ok(false);
        }
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action: "pool.delete",
            subject: name,
            details: None,
        };
        finish(tx, shard, change).await?;
        Ok(true)
    }

    /// The tenant's policy; none where the default holds.
    pub async fn show_policy(&self, tenant: &TenantId) -> Result<Option<PolicyRow>, StoreError> {
        let row = self.backend().read_one(POLICY, args![tenant]).await?;
        row.map(policy_row).transpose()
    }

    /// Sets the tenant's policy, which the caller has read and found right;
    /// none goes back to the default. `false` where there is no such tenant.
    pub async fn put_policy<'a>(
        &self,
        tenant: &TenantId,
        text: Option<&str>,
        precondition: impl Into<Precondition<'a, PolicyStamp>> + Send,
    ) -> Result<bool, ChangeError> {
        let Precondition { actor, expected } = precondition.into();
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        // There may be no policy to lock, so the tenant is.
        let Some(mut row) = tx.run_one(LOCK_TENANT, args![tenant]).await? else {
            return Ok(false);
        };
        let shard = row.take()?;
        if let Some(PolicyStamp(expected)) = expected {
            let row = tx.run_one(POLICY, args![tenant]).await?;
            if row.map(policy_row).transpose()? != expected {
                return Err(ChangeError::ChangedMeanwhile);
            }
        }
        let action = if let Some(text) = text {
            tx.run(PUT_POLICY, args![tenant, text, now, actor]).await?;
            "policy.put"
        } else {
            tx.run(DELETE_POLICY, args![tenant]).await?;
            "policy.delete"
        };
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action,
            subject: tenant.as_str(),
            details: None,
        };
        finish(tx, shard, change).await?;
        Ok(true)
    }
}

fn policy_row(mut row: Row) -> Result<PolicyRow, StoreError> {
    Ok(PolicyRow {
        text: row.take()?,
        updated: row.take()?,
        updated_by: row.take()?,
    })
}

fn tenant_row(mut row: Row) -> Result<TenantRow, StoreError> {
    Ok(TenantRow {
        id: row.take()?,
        shard: row.take()?,
        weight: row.take()?,
        max_active_tasks: row.take()?,
        created: row.take()?,
    })
}

/// Who schedules a tenant's DAGs; none where there is no such tenant.
pub(crate) async fn shard_of(
    tx: &mut Tx,
    tenant: &TenantId,
) -> Result<Option<ShardId>, StoreError> {
    match tx.run_one(SHARD_OF, args![tenant]).await? {
        Some(mut row) => row.take().map(Some),
        None => Ok(None),
    }
}

/// Tells the shard's scheduler that something changed. Last in a transaction, since every
/// change of the shard waits for this row.
pub(crate) async fn bump(tx: &mut Tx, shard: ShardId) -> Result<(), StoreError> {
    tx.run(BUMP, args![shard]).await?;
    Ok(())
}

/// Writes the audit entry, raises the settings' version for the scheduler, and commits.
pub(crate) async fn finish(
    mut tx: Tx,
    shard: ShardId,
    change: Change<'_>,
) -> Result<(), StoreError> {
    audit::append(&mut tx, change).await?;
    bump(&mut tx, shard).await?;
    tx.commit().await
}
