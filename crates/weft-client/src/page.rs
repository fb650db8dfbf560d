//! Lists, read page by page.

use crate::Request;
use serde::de::DeserializeOwned;
use weft_api::{Page, UnreadableItem, problem::Problems};

/// The most items that a server gives at once.
pub const MAX_PAGE: usize = 500;

/// Some items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What the server can't read between them.
    pub unreadable: Vec<UnreadableItem>,
    /// The list has more items than the limit.
    pub more: bool,
}

/// Reads the first `limit` items of a list. `request` makes the request of a page,
/// without its `limit` and `cursor`.
///
/// # Errors
/// A page was refused, or there was no answer.
pub async fn collect<'c, T: DeserializeOwned>(
    limit: usize,
    request: impl Fn() -> Request<'c>,
) -> Result<Listed<T>, Problems> {
    let mut items: Vec<T> = Vec::new();
    let mut unreadable = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let size = (limit - items.len()).clamp(1, MAX_PAGE);
        let page: Page<T> = request()
            .query("limit", size)
            .query_some("cursor", cursor.as_deref())
            .fetch()
            .await?;
        // An empty page with a cursor would otherwise be requested for ever.
        let endless = page.items.is_empty() && page.unreadable.is_empty();
        items.extend(page.items);
        unreadable.extend(page.unreadable);
        let full = items.len() >= limit;
        items.truncate(limit);
        match page.next {
            Some(next) if !full && !endless => cursor = Some(next),
            next => {
                return Ok(Listed {
                    items,
                    unreadable,
                    more: next.is_some(),
                });
            }
        }
    }
}
