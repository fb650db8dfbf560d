//! Tokens and the roles they carry.

use crate::Time;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks at everything but secrets, tokens and the audit.
    Viewer,
    /// Also runs, cancels, clears, marks and pauses, and sets variables, connections and pools.
    Operator,
    /// Also deploys, activates and deletes; does not set variables, connections or pools.
    Deployer,
    /// Everything, also the policy, tokens and the audit.
    Admin,
    /// Nothing of these: runs tasks, as `wfctl worker`.
    Worker,
    /// As a worker, and trusted with the whole installation: where the server has a Redis, it
    /// gets short-lived credentials to take tasks from there itself.
    TrustedWorker,
}

impl Role {
    /// Every role.
    pub const ALL: &[Self] = &[
        Self::Viewer,
        Self::Operator,
        Self::Deployer,
        Self::Admin,
        Self::Worker,
        Self::TrustedWorker,
    ];

    /// Its stable name, as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Deployer => "deployer",
            Self::Admin => "admin",
            Self::Worker => "worker",
            Self::TrustedWorker => "trusted_worker",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
    }
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Number of the token, unique within the installation.
    pub id: i64,
    /// Name of the token, for people; several tokens may have the same name.
    pub name: String,
    /// What the token permits.
    pub role: Role,
    /// The tenant in which it is valid; all tenants if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When it was created.
    pub created: Time,
    /// The token that created it.
    pub created_by: String,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Time>,
    /// When it was used last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
}

/// A request to create a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Its owner or purpose, shown in lists and in the audit log.
    pub name: String,
    /// What the token permits.
    pub role: Role,
    /// The tenant in which it is valid; by default that of the creator's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When it expires; if absent it is valid until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

/// A new token with its secret, which is returned only once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedToken {
    /// The token, as in lists.
    #[serde(flatten)]
    pub token: Token,
    /// `weft_` and 64 hexadecimal digits.
    pub secret: String,
}

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Whoami {
    /// The token's name.
    pub name: String,
    /// The token's number.
    pub token: i64,
    /// The tenant of the request.
    pub tenant: String,
    /// Whether the token is valid in every tenant; requests then name the tenant in the header
    /// `weft-tenant`.
    pub everywhere: bool,
    /// Role of the token.
    pub role: Role,
    /// The permissions of the role.
    pub permissions: Vec<String>,
    /// The server's version.
    pub server_version: String,
}

/// The token that a session begins with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// The token's secret.
    pub token: String,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").finish_non_exhaustive()
    }
}

impl fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedToken")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn a_roles_name_is_the_one_in_json() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(*role));
            assert_eq!(
                serde_json::to_value(role).expect("a role is a string"),
                role.as_str()
            );
        }
    }
}
