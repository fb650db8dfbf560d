//! Variables, connections, destinations and webhooks: sealed values by name.
//!
//! The value is opaque here; [`crate::secret`] seals and opens it. What is
//! beside it (`about`) is not secret and is shown in lists.

use crate::{
    Database,
    audit::{self, Change},
    backend::{Row, Tx, args, statements},
    encoding,
    secret::{KeyId, Keyring, Sealed, SecretAddress, SecretError, SecretKind},
};
use std::sync::Arc;
use weft_core::{id::TenantId, time::Timestamp};
use weft_store::StoreError;

statements! {
    LIST = "SELECT tenant, kind, name, about, updated, updated_by FROM secrets \
        WHERE tenant = $1 AND kind = $2 AND name > $3 ORDER BY name LIMIT $4";
    SHOW = "SELECT tenant, kind, name, about, updated, updated_by, key_id, sealed FROM secrets \
        WHERE tenant = $1 AND kind = $2 AND name = $3";
    PUT = "INSERT INTO secrets (tenant, kind, name, about, key_id, sealed, updated, updated_by) \
        SELECT t.id, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), $6, \
        CAST($7 AS BIGINT), CAST($8 AS TEXT) FROM tenants t WHERE t.id = $1 \
        ON CONFLICT (tenant, kind, name) DO UPDATE SET about = excluded.about, key_id = excluded.key_id, \
        sealed = excluded.sealed, updated = excluded.updated, updated_by = excluded.updated_by RETURNING name";
    DELETE = "DELETE FROM secrets WHERE tenant = $1 AND kind = $2 AND name = $3 RETURNING name";
    SEALED_OTHERWISE = "SELECT tenant, kind, name, key_id, sealed FROM secrets \
        WHERE key_id <> $1 ORDER BY tenant, kind, name LIMIT $2";
    KEYS = "SELECT key_id, count(*) FROM secrets GROUP BY key_id ORDER BY key_id";
    RESEAL = "UPDATE secrets SET key_id = $4, sealed = $5 \
        WHERE tenant = $1 AND kind = $2 AND name = $3 AND sealed = $6 RETURNING name";
}

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Tenant that owns the value.
    pub tenant: TenantId,
    /// What it is.
    pub kind: SecretKind,
    /// Its name, unique within a tenant and kind.
    pub name: String,
    /// What may be shown of it: JSON.
    pub about: Arc<str>,
    /// When it was set.
    pub updated: Timestamp,
    /// Who set it last, as the audit names them.
    pub updated_by: String,
}

/// What the database holds of a variable.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredVariable {
    /// Its value.
    Value(String),
    /// Where its value is kept, as [`SecretRow::reference`].
    Reference(String),
}

impl std::fmt::Debug for StoredVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Value"),
            Self::Reference(reference) => f.debug_tuple("Reference").field(reference).finish(),
        }
    }
}

impl SecretRow {
    /// Where the value of a variable is kept, if that is not the database.
    ///
    /// # Errors
    /// The row is damaged.
    pub fn reference(&self) -> Result<Option<String>, StoreError> {
        encoding::decode_reference(&self.about)
    }
}

/// Why a variable was not opened. Never holds its value.
#[derive(Debug, thiserror::Error)]
pub enum VariableError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key is not there, or the value is damaged.
    #[error(transparent)]
    Sealed(#[from] SecretError),
    /// It is no text.
    #[error("the variable {0:?} is not UTF-8")]
    NotText(String),
}

