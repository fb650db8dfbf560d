//! The names of workers, each of which belongs to a token.

use crate::{
    Database, TokenId,
    backend::{args, statements},
};
use std::time::Duration;
use weft_core::time::Timestamp;
use weft_store::StoreError;

statements! {
    /// $1 name, $2 token, $3 now, $4 names that were claimed before this belong to no token.
    CLAIM = "INSERT INTO worker_names (name, token, claimed) VALUES ($1, $2, $3) \
        ON CONFLICT (name) DO UPDATE SET token = excluded.token, claimed = excluded.claimed \
        WHERE worker_names.token = excluded.token OR worker_names.claimed < $4 \
            OR EXISTS (SELECT 1 FROM tokens t WHERE t.id = worker_names.token \
                AND (t.revoked IS NOT NULL OR t.expires <= $3)) \
        RETURNING name";
    FORGET = "DELETE FROM worker_names WHERE claimed < $1";
}

impl Database {
    /// Claims a name for the workers of a token. Returns `false` if it belongs to another token,
    /// which is valid and whose worker claimed it within `idle`.
    pub async fn claim_worker_name(
        &self,
        name: &str,
        token: TokenId,
        idle: Duration,
    ) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let before = before(now, idle);
        let args = args![name, token.0, now, before];
        Ok(!self.backend().write(CLAIM, args).await?.is_empty())
    }

    /// Forgets names that were not claimed within `idle`.
    pub async fn forget_worker_names(&self, idle: Duration) -> Result<(), StoreError> {
        let now = self.clock().await?;
        self.backend()
            .write(FORGET, args![before(now, idle)])
            .await?;
        Ok(())
    }
}

fn before(now: Timestamp, idle: Duration) -> Timestamp {
    let idle = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(idle))
}
