//! Webhooks: addresses by which other systems trigger runs of a DAG.
//!
//! What signs their requests is a secret as others are. A webhook belongs to a DAG, not to its
//! name: a DAG that is deleted takes its webhooks with it.

use crate::{
    Database,
    backend::{Row, Tx, args, statements},
    secret::{KeyId, Sealed, SecretAddress, SecretKind},
    secrets,
};
use std::sync::Arc;
use weft_core::{
    id::{DagId, TenantId},
    time::Timestamp,
};
use weft_store::{DagKey, StoreError};

/// The most webhooks of one DAG.
pub const MAX_WEBHOOKS: u32 = 100;

statements! {
    COUNT = "SELECT count(*) FROM (SELECT 1 FROM dags d CROSS JOIN webhooks w \
        WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL AND w.dag = d.key LIMIT $3) counted";
    INSERT = "INSERT INTO webhooks (id, tenant, dag, name, about, created, created_by) \
        SELECT CAST($3 AS TEXT), d.tenant, d.key, CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS TEXT) \
        FROM dags d WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL ON CONFLICT DO NOTHING RETURNING id";
    LIST = "SELECT w.id, w.tenant, d.id, w.name, w.about, w.created, w.created_by FROM dags d CROSS JOIN webhooks w \
        WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL AND w.dag = d.key AND w.name > $3 ORDER BY w.name LIMIT $4";
    SHOW = "SELECT w.id, w.tenant, d.id, w.name, w.about, w.created, w.created_by FROM dags d CROSS JOIN webhooks w \
        WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL AND w.dag = d.key AND w.name = $3";
    /// With what opens its secret.
    FIND = "SELECT w.id, w.tenant, d.id, w.name, w.about, w.created, w.created_by, s.key_id, s.sealed \
        FROM webhooks w CROSS JOIN dags d CROSS JOIN secrets s \
        WHERE w.id = $1 AND d.key = w.dag AND d.deleted IS NULL AND s.tenant = w.tenant AND s.kind = 4 AND s.name = w.id";
    DELETE = "DELETE FROM webhooks WHERE id = $1";
    OF_DAG = "SELECT id FROM webhooks WHERE dag = $1";
}

/// A webhook without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// The public part of its URL.
    pub id: String,
    /// Tenant that owns the DAG.
    pub tenant: TenantId,
    /// DAG that it triggers.
    pub dag: DagId,
    /// Its name, unique within the DAG.
    pub name: String,
    /// What it takes and what becomes of it: JSON.
    pub about: Arc<str>,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// A webhook to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook<'a> {
    /// Where its secret is: the kind is [`SecretKind::Webhook`], the name its random id.
    pub address: &'a SecretAddress,
    /// DAG that it triggers.
    pub dag: &'a DagId,
    /// Its name, unique within the DAG.
    pub name: &'a str,
    /// What it takes and what becomes of it: JSON.
    pub about: &'a str,
    /// What signs its requests.
    pub secret: &'a Sealed,
    /// Who makes it.
    pub by: &'a str,
}

/// Why a webhook was not made.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The DAG has one of this name, or there is no such DAG.
    #[error("the DAG has a webhook of this name, or there is no such DAG")]
    Refused,
    /// More than [`MAX_WEBHOOKS`].
    #[error("a DAG has at most {MAX_WEBHOOKS} webhooks")]
    TooMany,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Makes a webhook of a DAG.
    pub async fn create_webhook(&self, new: NewWebhook<'_>) -> Result<(), WebhookError> {
        let NewWebhook {
            address,
            dag,
            name,
            about,
            secret,
            by,
        } = new;
        let (tenant, id) = (&address.tenant, &address.name);
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let count = tx.run_one(COUNT, args![tenant, dag, MAX_WEBHOOKS]).await?;
        let count: u32 = count.map_or(Ok(0), |mut row| row.take())?;
        if count >= MAX_WEBHOOKS {
            return Err(WebhookError::TooMany);
        }
        let row = args![tenant, dag, id, name, about, now, by];
        if tx.run_one(INSERT, row).await?.is_none() {
            return Err(WebhookError::Refused);
        }
        let shown = serde_json::json!({ "dag": dag.as_str(), "name": name }).to_string();
        secrets::put(&mut tx, address, (&shown, secret), (now, by)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The webhooks of a DAG by name, after `after`.
    pub async fn list_webhooks(
        &self,
        (tenant, dag): (&TenantId, &DagId),
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<WebhookRow>, StoreError> {
        let values = args![tenant, dag, after.unwrap_or(""), limit];
        let rows = self.backend().read(LIST, values).await?;
        rows.into_iter()
            .map(|mut row| webhook_row(&mut row))
            .collect()
    }

    /// A DAG's webhook of this name.
    pub async fn show_webhook(
        &self,
        (tenant, dag): (&TenantId, &DagId),
        name: &str,
    ) -> Result<Option<WebhookRow>, StoreError> {
        let row = self
            .backend()
            .read_one(SHOW, args![tenant, dag, name])
            .await?;
        row.map(|mut row| webhook_row(&mut row)).transpose()
    }

    /// The webhook with this id, whatever its tenant, and its sealed secret.
    pub async fn find_webhook(&self, id: &str) -> Result<Option<(WebhookRow, Sealed)>, StoreError> {
        let Some(mut row) = self.backend().read_one(FIND, args![id]).await? else {
            return Ok(None);
        };
        let found = webhook_row(&mut row)?;
        let sealed = Sealed {
            key: KeyId(row.take()?),
            bytes: row.take()?,
        };
        Ok(Some((found, sealed)))
    }

    /// Replaces what signs a webhook's requests; `false` where there is no such tenant.
    pub async fn replace_webhook_secret(
        &self,
        webhook: &WebhookRow,
        secret: &Sealed,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let shown =
            serde_json::json!({ "dag": webhook.dag.as_str(), "name": webhook.name }).to_string();
        self.put_secret(&webhook.address(), &shown, secret, actor)
            .await
    }

    /// Removes a webhook.
    pub async fn delete_webhook(
        &self,
        webhook: &WebhookRow,
        actor: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        secrets::delete(&mut tx, &webhook.address(), (now, actor)).await?;
        tx.run(DELETE, args![&webhook.id]).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl WebhookRow {
    /// Where its secret is.
    pub fn address(&self) -> SecretAddress {
        SecretAddress {
            tenant: self.tenant.clone(),
            kind: SecretKind::Webhook,
            name: self.id.clone(),
        }
    }
}

/// Removes the webhooks of a DAG that is deleted.
pub(crate) async fn delete_of_dag(
    tx: &mut Tx,
    tenant: &TenantId,
    dag: DagKey,
    by: (Timestamp, &str),
) -> Result<(), StoreError> {
    for mut row in tx.run(OF_DAG, args![dag]).await? {
        let id: String = row.take()?;
        tx.run(DELETE, args![&id]).await?;
        let address = SecretAddress {
            tenant: tenant.clone(),
            kind: SecretKind::Webhook,
            name: id,
        };
        secrets::delete(tx, &address, by).await?;
    }
    Ok(())
}

fn webhook_row(row: &mut Row) -> Result<WebhookRow, StoreError> {
    Ok(WebhookRow {
        id: row.take()?,
        tenant: row.take()?,
        dag: row.take()?,
        name: row.take()?,
        about: row.take()?,
        created: row.take()?,
        created_by: row.take()?,
    })
}
