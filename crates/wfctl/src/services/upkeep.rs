//! What keeps an installation from growing for ever: now and then, blobs that
//! nothing names any more are removed.
//!
//! A blob is only removed a day after it was put, so that whoever put it has
//! had the time to name it; the names are read before the blobs are listed.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::{Instant, interval_at};
use weft_blob::{Blobs, Kind};
use weft_core::{digest::Digest, time::Timestamp};
use weft_store::{Database, DigestCursor};

/// How often it is done.
const EVERY: Duration = Duration::from_hours(6);
/// Blobs younger than this stay.
const GRACE: Duration = Duration::from_hours(24);
/// Names that are read at once.
const PAGE: u32 = 1000;

/// Keeps house until it is dropped.
pub(crate) async fn run(database: Database, blobs: Blobs) {
    let mut rounds = interval_at(Instant::now() + EVERY, EVERY);
    loop {
        rounds.tick().await;
        if let Err(error) = round(&database, &blobs).await {
            tracing::warn!(error, "blobs that nothing names could not be removed");
        }
    }
}

async fn round(database: &Database, blobs: &Blobs) -> Result<(), String> {
    let mut live: HashSet<Digest> = HashSet::new();
    let mut from = Some(DigestCursor::START);
    while let Some(cursor) = from {
        let (digests, next) = database
            .referenced_digests(cursor, PAGE)
            .await
            .map_err(|error| error.to_string())?;
        live.extend(digests);
        from = next;
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?;
    let before = now.saturating_sub(GRACE).as_millis();
    let before = Timestamp(i64::try_from(before).map_err(|error| error.to_string())?);
    for tenant in blobs.tenants().await.map_err(|error| error.to_string())? {
        for kind in [Kind::Component, Kind::Output] {
            let collected = blobs
                .collect(kind, &tenant, |digest| live.contains(digest), before)
                .await
                .map_err(|error| error.to_string())?;
            if collected.removed > 0 {
                tracing::info!(%tenant, %kind, removed = collected.removed, bytes = collected.removed_bytes, "blobs that nothing named were removed");
            }
        }
    }
    Ok(())
}