impl Database {
    /// Names and what may be shown, by name, after `after`; at most `limit`.
    pub async fn list_secrets(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<SecretRow>, StoreError> {
        let after = after.unwrap_or("");
        let rows = self
            .backend()
            .read(LIST, args![tenant, kind as i16, after, limit])
            .await?;
        rows.into_iter()
            .map(|mut row| secret_row(&mut row))
            .collect()
    }

    /// One with its sealed value.
    pub async fn show_secret(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        name: &str,
    ) -> Result<Option<(SecretRow, Sealed)>, StoreError> {
        let row = self
            .backend()
            .read_one(SHOW, args![tenant, kind as i16, name])
            .await?;
        let Some(mut row) = row else {
            return Ok(None);
        };
        Ok(Some((secret_row(&mut row)?, sealed(&mut row)?)))
    }

    /// A tenant's variable, its value opened; none where it has none of this name.
    pub async fn open_variable(
        &self,
        keys: &Keyring,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<StoredVariable>, VariableError> {
        let found = self.show_secret(tenant, SecretKind::Variable, name).await?;
        let Some((row, sealed)) = found else {
            return Ok(None);
        };
        if let Some(reference) = encoding::decode_reference(&row.about)? {
            return Ok(Some(StoredVariable::Reference(reference)));
        }
        let address = SecretAddress {
            tenant: tenant.clone(),
            kind: SecretKind::Variable,
            name: name.to_owned(),
        };
        let value = keys.open(&address, &sealed)?;
        String::from_utf8(value)
            .map(|value| Some(StoredVariable::Value(value)))
            .map_err(|_not_text| VariableError::NotText(name.to_owned()))
    }

    /// Makes or replaces it; `false` where there is no such tenant. `about` is JSON that may be shown.
    pub async fn put_secret(
        &self,
        address: &SecretAddress,
        about: &str,
        value: &Sealed,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        if !put(&mut tx, address, (about, value), (now, actor)).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Removes it; `false` where there was none.
    pub async fn delete_secret(
        &self,
        address: &SecretAddress,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        if !delete(&mut tx, address, (now, actor)).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The keys that values are sealed with, and how many with each.
    pub async fn sealing_keys(&self) -> Result<Vec<(KeyId, u64)>, StoreError> {
        let rows = self.backend().read(KEYS, args![]).await?;
        rows.into_iter()
            .map(|mut row| Ok((KeyId(row.take()?), row.take()?)))
            .collect()
    }

    /// Seals up to `limit` values anew that aren't sealed with the keyring's
    /// current key; returns how many. Zero means that the old keys may go.
    pub async fn rotate_secrets(&self, keys: &Keyring, limit: u32) -> Result<u32, RotateError> {
        let rows = self
            .backend()
            .read(SEALED_OTHERWISE, args![keys.current().0, limit])
            .await?;
        let mut rotated = 0;
        for mut row in rows {
            let address = SecretAddress {
                tenant: row.take()?,
                kind: decode_run_kind(row.take()?)?,
                name: row.take()?,
            };
            let old = sealed(&mut row)?;
            let new = keys.seal(&address, &keys.open(&address, &old)?)?;
            // A value that was set meanwhile stays as it was set.
            let done = self
                .backend()
                .write(
                    RESEAL,
                    args![
                        &address.tenant,
                        address.kind as i16,
                        &address.name,
                        new.key.0,
                        &*new.bytes,
                        &*old.bytes
                    ],
                )
                .await?;
            rotated += u32::from(!done.is_empty());
        }
        Ok(rotated)
    }
}

/// Makes or replaces a secret, with its entry in the audit; `false` where there is no such tenant.
pub(crate) async fn put(
    tx: &mut Tx,
    address: &SecretAddress,
    (about, value): (&str, &Sealed),
    (now, actor): (Timestamp, &str),
) -> Result<bool, StoreError> {
    let made = tx
        .run_one(
            PUT,
            args![
                &address.tenant,
                address.kind as i16,
                &address.name,
                about,
                value.key.0,
                &*value.bytes,
                now,
                actor
            ],
        )
        .await?;
    if made.is_some() {
        audit::append(tx, change(address, now, actor, Done::Put)).await?;
    }
    Ok(made.is_some())
}

/// Removes a secret, with its entry in the audit; `false` where there was none.
pub(crate) async fn delete(
    tx: &mut Tx,
    address: &SecretAddress,
    (now, actor): (Timestamp, &str),
) -> Result<bool, StoreError> {
    let key = args![&address.tenant, address.kind as i16, &address.name];
    let gone = tx.run_one(DELETE, key).await?;
    if gone.is_some() {
        audit::append(tx, change(address, now, actor, Done::Deleted)).await?;
    }
    Ok(gone.is_some())
}

/// Why values were not sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// A value can't be opened with any key of the ring.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was done to a secret.
#[derive(Clone, Copy)]
enum Done {
    Put,
    Deleted,
}

fn change<'a>(address: &'a SecretAddress, at: Timestamp, actor: &'a str, done: Done) -> Change<'a> {
    Change {
        at,
        tenant: Some(&address.tenant),
        actor,
        action: match (address.kind, done) {
            (SecretKind::Variable, Done::Put) => "variable.put",
            (SecretKind::Variable, Done::Deleted) => "variable.delete",
            (SecretKind::Connection, Done::Put) => "connection.put",
            (SecretKind::Connection, Done::Deleted) => "connection.delete",
            (SecretKind::Destination, Done::Put) => "destination.put",
            (SecretKind::Destination, Done::Deleted) => "destination.delete",
            (SecretKind::Webhook, Done::Put) => "webhook.put",
            (SecretKind::Webhook, Done::Deleted) => "webhook.delete",
        },
        subject: &address.name,
        details: None,
    }
}

fn decode_run_kind(number: i64) -> Result<SecretKind, StoreError> {
    Ok(match number {
        1 => SecretKind::Variable,
        2 => SecretKind::Connection,
        3 => SecretKind::Destination,
        4 => SecretKind::Webhook,
        other => return Err(encoding::unknown_number("kind of secret", other)),
    })
}

fn secret_row(row: &mut Row) -> Result<SecretRow, StoreError> {
    Ok(SecretRow {
        tenant: row.take()?,
        kind: decode_run_kind(row.take()?)?,
        name: row.take()?,
        about: row.take()?,
        updated: row.take()?,
        updated_by: row.take()?,
    })
}

fn sealed(row: &mut Row) -> Result<Sealed, StoreError> {
    Ok(Sealed {
        key: KeyId(row.take()?),
        bytes: row.take()?,
    })
}
