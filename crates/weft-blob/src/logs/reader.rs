//! Reads an attempt's log, page by page, by the pointer to its last chunk.

use super::{
    LogError, LogLine, LogPointer,
    chunk::{self, Chunk},
    upload,
};
use crate::{BlobError, Blobs};
use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use std::{
    collections::VecDeque,
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;
use weft_core::id::TenantId;

/// The most lines of one page.
pub const MAX_PAGE_LINES: usize = 10_000;

/// A page ends where its lines would be more than so many bytes: 8 MiB.
pub const MAX_PAGE_BYTES: usize = 8 << 20;

/// A pointer that claims a longer chunk is forged or damaged.
const MAX_CHUNK_BYTES: u32 = 256 << 20;

/// Reads logs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogReader {
    blobs: Blobs,
    spool: Option<PathBuf>,
}

/// Some lines of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The number of the first line here, from 0 on. More than was asked for
    /// where the lines before it are lost.
    pub first: u64,
    /// The lines, in order.
    pub lines: Vec<LogLine>,
    /// How many lines the pointer's log has; a page that reaches it is the last.
    pub total: u64,
    /// Lines that should be on this page are gone: their segment is over its
    /// retention, not uploaded, or damaged.
    pub is_incomplete: bool,
}

impl LogReader {
    /// Reads from the blob store, and before that from the folder that a writer
    /// on this machine uploads from, where there is one.
    pub const fn new(blobs: Blobs, spool: Option<PathBuf>) -> Self {
        Self { blobs, spool }
    }

    /// Lines from number `from` on, at most `limit` and at most
    /// [`MAX_PAGE_LINES`]. At the end the page is empty.
    ///
    /// # Errors
    /// [`LogError::Forbidden`], [`LogError::Missing`], [`LogError::Damaged`] or [`LogError::Store`].
    pub async fn read(
        &self,
        tenant: &TenantId,
        pointer: &LogPointer,
        from: u64,
        limit: usize,
    ) -> Result<LogPage, LogError> {
        let limit = limit.min(MAX_PAGE_LINES);
        let mut chunk = self.chunk(tenant, pointer).await?;
        let total = chunk.head.first + u64::from(chunk.head.count);
        let end = total.min(from.saturating_add(limit as u64));
        let mut page = LogPage {
            first: from.min(total),
            lines: Vec::new(),
            total,
            is_incomplete: false,
        };
        if from >= end {
            return Ok(page);
        }
        // Back to the chunk that holds the last line of the page…
        while chunk.head.first >= end {
            let step = chunk
                .head
                .further
                .filter(|further| further.first >= end)
                .or(chunk.head.before);
            let Some(link) = step else { break };
            match self.chunk(tenant, &link.at).await {
                Ok(older) if older.head.first < chunk.head.first => chunk = older,
                other => {
                    other.map(drop).or_else(is_gone)?;
                    page.is_incomplete = true;
                    page.first = chunk.head.first;
                    return Ok(page);
                }
            }
        }
        // …then chunk by chunk to the one that holds the first.
        let mut chunks = VecDeque::new();
        let mut bytes = 0;
        loop {
            let (first, before) = (chunk.head.first, chunk.head.before);
            bytes += chunk.payload_bytes();
            chunks.push_front(chunk);
            while bytes > MAX_PAGE_BYTES && chunks.len() > 1 {
                bytes -= chunks
                    .pop_back()
                    .map_or(0, |latest: Chunk| latest.payload_bytes());
            }
            let Some(link) = before.filter(|_link| first > from) else {
                break;
            };
            match self.chunk(tenant, &link.at).await {
                Ok(older) if older.head.first < first => chunk = older,
                other => {
                    other.map(drop).or_else(is_gone)?;
                    page.is_incomplete = true;
                    page.first = first;
                    break;
                }
            }
        }
        collect(&chunks, &mut page, pointer, end)?;
        Ok(page)
    }

    pub(super) const fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    async fn chunk(&self, tenant: &TenantId, pointer: &LogPointer) -> Result<Chunk, LogError> {
        let damaged = LogError::Damaged {
            segment: pointer.segment,
            offset: pointer.offset,
        };
        if pointer.bytes > MAX_CHUNK_BYTES {
            return Err(damaged);
        }
        let bytes = match self.spooled(pointer).await? {
            Some(bytes) => bytes,
            None => self.stored(pointer).await?,
        };
        let chunk = chunk::decode(&bytes).map_err(|_torn| damaged)?;
        if chunk.tenant == *tenant {
            Ok(chunk)
        } else {
            Err(LogError::Forbidden)
        }
    }

    /// From the folder of a writer on this machine; none where the segment isn't there.
    async fn spooled(&self, pointer: &LogPointer) -> Result<Option<Bytes>, LogError> {
        let Some(spool) = &self.spool else {
            return Ok(None);
        };
        let path = spool.join(pointer.segment.to_string());
        read_file(path, *pointer).await
    }

    async fn stored(&self, pointer: &LogPointer) -> Result<Bytes, LogError> {
        if let Some(folder) = self.blobs.folder() {
            let path = folder
                .join(upload::FOLDER)
                .join(pointer.segment.to_string());
            return read_file(path, *pointer)
                .await?
                .ok_or(LogError::Missing(pointer.segment));
        }
        let path = upload::location(pointer.segment);
        let range = u64::from(pointer.offset)..u64::from(pointer.offset) + u64::from(pointer.bytes);
        match self.blobs.store().get_range(&path, range).await {
            Ok(bytes) => Ok(bytes),
            Err(object_store::Error::NotFound { .. }) => Err(LogError::Missing(pointer.segment)),
            Err(error) => Err(self.blobs.failure(&error, &path).into()),
        }
    }
}

/// A part of a file; shorter where the file is, none where there is no file.
async fn read_file(path: PathBuf, pointer: LogPointer) -> Result<Option<Bytes>, LogError> {
    let shown = path.display().to_string();
    let read = spawn_blocking(move || read_at(&path, pointer)).await;
    match read.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BlobError::from_io(&error, &shown).into()),
    }
}

fn read_at(path: &Path, pointer: LogPointer) -> io::Result<Bytes> {
    let file = File::open(path)?;
    let begin = u64::from(pointer.offset);
    // What a pointer claims is not allocated before the file is known to have it.
    let there = file.metadata()?.len().saturating_sub(begin);
    let length = there.min(u64::from(pointer.bytes));
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, begin)?;
    Ok(bytes.into())
}

/// What may be missing without failing the page.
fn is_gone(error: LogError) -> Result<(), LogError> {
    match error {
        LogError::Missing(_) | LogError::Damaged { .. } | LogError::Forbidden => Ok(()),
        other => Err(other),
    }
}

/// The lines of the chunks from the page's first to before `end`.
fn collect(
    chunks: &VecDeque<Chunk>,
    page: &mut LogPage,
    pointer: &LogPointer,
    end: u64,
) -> Result<(), LogError> {
    for chunk in chunks {
        let lines = chunk.lines().map_err(|_torn| LogError::Damaged {
            segment: pointer.segment,
            offset: pointer.offset,
        })?;
        for (number, line) in (chunk.head.first..).zip(lines) {
            if number >= page.first && number < end {
                page.lines.push(line);
            }
        }
    }
    Ok(())
}
