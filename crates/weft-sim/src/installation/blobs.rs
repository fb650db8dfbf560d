//! One scheduler's connection to the simulated blob store: each read takes time, and fails while the
//! store is away.

use super::{
    call::{Call, Stage},
    truth::Shared,
};
use async_trait::async_trait;
use tokio::time::sleep;
use weft_blob::{BlobError, Kind};
use weft_core::{digest::Digest, id::TenantId};
use weft_scheduler::OutputBlobs;

/// The blob store, as one scheduler sees it.
#[derive(Debug)]
pub struct SimBlobs {
    /// The world that the store belongs to.
    pub(crate) world: Shared,
    /// Which scheduler reads.
    pub(crate) who: usize,
}

#[async_trait]
impl OutputBlobs for SimBlobs {
    async fn read_output(&self, _tenant: &TenantId, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        let call = Call::ReadOutput;
        self.world.pause(self.who, call, Stage::Before).await;
        let span = self.world.lock().random.blob_read();
        sleep(span).await;
        let read = {
            let mut truth = self.world.lock();
            truth.check_progress(self.who);
            if !truth.blobs_answer() {
                truth.fault("fault: output not read");
                return Err(BlobError::Unavailable {
                    path: digest.to_string(),
                    reason: "as the random fell".into(),
                });
            }
            truth
                .tables
                .blobs
                .get(digest)
                .map(|text| text.as_bytes().to_vec())
        };
        self.world.pause(self.who, call, Stage::After).await;
        read.ok_or(BlobError::Missing {
            kind: Kind::Output,
            digest: *digest,
        })
    }
}
