//! Uploads a blob to an object store in parts, each of which waits on this
//! machine's disk until it is large enough to be sent.
//!
//! A part is in memory only while it is sent, and so many bytes of parts at
//! once as the process allows; further uploads wait. No upload holds a permit
//! while it waits for anything but the store, so no number of open blobs can
//! stop each other.

use bytes::{Bytes, BytesMut};
use object_store::MultipartUpload;
use std::io::{self, SeekFrom};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
    sync::Semaphore,
    task::spawn_blocking,
};

/// Parts are at least so large, but for the last: S3 takes no smaller ones.
const PART_BYTES: usize = 5 << 20;
/// The parts of all blobs of the process that are in memory at once: 40 MiB.
const PARTS_IN_MEMORY: usize = 8;
/// The most bytes of one blob that wait in memory to be written to disk.
const BUFFER_BYTES: usize = 64 << 10;

/// One permit for each part that is in memory.
static IN_MEMORY: Semaphore = Semaphore::const_new(PARTS_IN_MEMORY);

/// What can go wrong: here or there.
#[derive(Debug)]
pub(super) enum PartError {
    Disk(io::Error),
    Store(object_store::Error),
}

/// An upload in parts.
#[derive(Debug)]
pub(super) struct Parts {
    upload: Box<dyn MultipartUpload>,
    /// The part that is being filled, in a file that has no name: no crash leaves it behind.
    waiting: File,
    bytes: usize,
}

impl Parts {
    pub(super) async fn begin(upload: Box<dyn MultipartUpload>) -> Result<Self, PartError> {
        let waiting = spawn_blocking(tempfile::tempfile)
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(PartError::Disk)?;
        let mut waiting = File::from_std(waiting);
        waiting.set_max_buf_size(BUFFER_BYTES);
        Ok(Self {
            upload,
            waiting,
            bytes: 0,
        })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), PartError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PART_BYTES - self.bytes));
            self.waiting.write_all(now).await.map_err(PartError::Disk)?;
            self.bytes += now.len();
            rest = later;
            if self.bytes >= PART_BYTES {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// Sends the rest: the upload can be completed then.
    pub(super) async fn finish(&mut self) -> Result<(), PartError> {
        if self.bytes > 0 {
            self.send().await?;
        }
        Ok(())
    }

    pub(super) async fn complete(&mut self) -> object_store::Result<()> {
        self.upload.complete().await.map(drop)
    }

    pub(super) async fn abort(&mut self) -> object_store::Result<()> {
        self.upload.abort().await
    }

    async fn send(&mut self) -> Result<(), PartError> {
        let _place = IN_MEMORY
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let part = self.take().await.map_err(PartError::Disk)?;
        self.upload
            .put_part(part.into())
            .await
            .map_err(PartError::Store)
    }

    /// What waits, and an empty file.
    async fn take(&mut self) -> io::Result<Bytes> {
        self.waiting.flush().await?;
        self.waiting.seek(SeekFrom::Start(0)).await?;
        let mut part = BytesMut::zeroed(std::mem::take(&mut self.bytes));
        self.waiting.read_exact(&mut part).await?;
        self.waiting.seek(SeekFrom::Start(0)).await?;
        self.waiting.set_len(0).await?;
        Ok(part.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use object_store::{PutPayload, PutResult, UploadPart};
    use std::sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    };
    use tokio::sync::Barrier;

    /// Remembers what it is sent, and how many parts were in progress at once.
    #[derive(Debug)]
    struct Slow {
        /// Where the first ones meet: all of them have to be in progress at once.
        meeting: Barrier,
        arrived: AtomicUsize,
        now: AtomicUsize,
        most: AtomicUsize,
        bytes: AtomicUsize,
        sizes: Mutex<Vec<usize>>,
    }

    #[derive(Debug)]
    struct Upload(Arc<Slow>);

    #[async_trait]
    impl MultipartUpload for Upload {
        fn put_part(&mut self, part: PutPayload) -> UploadPart {
            let slow = Arc::clone(&self.0);
            Box::pin(async move {
                let now = slow.now.fetch_add(1, Ordering::SeqCst) + 1;
                slow.most.fetch_max(now, Ordering::SeqCst);
                if slow.arrived.fetch_add(1, Ordering::SeqCst) < PARTS_IN_MEMORY {
                    slow.meeting.wait().await;
                }
                let size = part.content_length();
                slow.bytes.fetch_add(size, Ordering::SeqCst);
                slow.sizes
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(size);
                slow.now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        }

        async fn complete(&mut self) -> object_store::Result<PutResult> {
            unreachable!("the test sends parts only")
        }

        async fn abort(&mut self) -> object_store::Result<()> {
            unreachable!("the test sends parts only")
        }
    }

    #[tokio::test]
    async fn parts_in_memory_are_bounded() {
        const UPLOADS: usize = 2 * PARTS_IN_MEMORY;
        let slow = Arc::new(Slow {
            meeting: Barrier::new(PARTS_IN_MEMORY),
            arrived: AtomicUsize::new(0),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            sizes: Mutex::default(),
        });
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..UPLOADS {
            let upload = Box::new(Upload(Arc::clone(&slow)));
            tasks.spawn(async move {
                let mut parts = Parts::begin(upload).await.expect("there is a disk");
                parts.write(&vec![7; PART_BYTES + 1]).await.expect("sent");
                parts.finish().await.expect("sent");
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no panic");
        }
        assert_eq!(slow.most.load(Ordering::SeqCst), PARTS_IN_MEMORY);
        assert_eq!(
            slow.bytes.load(Ordering::SeqCst),
            UPLOADS * (PART_BYTES + 1)
        );
        let mut sizes = slow.sizes.lock().expect("no thread panicked").clone();
        sizes.sort_unstable();
        assert_eq!(sizes[..UPLOADS], [1; UPLOADS]);
        assert_eq!(sizes[UPLOADS..], [PART_BYTES; UPLOADS]);
    }
}
