//! What tasks print: many attempts' lines in one file, read back by attempt.
//!
//! A worker appends chunks to its current *segment*; a chunk holds some lines of
//! one attempt, a checksum, and where the attempt's chunk before lies. A
//! [`LogPointer`] of constant size names an attempt's last chunk, which is all
//! that anybody needs to keep; an attempt that prints nothing has none, and
//! costs nothing. Each chunk names another one further back, too, so that any
//! page of a long log is a few reads away.
//!
//! What is torn by a crash is told from what is whole and left out. A pointer is
//! no permission: a chunk is only handed to the tenant that it was written for.
//!
//! Lines reach the disk within [`LogOptions::flush_after`], and survive the
//! process from then on; they are synced when their segment is closed. A loss of
//! power may cost the newest lines, never an outcome.

mod attempt_log;
mod book;
mod chain;
mod chunk;
mod error;
mod follow;
mod key;
mod line;
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
    follow::{LiveLines, LogFollow, LogNews},
    key::LogKey,
    line::{LogLine, LogSource, MAX_LINE_BYTES},
    options::LogOptions,
    pointer::{LogPointer, LogPointerError, SegmentId},
    reader::{LogPage, LogReader, MAX_PAGE_BYTES, MAX_PAGE_LINES},
    recover::Recovered,
    retention::Removed,
    writer::LogWriter,
};
