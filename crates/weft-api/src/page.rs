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
    /// Items between the others that can't be read, each instead of an item: they were damaged, or
    /// a later version of Weft wrote them. The lists of runs have them; all others are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableItem>,
}

/// An item that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnreadableItem {
    /// Id of the item.
    pub id: String,
    /// Why, for people.
    pub why: String,
}
