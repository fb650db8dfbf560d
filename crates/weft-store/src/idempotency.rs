//! Answers that are given again when a request comes again under its key.

use crate::{Database, StoreError};
use std::sync::Arc;
use weft_core::{digest::Digest, id::TenantId, time::Timestamp};

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedAnswer {
    /// The digest of the request: another one under the same key is a mistake.
    pub request: Digest,
    /// The answer's status.
    pub status: u16,
    /// The answer's body.
    pub body: Arc<str>,
    /// When.
    pub created: Timestamp,
}

impl Database {
    /// Keeps an answer unless one is kept already; returns the one that is kept.
    pub async fn remember_answer(
        &self,
        tenant: &TenantId,
        key: &str,
        request: &Digest,
        status: u16,
        body: &str,
    ) -> Result<RememberedAnswer, StoreError> {
        todo!()
    }

    /// The answer that is kept.
    pub async fn recall_answer(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<RememberedAnswer>, StoreError> {
        todo!()
    }
}
