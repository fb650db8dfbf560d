//! Who changed what.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One change by a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its number; later ones are greater.
    pub id: i64,
    /// When it was made.
    pub at: Time,
    /// The name and number of the token that was used.
    pub actor: String,
    /// What was done, such as `dag.pause`.
    pub action: String,
    /// The changed object, such as the name of a DAG.
    pub subject: String,
    /// The tenant; absent for a change of the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Further details; never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}
