//! Removal of logs by age.
//!
//! Whole segments go, when nothing was written to them since the given time.
//! An attempt that runs longer than that loses its first lines, and its pages
//! say so; nothing that runs needs a log.

use super::{LogReader, SegmentId, upload};
use crate::{BlobError, Blobs, garbage_collection::written};
use object_store::path::Path;
use weft_core::time::Timestamp;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Segments.
    pub segments: u64,
    /// Size of the removed segments, in bytes.
    pub bytes: u64,
}

impl LogReader {
    /// Removes the segments that were last written before `before`, but for those to be kept.
    /// A segment that is being written is younger than the age at which writers close it.
    ///
    /// # Errors
    /// [`BlobError::Forbidden`] or [`BlobError::Unavailable`]; what was removed until then is gone.
    pub async fn remove(
        &self,
        before: Timestamp,
        keep: impl Fn(SegmentId) -> bool + Send + Sync,
    ) -> Result<Removed, BlobError> {
        let blobs: &Blobs = self.blobs();
        let mut removed = Removed::default();
        for found in blobs.all(&Path::from(upload::FOLDER)).await? {
            let id: Option<SegmentId> =
                found.location.filename().and_then(|name| name.parse().ok());
            let Some(id) = id else { continue };
            if written(&found) < before && !keep(id) && blobs.remove(&found.location).await? {
                removed.segments += 1;
                removed.bytes += found.size;
            }
        }
        Ok(removed)
    }
}
