//! Lists page by page, as far as somebody wants to read.

use super::http::Call;
use serde::de::DeserializeOwned;
use weft_api::{Page, problem::Problems};

/// The most items that a server gives at once.
pub(crate) const MAX_PAGE: usize = 500;

/// Some items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    /// There are more than were asked for.
    pub(crate) more: bool,
}

/// The first `limit` items of a list; `call` makes the request of a page.
pub(crate) async fn collect<'c, T: DeserializeOwned>(
    limit: usize,
    call: impl Fn() -> Call<'c>,
) -> Result<Listed<T>, Problems> {
    let mut items: Vec<T> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let size = (limit - items.len()).clamp(1, MAX_PAGE);
        let page: Page<T> = call()
            .query("limit", size)
            .query_some("cursor", cursor.as_deref())
            .read()
            .await?;
        // A page that brings nothing and promises more would be asked for again for ever.
        let stuck = page.items.is_empty();
        items.extend(page.items);
        let full = items.len() >= limit;
        items.truncate(limit);
        match page.next {
            Some(next) if !full && !stuck => cursor = Some(next),
            next => {
                return Ok(Listed {
                    items,
                    more: next.is_some(),
                });
            }
        }
    }
}
