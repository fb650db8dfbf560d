//! Variables, connections, pools, the policy, and what bounds a tenant.

use crate::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A variable, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Variable {
    /// Name of the variable, unique within a tenant.
    pub name: String,
    /// Where its value is kept, if that is not the server's database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// When it was last set.
    pub updated: Time,
    /// The token that set it last.
    pub updated_by: String,
}

/// A variable's value: the value itself, or where it is kept.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewVariable {
    /// At most 64 KiB of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub value: Option<String>,
    /// Where the value is kept instead: `env:NAME`, `file:NAME` or `vault:PATH#KEY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A connection, without its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connection {
    /// Name of the connection, unique within a tenant.
    pub name: String,
    /// Its scheme, host and port.
    pub url: String,
    /// How requests are authenticated.
    pub auth: ConnectionAuth,
    /// Names of the header fields that it adds.
    pub headers: Vec<String>,
    /// When it was last set.
    pub updated: Time,
    /// The token that set it last.
    pub updated_by: String,
}

/// How requests of a connection are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionAuth {
    /// Not, or by header fields of its own.
    None,
    /// `Authorization: Basic`.
    Basic,
    /// `Authorization: Bearer`.
    Bearer,
}

/// The address of a connection, and the credentials that the host adds to requests to exactly this
/// scheme, host and port.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    /// Scheme, host and an optional port, such as `https://api.example.org`.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub bearer: Option<String>,
    /// Sent with `password` as `Authorization: Basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// See `username`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub password: Option<String>,
    /// Further header fields for each request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub headers: BTreeMap<String, String>,
}

/// A pool of slots that tasks share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pool {
    /// Name of the pool, unique within a tenant.
    pub name: String,
    /// Its size in slots.
    pub slots: u32,
}

/// A pool's size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPool {
    /// At least 1. To stop the tasks of a pool, pause their DAGs.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000))]
    pub slots: u32,
}

/// What tasks may be granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// The policy file, TOML; empty for the default policy.
    pub policy: String,
    /// Whether the default policy applies.
    pub is_default: bool,
}

/// A request to set the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// The policy file, TOML (`weft.policy/1`).
    pub policy: String,
}

/// A request to test what a policy allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicyCheck {
    /// The policy file that is tested; the tenant's policy if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// A DAG whose active version's tasks are tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dag: Option<String>,
    /// Only this task of the DAG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Hosts that each task requests besides, as in `grants.http`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    /// Variables that each task requests besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// Connections that each task requests besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<String>,
    /// DAGs that each task calls besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dags: Vec<String>,
    /// The queue that each task runs in, in place of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

/// What a policy allows of what tasks request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyChecked {
    /// Each task. Without a DAG it is one that requests what the request named.
    pub tasks: Vec<CheckedTask>,
}

/// What a policy allows of what a task requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckedTask {
    /// Its id; absent without a DAG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Whether everything is allowed. A task is granted all that it requests, or nothing.
    pub allowed: bool,
    /// The hosts that it requests.
    pub http: Vec<String>,
    /// The variables that it requests.
    pub variables: Vec<String>,
    /// The connections that it requests.
    pub connections: Vec<String>,
    /// The DAGs that it calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dags: Vec<String>,
    /// What is refused, and what to add to the policy.
    pub refused: Vec<RefusedRequest>,
}

/// One request that a policy refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedRequest {
    /// The code of the refusal.
    pub code: String,
    /// What is refused.
    pub message: String,
    /// What to add to the policy.
    pub remedy: String,
}

/// A tenant and its quotas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tenant {
    /// Id of the tenant, unique within the installation.
    pub id: String,
    /// The most task instances that run at the same time; if absent, only the workers' slots limit
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_tasks: Option<u32>,
    /// Its share of the slots relative to other tenants; the default is 100.
    pub weight: u32,
}

/// The quotas of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TenantChange {
    /// The most task instances that run at the same time; 0 removes the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_tasks: Option<u32>,
    /// From 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    pub weight: Option<u32>,
}

impl fmt::Debug for NewVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewVariable")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
