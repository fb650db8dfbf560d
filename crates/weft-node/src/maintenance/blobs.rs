//! Blobs that nothing names any more.
//!
//! A blob is only removed a day after it was put, and only if it was put before
//! any attempt that still runs was started: an attempt's artifacts are named when
//! it ends. The names are read before the blobs are listed.

use super::{
    artifacts::{self, Known},
    before, compiled,
};
use crate::backup::named;
use std::time::Duration;
use weft_blob::{Blobs, Kind};
use weft_core::time::Timestamp;
use weft_store_sql::Database;

/// Blobs younger than this stay.
const GRACE: Duration = Duration::from_hours(24);

/// Removes what nothing names, of all tenants.
pub(super) async fn collect(
    database: &Database,
    blobs: &Blobs,
    now: Timestamp,
    known: &mut Known,
) -> Result<(), String> {
    let oldest = database
        .oldest_running()
        .await
        .map_err(|error| error.to_string())?;
    let graced = before(now, GRACE);
    let before = oldest.map_or(graced, |oldest| oldest.min(graced));
    let live = named(database).await.map_err(|error| error.to_string())?;
    let artifacts = artifacts::named(database, blobs, &live, known).await?;
    let compiled = compiled::named(database, &live, now, before).await?;
    for tenant in blobs.tenants().await.map_err(|error| error.to_string())? {
        for (kind, live) in [
            (Kind::Component, &live),
            (Kind::Compiled, &compiled),
            (Kind::Output, &live),
            (Kind::Artifact, &artifacts),
        ] {
            let collected = blobs
                .collect(kind, &tenant, |digest| live.contains(digest), before)
                .await
                .map_err(|error| error.to_string())?;
            if collected.removed > 0 {
                tracing::info!(%tenant, %kind, removed = collected.removed, bytes = collected.removed_bytes, operation = "collect blobs", "blobs that nothing named were removed");
            }
        }
    }
    Ok(())
}
