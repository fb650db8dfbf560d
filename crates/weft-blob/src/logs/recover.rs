//! Recovery of a worker's log after a crash: segments that were never closed.
//!
//! A torn tail is cut off and the segment's end is marked. Attempts whose last
//! chunk is not marked as such are named, so that the log of an attempt whose
//! worker died can still be read.

use super::{
    LogError, LogKey, LogPointer, SegmentId,
    chunk::{self, ChunkKind, HEADER_BYTES, SEGMENT_HEADER},
    segment,
};
use crate::BlobError;
use bytes::Bytes;
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;

/// An attempt that was writing when its worker died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The attempt that the log belongs to.
    pub key: LogKey,
    /// What it had written. Its outcome may have been reported nevertheless, with this pointer.
    pub pointer: LogPointer,
}

/// What was found in the folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) attempts: Vec<Recovered>,
    /// Segments that are whole now, the oldest first.
    pub(super) segments: Vec<(SegmentId, PathBuf)>,
}

/// Brings the folder in order, which is made if it isn't there. Where segments
/// stay in it for good, only the newest can be unclosed, so only that is read.
pub(super) async fn recover(folder: PathBuf, is_spool: bool) -> Result<Found, LogError> {
    let shown = folder.display().to_string();
    let found = spawn_blocking(move || recover_blocking(&folder, is_spool)).await;
    let found = found.unwrap_or_else(|error| Err(io::Error::other(error)));
    Ok(found.map_err(|error| BlobError::from_io(&error, &shown))?)
}

fn recover_blocking(folder: &Path, is_spool: bool) -> io::Result<Found> {
    fs::create_dir_all(folder)?;
    let mut segments: Vec<(SegmentId, PathBuf)> = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .filter_map(|file| Some((file.file_name().to_str()?.parse().ok()?, file.path())))
        .collect();
    segments.sort();
    if !is_spool {
        segments.drain(..segments.len().saturating_sub(1));
    }
    let mut found = Found::default();
    for (id, path) in segments {
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        if !is_closed(&file)? {
            repair(id, file, &mut found.attempts)?;
        }
        found.segments.push((id, path));
    }
    Ok(found)
}

/// Whether the file ends with the mark of its end.
fn is_closed(mut file: &File) -> io::Result<bool> {
    let end = segment::end();
    let length = file.metadata()?.len();
    let Some(at) = length.checked_sub(end.len() as u64) else {
        return Ok(false);
    };
    let mut found = vec![0; end.len()];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut found)?;
    Ok(found == end)
}

/// Cuts the torn tail off, and marks the end.
fn repair(id: SegmentId, file: File, attempts: &mut Vec<Recovered>) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut open: HashMap<LogKey, LogPointer> = HashMap::new();
    let mut whole = 0;
    {
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        reader.seek(SeekFrom::Start(0))?;
        let mut header = [0; SEGMENT_HEADER.len()];
        if reader.read_exact(&mut header).is_ok() && header == *SEGMENT_HEADER {
            whole = header.len() as u64;
            while let Some(bytes) = next_chunk(&mut reader, length - whole)? {
                let Ok(chunk) = chunk::decode(&bytes) else {
                    break;
                };
                let (Ok(offset), Ok(count)) = (u32::try_from(whole), u32::try_from(bytes.len()))
                else {
                    break;
                };
                let key = LogKey {
                    tenant: chunk.tenant.clone(),
                    attempt: chunk.attempt.as_str().into(),
                };
                let pointer = LogPointer {
                    segment: id,
                    offset,
                    bytes: count,
                };
                match chunk.head.kind {
                    ChunkKind::Lines => drop(open.insert(key, pointer)),
                    ChunkKind::Last => drop(open.remove(&key)),
                    ChunkKind::End => {}
                }
                whole += bytes.len() as u64;
            }
        }
    }
    if whole < length {
        tracing::warn!(segment = %id, torn_bytes = length - whole, operation = "recover segment", "a log segment was torn by a crash; its tail is cut off");
        file.set_len(whole)?;
    }
    let mut file = file;
    if whole == 0 {
        file.write_all(SEGMENT_HEADER)?;
    }
    file.write_all(&segment::end())?;
    file.sync_all()?;
    attempts.extend(
        open.into_iter()
            .map(|(key, pointer)| Recovered { key, pointer }),
    );
    Ok(())
}

/// The bytes of the next chunk; none at the end, or where it is torn.
fn next_chunk(reader: &mut impl Read, left: u64) -> io::Result<Option<Bytes>> {
    if left < HEADER_BYTES as u64 {
        return Ok(None);
    }
    let mut bytes = vec![0; HEADER_BYTES];
    reader.read_exact(&mut bytes)?;
    let Ok(length) = chunk::claimed_length(&bytes) else {
        return Ok(None);
    };
    if u64::from(length) > left {
        return Ok(None);
    }
    bytes.resize(length as usize, 0);
    reader.read_exact(&mut bytes[HEADER_BYTES..])?;
    Ok(Some(bytes.into()))
}
