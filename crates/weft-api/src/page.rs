//! One page of a list.

use serde::{Deserialize, Serialize};

/// One page of a list. Pages are cut by key, so that a list which grows
/// meanwhile neither repeats nor skips what was there before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Asks for the next page; absent on the last one. Its content means nothing to a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
