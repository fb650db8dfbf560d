//! Answers that are given again when a request comes again under its key.

use crate::{
    Database,
    backend::{args, statements},
};
use std::sync::Arc;
use weft_core::{digest::Digest, id::TenantId, time::Timestamp};
use weft_store::StoreError;

statements! {
    REMEMBER = "INSERT INTO answers (tenant, key, request, status, body, created) VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (tenant, key) DO NOTHING RETURNING created";
    RECALL = "SELECT request, status, body, created FROM answers WHERE tenant = $1 AND key = $2";
}

/// A response that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The digest of the request: another one under the same key is a mistake.
    pub request: Digest,
    /// The answer's status.
    pub status: u16,
    /// The answer's body.
    pub body: Arc<str>,
    /// When the response was stored.
    pub created: Timestamp,
}

impl Database {
    /// Keeps an answer unless one is kept already; returns the one that is kept.
    pub async fn put_response(
        &self,
        tenant: &TenantId,
        key: &str,
        request: &Digest,
        status: u16,
        body: &str,
    ) -> Result<StoredResponse, StoreError> {
        let now = self.clock().await?;
        let kept = self
            .backend()
            .write(REMEMBER, args![tenant, key, request, status, body, now])
            .await?;
        if !kept.is_empty() {
            return Ok(StoredResponse {
                request: *request,
                status,
                body: body.into(),
                created: now,
            });
        }
        match self.find_response(tenant, key).await? {
            Some(before) => Ok(before),
            // It was too old and was deleted between the two.
            None => Err(StoreError::Unavailable(
                "an answer vanished while it was kept".into(),
            )),
        }
    }

    /// The answer that is kept.
    pub async fn find_response(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<StoredResponse>, StoreError> {
        let Some(mut row) = self.backend().read_one(RECALL, args![tenant, key]).await? else {
            return Ok(None);
        };
        Ok(Some(StoredResponse {
            request: row.take()?,
            status: row.take()?,
            body: row.take()?,
            created: row.take()?,
        }))
    }
}
