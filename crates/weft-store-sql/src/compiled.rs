//! Where compiled code lies: which blob, for which component, machines and key.
//!
//! A row is a finding aid that may be wrong: its blob may be gone, and what is
//! in it is believed for its signature alone.

use crate::{
    Database,
    backend::{args, statements},
};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    id::TenantId,
    time::{DurationMs, Timestamp},
};
use weft_store::StoreError;

statements! {
    PUT = "INSERT INTO compiled (tenant, component, name, signer, digest, used) VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (tenant, component, name, signer) DO UPDATE SET digest = excluded.digest, used = excluded.used";
    FIND = "SELECT digest, used FROM compiled WHERE tenant = $1 AND component = $2 AND name = $3 AND signer = $4";
    USED = "UPDATE compiled SET used = $5 WHERE tenant = $1 AND component = $2 AND name = $3 AND signer = $4 \
        RETURNING name";
    PAGE = "SELECT tenant, component, name, signer, digest, used FROM compiled \
        WHERE (tenant, component, name, signer) > ($1, $2, $3, $4) ORDER BY tenant, component, name, signer LIMIT $5";
    FORGET = "DELETE FROM compiled WHERE tenant = $1 AND component = $2 AND name = $3 AND signer = $4 AND used = $5 \
        RETURNING name";
}

/// A use is written down once in this time.
const USE_EVERY: DurationMs = DurationMs(24 * 60 * 60 * 1_000);

/// Which code.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CompiledKey {
    /// Tenant that the code was compiled for.
    pub tenant: TenantId,
    /// The file that it was compiled from.
    pub component: Digest,
    /// What for, as the sandbox names it.
    pub name: Arc<str>,
    /// The key that it is signed with, as the sandbox writes it.
    pub signer: Arc<str>,
}

/// Code that lies somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledRow {
    /// Key of the compiled code.
    pub key: CompiledKey,
    /// Its blob.
    pub digest: Digest,
    /// When it was last requested, to a day.
    pub used: Timestamp,
}

impl Database {
    /// Says where code lies; what was said before about the same code is replaced.
    pub async fn put_compiled(&self, key: &CompiledKey, digest: &Digest) -> Result<(), StoreError> {
        let now = self.clock().await?;
        let CompiledKey {
            tenant,
            component,
            name,
            signer,
        } = key;
        let args = args![tenant, component, name, signer, digest, now];
        self.backend().write(PUT, args).await?;
        Ok(())
    }

    /// Where the compiled code is.
    pub async fn find_compiled(&self, key: &CompiledKey) -> Result<Option<Digest>, StoreError> {
        let CompiledKey {
            tenant,
            component,
            name,
            signer,
        } = key;
        let args = args![tenant, component, name, signer];
        let Some(mut row) = self.backend().read_one(FIND, args).await? else {
            return Ok(None);
        };
        let (digest, used): (Digest, Timestamp) = (row.take()?, row.take()?);
        let now = self.clock().await?;
        if used.plus(USE_EVERY) < now {
            let args = args![tenant, component, name, signer, now];
            self.backend().write(USED, args).await?;
        }
        Ok(Some(digest))
    }

    /// All that is known to lie somewhere, by page: after `after`, at most `limit`.
    pub async fn compiled_page(
        &self,
        after: Option<&CompiledKey>,
        limit: u32,
    ) -> Result<Vec<CompiledRow>, StoreError> {
        let (tenant, name, signer) = after.map_or(("", "", ""), |key| {
            (key.tenant.as_str(), &*key.name, &*key.signer)
        });
        let component = after.map_or(&[][..], |key| &key.component.0[..]);
        let args = args![tenant, component, name, signer, limit];
        let rows = self.backend().read(PAGE, args).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(CompiledRow {
                    key: CompiledKey {
                        tenant: row.take()?,
                        component: row.take()?,
                        name: row.take()?,
                        signer: row.take()?,
                    },
                    digest: row.take()?,
                    used: row.take()?,
                })
            })
            .collect()
    }

    /// Forgets it, unless it was used or made since it was read; its blob stays.
    pub async fn forget_compiled(&self, row: &CompiledRow) -> Result<bool, StoreError> {
        let CompiledKey {
            tenant,
            component,
            name,
            signer,
        } = &row.key;
        let args = args![tenant, component, name, signer, row.used];
        Ok(!self.backend().write(FORGET, args).await?.is_empty())
    }
}
