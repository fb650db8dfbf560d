//! Compiled code that is kept: that of files which exist, for machines that ask for it.

use super::before;
use std::{collections::HashSet, time::Duration};
use weft_core::{digest::Digest, time::Timestamp};
use weft_store_sql::{CompiledKey, CompiledRow, Database};

/// Code that no worker requested for so long is removed: a version of Weft that is gone compiled
/// it, or for machines that are.
const UNUSED: Duration = Duration::from_hours(30 * 24);
/// Rows at once.
const PAGE: u32 = 1_000;

/// The blobs of code that stays; forgets the other. `live` names the files that exist, and
/// what was used since `graced` may be of one that came later.
pub(super) async fn named(
    database: &Database,
    live: &HashSet<Digest>,
    now: Timestamp,
    graced: Timestamp,
) -> Result<HashSet<Digest>, String> {
    let unused = before(now, UNUSED);
    let mut named = HashSet::new();
    let mut after: Option<CompiledKey> = None;
    loop {
        let page = database
            .compiled_page(after.as_ref(), PAGE)
            .await
            .map_err(|error| error.to_string())?;
        let Some(last) = page.last() else {
            return Ok(named);
        };
        after = Some(last.key.clone());
        for row in page {
            if goes(&row, live, unused, graced) && forget(database, &row).await? {
                continue;
            }
            named.insert(row.digest);
        }
    }
}

fn goes(row: &CompiledRow, live: &HashSet<Digest>, unused: Timestamp, graced: Timestamp) -> bool {
    row.used < unused || (row.used < graced && !live.contains(&row.key.component))
}

async fn forget(database: &Database, row: &CompiledRow) -> Result<bool, String> {
    let forgotten = database.forget_compiled(row).await;
    forgotten.map_err(|error| error.to_string())
}
