//! One page of a list.

use serde::{Deserialize, Serialize};

/// One page of a list. Pages are divided by key, so a list that grows meanwhile neither repeats nor
/// skips earlier items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items, at most `limit`.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last page. It is opaque to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
