//! Uploads closed segments from a worker's spool folder to the blob store.
//!
//! One at a time, retried until it succeeds; only then the file is removed. Segments
//! left when the worker ends are uploaded after its next start.

use super::SegmentId;
use crate::{BlobError, Blobs};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::BytesMut;
use object_store::{MultipartUpload, ObjectStoreExt as _, path::Path};
use std::{
    path::{Path as FilePath, PathBuf},
    time::Duration,
};
use tokio::{
    fs,
    io::AsyncReadExt as _,
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// The folder of segments in the blob store; no tenant's.
pub(super) const FOLDER: &str = "logs";

/// Segments that may wait to be uploaded; more wait for the next start.
const MAX_WAITING_SEGMENTS: usize = 1024;

/// S3 takes no smaller parts, but for the last.
const PART_BYTES: usize = 5 << 20;

/// The delay after the first failure; doubled up to [`MAX_RETRY_DELAY`].
const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);
/// The longest delay between two tries.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(1);

/// How long the end of a writer waits for its uploads.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

/// The handle of the uploading task, which ends with it.
#[derive(Debug)]
pub(super) struct Uploads {
    segments: mpsc::Sender<(SegmentId, PathBuf)>,
    task: JoinHandle<()>,
}

impl Uploads {
    pub(super) fn add(&self, id: SegmentId, path: PathBuf) {
        if let Err(error) = self.segments.try_send((id, path)) {
            tracing::warn!(segment = %id, %error, operation = "queue upload", "log segment not queued; the next start uploads it");
        }
    }

    /// Waits until every segment was tried once more, at most [`CLOSE_TIMEOUT`].
    pub(super) async fn close(self) {
        let Self { segments, task } = self;
        drop(segments);
        if timeout(CLOSE_TIMEOUT, task).await.is_err() {
            tracing::warn!(within = ?CLOSE_TIMEOUT, operation = "close uploads", "log segments not uploaded in time; the next start uploads them");
        }
    }
}

/// Where the blob store has a segment.
pub(crate) fn location(id: SegmentId) -> Path {
    Path::from_iter([FOLDER.to_owned(), id.to_string()])
}

/// The segment at a path.
pub(crate) fn segment_at(path: &Path) -> Option<SegmentId> {
    let name = path.as_ref().strip_prefix(FOLDER)?.strip_prefix('/')?;
    name.parse().ok()
}

/// Begins with these.
pub(super) fn start(blobs: Blobs, segments: Vec<(SegmentId, PathBuf)>) -> Uploads {
    let (sender, receiver) = mpsc::channel(MAX_WAITING_SEGMENTS);
    Uploads {
        segments: sender,
        task: tokio::spawn(run(blobs, segments, receiver)),
    }
}

async fn run(
    blobs: Blobs,
    segments: Vec<(SegmentId, PathBuf)>,
    mut receiver: mpsc::Receiver<(SegmentId, PathBuf)>,
) {
    for (id, path) in segments {
        upload_with_retries(&blobs, id, &path, &receiver).await;
    }
    while let Some((id, path)) = receiver.recv().await {
        upload_with_retries(&blobs, id, &path, &receiver).await;
    }
}

/// Retries until it succeeds; tries only once if the writer is gone.
async fn upload_with_retries(
    blobs: &Blobs,
    id: SegmentId,
    path: &FilePath,
    receiver: &mpsc::Receiver<(SegmentId, PathBuf)>,
) {
    let delays = ExponentialBuilder::new()
        .with_min_delay(MIN_RETRY_DELAY)
        .with_max_delay(MAX_RETRY_DELAY)
        .without_max_times()
        .build();
    for delay in delays {
        let Err(error) = upload(blobs, id, path).await else {
            return;
        };
        tracing::warn!(segment = %id, %error, operation = "upload segment", "log segment not uploaded; retrying later");
        if receiver.is_closed() {
            return;
        }
        sleep(delay).await;
    }
}

async fn upload(blobs: &Blobs, id: SegmentId, path: &FilePath) -> Result<(), BlobError> {
    let shown = path.display().to_string();
    let mut file = fs::File::open(path)
        .await
        .map_err(|error| BlobError::from_io(&error, &shown))?;
    let target = location(id);
    let mut upload = blobs
        .store()
        .put_multipart(&target)
        .await
        .map_err(|error| blobs.failure(&error, &target))?;
    let sent = send(blobs, &mut file, &mut *upload, &target, &shown).await;
    if let Err(error) = sent {
        if let Err(left) = upload.abort().await {
            tracing::warn!(segment = %id, error = %left, operation = "abort upload", "upload not aborted; the store keeps its parts");
        }
        return Err(error);
    }
    fs::remove_file(path)
        .await
        .map_err(|error| BlobError::from_io(&error, &shown))
}

async fn send(
    blobs: &Blobs,
    file: &mut fs::File,
    upload: &mut dyn MultipartUpload,
    target: &Path,
    shown: &str,
) -> Result<(), BlobError> {
    loop {
        let mut part = BytesMut::with_capacity(PART_BYTES);
        while part.len() < PART_BYTES {
            let read = file
                .read_buf(&mut part)
                .await
                .map_err(|error| BlobError::from_io(&error, shown))?;
            if read == 0 {
                break;
            }
        }
        let is_last = part.len() < PART_BYTES;
        if !part.is_empty() {
            upload
                .put_part(part.freeze().into())
                .await
                .map_err(|error| blobs.failure(&error, target))?;
        }
        if is_last {
            break;
        }
    }
    upload
        .complete()
        .await
        .map(drop)
        .map_err(|error| blobs.failure(&error, target))
}
