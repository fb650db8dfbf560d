//! Tokens of people and programs. Only their SHA-256 stands here.

use crate::{Database, StoreError};
use weft_core::{digest::Digest, id::TenantId, time::Timestamp};

/// The row of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub i64);

/// What the bearer of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum Role {
    /// Everything, in every tenant where the token has none.
    Admin = 1,
    /// Trigger and operate runs; set variables, connections, pools.
    Operator = 2,
    /// Look.
    Viewer = 3,
    /// Claim and report tasks.
    Worker = 4,
    /// Deploy, and operate runs.
    Deployer = 5,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its row.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Where it holds; none means everywhere.
    pub tenant: Option<TenantId>,
    /// What it allows.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used: Option<Timestamp>,
}

/// A token that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// Where it holds; none means everywhere.
    pub tenant: Option<TenantId>,
    /// What it allows.
    pub role: Role,
    /// The SHA-256 of the token, which must have at least 128 random bits.
    pub hash: Digest,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
}

impl Database {
    /// Makes a token.
    pub async fn create_token(&self, token: &NewToken, by: &str) -> Result<TokenId, StoreError> {
        todo!()
    }

    /// The token with this hash, whatever became of it: the caller looks at `expires` and `revoked`.
    pub async fn find_token(&self, hash: &Digest) -> Result<Option<TokenRow>, StoreError> {
        todo!()
    }

    /// Notes that a token was used; once a minute at most it is written.
    pub async fn touch_token(&self, token: TokenId) -> Result<(), StoreError> {
        todo!()
    }

    /// Tokens that hold in this tenant alone, or, without one, all; by row, after `after`; at most `limit`.
    pub async fn list_tokens(
        &self,
        tenant: Option<&TenantId>,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<TokenRow>, StoreError> {
        todo!()
    }

    /// Revokes it; `false` where there is none, or it was revoked before.
    pub async fn revoke_token(&self, token: TokenId, by: &str) -> Result<bool, StoreError> {
        todo!()
    }
}
