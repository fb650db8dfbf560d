//! Variables and connections: sealed values by name.
//!
//! The value is opaque here; [`crate::secret`] seals and opens it. What stands
//! beside it (`about`) is not secret and is shown in lists.

use crate::{
    Database, StoreError,
    secret::{Keyring, Sealed, SecretKind},
};
use std::sync::Arc;
use weft_core::{id::TenantId, time::Timestamp};

/// A variable or connection without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Whose.
    pub tenant: TenantId,
    /// Which of the two.
    pub kind: SecretKind,
    /// Its name.
    pub name: String,
    /// What may be shown of it: JSON.
    pub about: Arc<str>,
    /// When it was set.
    pub updated: Timestamp,
    /// By whom.
    pub updated_by: String,
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
        todo!()
    }

    /// One with its sealed value.
    pub async fn show_secret(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        name: &str,
    ) -> Result<Option<(SecretRow, Sealed)>, StoreError> {
        todo!()
    }

    /// Makes or replaces it. `about` is JSON that may be shown.
    pub async fn put_secret(
        &self,
        place: &crate::secret::SecretPlace,
        about: &str,
        value: &Sealed,
        by: &str,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// Removes it; `false` where there was none.
    pub async fn delete_secret(
        &self,
        place: &crate::secret::SecretPlace,
        by: &str,
    ) -> Result<bool, StoreError> {
        todo!()
    }

    /// Seals up to `limit` values anew that aren't sealed with the keyring's
    /// current key; returns how many. Zero means that the old keys may go.
    pub async fn rotate_secrets(&self, keys: &Keyring, limit: u32) -> Result<u32, RotateError> {
        todo!()
    }
}

/// Why values were not sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// A value can't be opened with any key of the ring.
    #[error(transparent)]
    Secret(#[from] crate::secret::SecretError),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}
