//! The file that a worker appends to. Blocking: called where that is allowed.
//!
//! What always holds: after a failed append the file is as long as before it, or
//! the segment is given up.

use super::{
    SegmentId,
    chunk::{self, ChunkHead, ChunkKind, SEGMENT_HEADER},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};
use tokio::time::Instant;

/// A segment that is being written; its file is made by the first append.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) id: SegmentId,
    pub(super) path: PathBuf,
    pub(super) opened: Instant,
    file: Option<File>,
    length: u32,
    is_broken: bool,
}

impl Segment {
    pub(super) fn new(id: SegmentId, folder: &Path, now: Instant) -> Self {
        Self {
            id,
            path: folder.join(id.to_string()),
            opened: now,
            file: None,
            length: u32::try_from(SEGMENT_HEADER.len()).expect("eight"),
            is_broken: false,
        }
    }

    /// Where the next chunk will begin.
    pub(super) const fn length(&self) -> u32 {
        self.length
    }

    /// Nothing can be appended any more.
    pub(super) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Whether there is a file.
    pub(super) const fn exists(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none @ None => {
                let mut file = OpenOptions::new()
                    .append(true)
                    .create_new(true)
                    .open(&self.path)?;
                if let Err(error) = file.write_all(SEGMENT_HEADER) {
                    // An empty file would be taken for a torn segment later.
                    drop(std::fs::remove_file(&self.path));
                    return Err(error);
                }
                none.insert(file)
            }
        };
        if let Err(error) = file.write_all(bytes) {
            self.is_broken = file.set_len(u64::from(self.length)).is_err();
            return Err(error);
        }
        self.length += u32::try_from(bytes.len()).expect("a batch is bounded by far less");
        Ok(())
    }

    /// Marks the end and syncs the file.
    pub(super) fn close(mut self) -> io::Result<()> {
        if !self.is_broken {
            self.append(&end())?;
        }
        self.file.as_ref().map_or(Ok(()), File::sync_all)
    }
}

/// The chunk that ends a segment.
pub(super) fn end() -> Vec<u8> {
    let head = ChunkHead {
        kind: ChunkKind::End,
        first: 0,
        count: 0,
        before: None,
        further: None,
    };
    let mut bytes = Vec::new();
    chunk::encode(&head, None, &[], &mut bytes);
    bytes
}
