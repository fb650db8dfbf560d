//! Chunks as bytes.
//!
//! All numbers are little-endian:
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `WLC1` |
//! | 4 | 4 | length of the whole chunk |
//! | 8 | 4 | CRC-32 of everything after it |
//! | 12 | 1 | kind: 1 lines, 2 an attempt's last lines, 3 the segment's end |
//! | 13 | 1 | 0 |
//! | 14 | 2 | length of the tenant |
//! | 16 | 2 | length of the attempt's name |
//! | 18 | 2 | 0 |
//! | 20 | 8 | number of the first line, from 0 on |
//! | 28 | 4 | how many lines |
//! | 32 | 32 | the attempt's chunk before: segment 16, offset 4, length 4, first line 8; a length of 0 is none |
//! | 64 | 32 | one further back, likewise |
//! | 96 | | tenant, attempt's name, lines: JSON, each ended by a newline |

use super::{LogKey, LogLine, LogPointer, SegmentId};
use bytes::Bytes;
use weft_core::id::TenantId;

/// How a segment's file begins.
pub(super) const SEGMENT_HEADER: &[u8; 8] = b"WEFTLOG1";

const MAGIC: &[u8; 4] = b"WLC1";
/// Bytes before the tenant.
pub(super) const HEADER_BYTES: usize = 96;
/// Where what the checksum covers begins.
const COVERED_FROM: usize = 12;

/// What a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ChunkKind {
    /// Lines of an attempt.
    Lines = 1,
    /// Its last ones.
    Last = 2,
    /// The segment was closed; nothing follows.
    End = 3,
}

/// Another chunk of the same attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) at: LogPointer,
    /// The number of its first line.
    pub(super) first: u64,
}

/// What a chunk says about its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkHead {
    pub(super) kind: ChunkKind,
    /// The number of the first line.
    pub(super) first: u64,
    pub(super) count: u32,
    pub(super) before: Option<Link>,
    /// Somewhere further back, or the same as `before`.
    pub(super) further: Option<Link>,
}

/// A chunk that was read and found whole.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) head: ChunkHead,
    pub(super) tenant: TenantId,
    pub(super) attempt: String,
    payload: Bytes,
}

/// Bytes that are no whole chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Torn;

/// Appends a chunk to `out`; returns its length.
pub(super) fn encode(
    head: &ChunkHead,
    key: Option<&LogKey>,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> u32 {
    let begin = out.len();
    let (tenant, attempt) = key.map_or(("", ""), |key| (key.tenant.as_str(), &*key.attempt));
    let length = HEADER_BYTES + tenant.len() + attempt.len() + payload.len();
    let length = u32::try_from(length).expect("chunks are bounded by far less");
    out.reserve(length as usize);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[head.kind as u8, 0]);
    for name in [tenant, attempt] {
        let length = u16::try_from(name.len()).expect("names are checked when they come in");
        out.extend_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&head.first.to_le_bytes());
    out.extend_from_slice(&head.count.to_le_bytes());
    for link in [head.before, head.further] {
        match link {
            None => out.extend_from_slice(&[0; 32]),
            Some(link) => {
                out.extend_from_slice(&link.at.segment.0);
                out.extend_from_slice(&link.at.offset.to_le_bytes());
                out.extend_from_slice(&link.at.bytes.to_le_bytes());
                out.extend_from_slice(&link.first.to_le_bytes());
            }
        }
    }
    out.extend_from_slice(tenant.as_bytes());
    out.extend_from_slice(attempt.as_bytes());
    out.extend_from_slice(payload);
    let checksum = crc32fast::hash(&out[begin + COVERED_FROM..]);
    out[begin + 8..begin + COVERED_FROM].copy_from_slice(&checksum.to_le_bytes());
    length
}

/// The length that a chunk's first [`HEADER_BYTES`] claim, before anything is checked.
pub(super) fn claimed_length(header: &[u8]) -> Result<u32, Torn> {
    if header.get(..4) != Some(MAGIC) {
        return Err(Torn);
    }
    let length = u32::from_le_bytes(array(header, 4)?);
    if (length as usize) < HEADER_BYTES {
        Err(Torn)
    } else {
        Ok(length)
    }
}

/// Reads the chunk that these bytes are, exactly.
pub(super) fn decode(bytes: &Bytes) -> Result<Chunk, Torn> {
    if claimed_length(bytes)? as usize != bytes.len() {
        return Err(Torn);
    }
    let checksum = u32::from_le_bytes(array(bytes, 8)?);
    if crc32fast::hash(&bytes[COVERED_FROM..]) != checksum {
        return Err(Torn);
    }
    let kind = match bytes[12] {
        1 => ChunkKind::Lines,
        2 => ChunkKind::Last,
        3 => ChunkKind::End,
        _ => return Err(Torn),
    };
    let tenant_end = HEADER_BYTES + usize::from(u16::from_le_bytes(array(bytes, 14)?));
    let attempt_end = tenant_end + usize::from(u16::from_le_bytes(array(bytes, 16)?));
    let text = |range| std::str::from_utf8(bytes.get(range).ok_or(Torn)?).map_err(|_error| Torn);
    let tenant = match (kind, text(HEADER_BYTES..tenant_end)?) {
        (ChunkKind::End, "") => TenantId::default(),
        (_, text) => text.parse().map_err(|_error| Torn)?,
    };
    Ok(Chunk {
        head: ChunkHead {
            kind,
            first: u64::from_le_bytes(array(bytes, 20)?),
            count: u32::from_le_bytes(array(bytes, 28)?),
            before: link(bytes, 32)?,
            further: link(bytes, 64)?,
        },
        tenant,
        attempt: text(tenant_end..attempt_end)?.to_owned(),
        payload: bytes.slice(attempt_end..),
    })
}

impl Chunk {
    /// Its lines.
    pub(super) fn lines(&self) -> Result<Vec<LogLine>, Torn> {
        let lines = decode_lines(&self.payload)?;
        if lines.len() == self.head.count as usize {
            Ok(lines)
        } else {
            Err(Torn)
        }
    }

    /// How many bytes its lines take.
    pub(super) fn payload_bytes(&self) -> usize {
        self.payload.len()
    }
}

/// Appends a line to a payload.
pub(super) fn encode_line(line: &LogLine, payload: &mut Vec<u8>) {
    serde_json::to_writer(&mut *payload, line)
        .expect("a line is numbers and texts, and memory takes all of it");
    payload.push(b'\n');
}

/// The lines of a payload.
pub(super) fn decode_lines(payload: &[u8]) -> Result<Vec<LogLine>, Torn> {
    payload
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).map_err(|_error| Torn))
        .collect()
}

fn link(bytes: &[u8], at: usize) -> Result<Option<Link>, Torn> {
    let length = u32::from_le_bytes(array(bytes, at + 20)?);
    if length == 0 {
        return Ok(None);
    }
    Ok(Some(Link {
        at: LogPointer {
            segment: SegmentId(array(bytes, at)?),
            offset: u32::from_le_bytes(array(bytes, at + 16)?),
            bytes: length,
        },
        first: u64::from_le_bytes(array(bytes, at + 24)?),
    }))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Torn> {
    bytes
        .get(at..at + N)
        .and_then(|part| part.try_into().ok())
        .ok_or(Torn)
}
