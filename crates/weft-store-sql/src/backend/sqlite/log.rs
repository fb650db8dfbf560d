//! Preallocates SQLite's write-ahead log.
//!
//! A commit that writes over blocks that a file has takes about half as long
//! to reach the disk as one that makes the file longer, since then the file
//! system has a length and new blocks to record as well. SQLite starts each
//! log empty and uses it again from its beginning once it was brought into the
//! database, so that only what follows a start would be slow; and an idle
//! installation would take weeks to fill its first log.
//!
//! Zeros behind the log's end mean nothing to SQLite: a frame counts only with
//! the salt of the log's head and the right checksum
//! (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// The head of the log, and what a page takes in it, as SQLite's file format says.
const HEAD_BYTES: u64 = 32;
const FRAME_HEAD_BYTES: u64 = 24;
/// SQLite's default page size, which Weft doesn't change.
const PAGE_BYTES: u64 = 4_096;

/// Lengthens the log of a database that has no writer yet, to hold this many pages.
/// If that fails, on a full disk for example, the log stays as it was and grows as it is used.
pub(super) fn preallocate(database: &Path, pages: u32) {
    let bytes = HEAD_BYTES + u64::from(pages) * (FRAME_HEAD_BYTES + PAGE_BYTES);
    let lengthened = lengthen(&log_of(database), bytes);
    // Slower commits are no reason to refuse work.
    drop(lengthened);
}

fn log_of(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push("-wal");
    name.into()
}

fn lengthen(log: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(log)?;
    let before = file.metadata()?.len();
    let mut zeros = io::repeat(0).take(bytes.saturating_sub(before));
    let written = io::copy(&mut zeros, &mut file).and_then(|_written| file.sync_all());
    if written.is_err() {
        // Leaves the space to other writers of the disk.
        file.set_len(before)?;
    }
    written
}
