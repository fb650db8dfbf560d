//! Tokens of people and programs. Only their SHA-256 is stored.

use crate::{
    Database,
    audit::{self, Change},
    backend::{Row, args, statements},
    encoding,
};
use weft_core::{digest::Digest, id::TenantId, time::Timestamp};
use weft_store::StoreError;

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT id, name, tenant, role, created, created_by, expires, revoked, last_used FROM tokens WHERE ",
            $which
        )
    };
}

statements! {
    CREATE = "INSERT INTO tokens (hash, name, tenant, role, created, created_by, expires) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    FIND = select!("hash = $1");
    UNTOUCHED = "SELECT id FROM tokens WHERE id = $1 AND (last_used IS NULL OR last_used < $2)";
    TOUCH = "UPDATE tokens SET last_used = $2 WHERE id = $1";
    LIST_ALL = select!("id > $1 ORDER BY id LIMIT $2");
    LIST_OF_TENANT = select!("tenant = $3 AND id > $1 ORDER BY id LIMIT $2");
    /// Lets one process revoke an administrator's token at a time: two that revoke each other's
    /// must not both find that there is another one.
    LOCK = "UPDATE settings SET version = version WHERE shard = 0";
    OTHER_ADMIN = "SELECT id FROM tokens WHERE tenant IS NULL AND id <> $1 AND role = 1 \
        AND revoked IS NULL AND expires IS NULL LIMIT 1";
    REVOKE = "UPDATE tokens SET revoked = $2 WHERE id = $1 AND revoked IS NULL RETURNING tenant, name, role";
}

/// A token in use is written once in this time.
const TOUCHED_AT_MOST_EACH_MS: i64 = 60_000;

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
    /// Claim and report tasks, directly in the installation's Redis where there is one.
    TrustedWorker = 6,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Row of the token.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Where it holds; none means everywhere.
    pub tenant: Option<TenantId>,
    /// What it allows.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// Who created it, as the audit names them.
    pub created_by: String,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used: Option<Timestamp>,
}

/// What became of a token that was to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It is worth nothing from now on.
    Done,
    /// There is none, or it was revoked before.
    Unknown,
    /// It is the last administrator's token of the whole installation that does not
    /// expire: without it no other could be made.
    LastAdmin,
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
    pub async fn create_token(&self, token: &NewToken, actor: &str) -> Result<TokenId, StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let row = tx
            .run_one(
                CREATE,
                args![
                    &token.hash,
                    &token.name,
                    token.tenant.as_ref(),
                    token.role as i16,
                    now,
                    actor,
                    token.expires
                ],
            )
            .await?;
        let id: i64 = match row {
            Some(mut row) => row.take()?,
            None => return Err(StoreError::Defect("a token got no number".into())),
        };
        let change = Change {
            at: now,
            tenant: token.tenant.as_ref(),
            actor,
            action: "token.create",
            subject: &token.name,
            details: Some(serde_json::json!({ "id": id }).to_string()),
        };
        audit::append(&mut tx, change).await?;
        tx.commit().await?;
        Ok(TokenId(id))
    }

    /// The token with this hash, whatever became of it: the caller looks at `expires` and `revoked`.
    pub async fn find_token(&self, hash: &Digest) -> Result<Option<TokenRow>, StoreError> {
        // Found by an index over hashes of what is random: the time it takes reveals nothing
        // that helps to guess a token.
        let row = self.backend().read_one(FIND, args![hash]).await?;
        row.map(token_row).transpose()
    }

    /// Notes that a token was used; once a minute at most it is written.
    pub async fn touch_token(&self, token: TokenId) -> Result<(), StoreError> {
        let now = self.clock().await?;
        let stale = Timestamp(now.0 - TOUCHED_AT_MOST_EACH_MS);
        let row = self
            .backend()
            .read_one(UNTOUCHED, args![token.0, stale])
            .await?;
        if row.is_some() {
            self.backend().write(TOUCH, args![token.0, now]).await?;
        }
        Ok(())
    }

    /// Tokens that hold in this tenant alone, or, without one, all; by row, after `after`; at most `limit`.
    pub async fn list_tokens(
        &self,
        tenant: Option<&TenantId>,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<TokenRow>, StoreError> {
        let after = after.map_or(0, |id| id.0);
        let rows = match tenant {
            None => self.backend().read(LIST_ALL, args![after, limit]).await?,
            Some(tenant) => {
                self.backend()
                    .read(LIST_OF_TENANT, args![after, limit, tenant])
                    .await?
            }
        };
        rows.into_iter().map(token_row).collect()
    }

    /// Revokes it, unless it is the last one that may make others.
    pub async fn revoke_token(
        &self,
        token: TokenId,
        actor: &str,
    ) -> Result<Revocation, StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        tx.run(LOCK, args![]).await?;
        let Some(mut row) = tx.run_one(REVOKE, args![token.0, now]).await? else {
            return Ok(Revocation::Unknown);
        };
        let tenant: Option<TenantId> = row.take()?;
        let name: String = row.take()?;
        let is_admin = row.take::<i64>()? == Role::Admin as i64;
        if is_admin && tenant.is_none() && tx.run_one(OTHER_ADMIN, args![token.0]).await?.is_none()
        {
            return Ok(Revocation::LastAdmin);
        }
        let change = Change {
            at: now,
            tenant: tenant.as_ref(),
            actor,
            action: "token.revoke",
            subject: &name,
            details: Some(serde_json::json!({ "id": token.0 }).to_string()),
        };
        audit::append(&mut tx, change).await?;
        tx.commit().await?;
        Ok(Revocation::Done)
    }
}

fn token_row(mut row: Row) -> Result<TokenRow, StoreError> {
    Ok(TokenRow {
        id: TokenId(row.take()?),
        name: row.take()?,
        tenant: row.take()?,
        role: match row.take()? {
            1 => Role::Admin,
            2 => Role::Operator,
            3 => Role::Viewer,
            4 => Role::Worker,
            5 => Role::Deployer,
            6 => Role::TrustedWorker,
            other => return Err(encoding::unknown_number("role", other)),
        },
        created: row.take()?,
        created_by: row.take()?,
        expires: row.take()?,
        revoked: row.take()?,
        last_used: row.take()?,
    })
}
