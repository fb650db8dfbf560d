//! Brings closed segments from a worker's spool folder to the blob store.
//!
//! One at a time, again and again until it worked, and only then the file goes.
//! What is left when the worker ends is brought by its next start.

use super::SegmentId;
use crate::{BlobError, Blobs};
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

/// Segments that may wait to be brought; more wait for the next start.
const WAITING: usize = 1024;

/// S3 takes no smaller parts, but for the last.
const PART_BYTES: usize = 5 << 20;

/// The wait after a failure; doubled up to [`MAX_WAIT`].
const MIN_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// How long the end of a writer waits for its segments to be brought.
const CLOSE_WITHIN: Duration = Duration::from_secs(15);

/// The way to the uploading task, which ends with it.
#[derive(Debug)]
pub(super) struct Uploads {
    segments: mpsc::Sender<(SegmentId, PathBuf)>,
    task: JoinHandle<()>,
}

impl Uploads {
    pub(super) fn add(&self, id: SegmentId, path: PathBuf) {
        if let Err(error) = self.segments.try_send((id, path)) {
            tracing::warn!(segment = %id, %error, "a log segment is uploaded by the next start only");
        }
    }

    /// Waits until everything was tried once more, for a while.
    pub(super) async fn close(self) {
        let Self { segments, task } = self;
        drop(segments);
        if timeout(CLOSE_WITHIN, task).await.is_err() {
            tracing::warn!(within = ?CLOSE_WITHIN, "log segments were not uploaded in time: the next start does it");
        }
    }
}

/// Where a segment lies in the blob store.
pub(crate) fn location(id: SegmentId) -> Path {
    Path::from_iter([FOLDER.to_owned(), id.to_string()])
}

/// The segment that lies at a path.
pub(crate) fn segment_at(path: &Path) -> Option<SegmentId> {
    let name = path.as_ref().strip_prefix(FOLDER)?.strip_prefix('/')?;
    name.parse().ok()
}

/// Begins with these.
pub(super) fn start(blobs: Blobs, segments: Vec<(SegmentId, PathBuf)>) -> Uploads {
    let (sender, receiver) = mpsc::channel(WAITING);
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
        bring(&blobs, id, &path, &receiver).await;
    }
    while let Some((id, path)) = receiver.recv().await {
        bring(&blobs, id, &path, &receiver).await;
    }
}

/// Until it worked; once only where the writer is gone.
async fn bring(
    blobs: &Blobs,
    id: SegmentId,
    path: &FilePath,
    receiver: &mpsc::Receiver<(SegmentId, PathBuf)>,
) {
    let mut wait = MIN_WAIT;
    loop {
        match upload(blobs, id, path).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(segment = %id, %error, "a log segment could not be uploaded");
            }
        }
        if receiver.is_closed() {
            return;
        }
        sleep(wait).await;
        wait = (wait * 2).min(MAX_WAIT);
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
            tracing::warn!(segment = %id, error = %left, "an upload could not be aborted");
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
