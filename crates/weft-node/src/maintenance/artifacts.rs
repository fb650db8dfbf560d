//! Which artifacts are named: by outputs, by what deferred tasks left, by
//! parameters, all of runs that are kept.
//!
//! If anything can't be read, the round ends with an error and removes nothing.

use std::collections::{HashMap, HashSet};
use weft_blob::{BlobError, Blobs, Kind};
use weft_core::{contract::artifact_refs_in, digest::Digest, id::TenantId};
use weft_store_sql::{Database, TextCursor};

/// Texts that are read at once; each has at most some kilobytes.
const TEXTS: u32 = 200;
/// Large outputs that are listed at once.
const OUTPUTS: usize = 1000;

/// What large outputs name, by their digest: they never change, so each is read once.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<Digest, Box<[Digest]>>);

/// Every artifact that is named, of all tenants.
pub(super) async fn named(
    database: &Database,
    blobs: &Blobs,
    live: &HashSet<Digest>,
    known: &mut Known,
) -> Result<HashSet<Digest>, String> {
    let mut named = HashSet::new();
    let mut from = Some(TextCursor::START);
    while let Some(cursor) = from {
        let (texts, next) = database
            .texts_with_references(cursor, TEXTS)
            .await
            .map_err(|error| error.to_string())?;
        for text in texts {
            named.extend(in_json(text.as_bytes()));
        }
        from = next;
    }
    known.0.retain(|output, _| live.contains(output));
    for tenant in blobs.tenants().await.map_err(|error| error.to_string())? {
        known.read(blobs, &tenant, live).await?;
    }
    named.extend(known.0.values().flatten());
    Ok(named)
}

impl Known {
    /// Reads the large outputs that were not read before.
    async fn read(
        &mut self,
        blobs: &Blobs,
        tenant: &TenantId,
        live: &HashSet<Digest>,
    ) -> Result<(), String> {
        let mut after = None;
        loop {
            let page = blobs
                .list(Kind::Output, tenant, after.as_ref(), OUTPUTS)
                .await
                .map_err(|error| error.to_string())?;
            after = page.last().map(|last| last.digest);
            for output in &page {
                let digest = output.digest;
                if !live.contains(&digest) || self.0.contains_key(&digest) {
                    continue;
                }
                match blobs.get(Kind::Output, tenant, &digest).await {
                    Ok(bytes) => {
                        self.0.insert(digest, in_json(&bytes).into());
                    }
                    // Nothing can be got out of it any more.
                    Err(error @ (BlobError::Damaged { .. } | BlobError::Missing { .. })) => {
                        tracing::warn!(%error, operation = "read output", "a large output can't be read");
                    }
                    Err(error) => return Err(error.to_string()),
                }
            }
            if page.len() < OUTPUTS {
                return Ok(());
            }
        }
    }
}

/// What a JSON text names; nothing where it is none.
fn in_json(text: &[u8]) -> Vec<Digest> {
    let text = str::from_utf8(text).unwrap_or_default();
    artifact_refs_in(text)
        .unwrap_or_default()
        .iter()
        .filter_map(|reference| reference.as_str().parse().ok())
        .collect()
}
