//! Logs of tasks: many attempts' lines in one file, read back by attempt.
//!
//! A worker appends chunks to its current *segment*; a chunk holds some lines of
//! one attempt, a checksum, and where the attempt's chunk before lies. A
//! [`LogPointer`] of constant size names an attempt's last chunk, which is all
//! that has to be stored; an attempt that prints nothing has none, and
//! costs nothing. Each chunk names another one further back, too, so that any
//! page of a long log is a few reads away.
//!
//! Chunks torn by a crash are recognised by their checksum and left out. A pointer is
//! no permission: only the tenant that a chunk was written for can read it.
//!
//! Lines reach the disk within [`LogOptions::flush_after`], and survive the
//! process from then on; they are synced when their segment is closed. A loss of
//! power may cost the newest lines, never an outcome.

mod attempt_log;
mod buffer;
mod chain;
mod chunk;
mod error;
mod follow;
mod follower_update;
mod key;
mod line;
mod live;
mod options;
mod pointer;
mod reader;
mod recover;
mod retention;
mod segment;
mod service;
mod upload;
mod writer;

pub(crate) use upload::{location, segment_at};
pub use {
    attempt_log::AttemptLog,
    error::LogError,
    follow::{LogFollower, LogUpdate},
    key::LogKey,
    line::{LogLine, LogSource, MAX_LINE_BYTES},
    live::LiveLines,
    options::LogOptions,
    pointer::{LogPointer, LogPointerError, SegmentId},
    reader::{LogPage, LogReader, MAX_PAGE_BYTES, MAX_PAGE_LINES},
    recover::Recovered,
    retention::Removed,
    writer::LogWriter,
};
