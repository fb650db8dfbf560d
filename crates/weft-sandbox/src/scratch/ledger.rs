//! Counts what an attempt stores in its scratch folder and refuses what exceeds the quota.
//!
//! What always holds: the bytes that are counted are at least the lengths of all
//! files that exist, the unlinked ones that are still open included. A file
//! counts with its length, so a hole is as dear as data. A change of a length
//! happens under the ledger's lock, between the look at the old length and the
//! new figure; nothing else in an attempt changes a length.
//!
//! It counts only. Which paths a guest may reach is the business of
//! `filesystem` (WASI 0.2) and `preview1` (WASI 0.1).

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    sync::{Arc, Mutex, MutexGuard},
};
use weft_core::limit::Limits;

/// The most entries in all directory listings that are open at once. Bounds what
/// listings cost the host (25 MiB with the longest names), since wasmtime-wasi
/// reads a directory in one go.
pub(crate) const MAX_LISTED: u64 = 65_536;

/// Identifies a file while it exists or is open (the hash of device and inode).
pub(crate) type FileKey = u64;

/// A request beyond the quota; the first one is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    /// More bytes in files.
    Bytes {
        /// The limit.
        limit: u64,
    },
    /// More files, folders and links.
    Entries {
        /// The limit.
        limit: u64,
    },
    /// More open files and folders.
    Handles {
        /// The limit.
        limit: u64,
    },
    /// More directory listings at once.
    Listings {
        /// The limit, in entries.
        limit: u64,
    },
}

impl Breach {
    /// The corresponding error of the operating system.
    pub(crate) fn io_error(self) -> io::Error {
        let errno = match self {
            Self::Bytes { .. } | Self::Entries { .. } => rustix::io::Errno::NOSPC,
            Self::Handles { .. } => rustix::io::Errno::MFILE,
            Self::Listings { .. } => rustix::io::Errno::NOMEM,
        };
        io::Error::from_raw_os_error(errno.raw_os_error())
    }
}

/// The ledger of one attempt; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Ledger(Arc<Mutex<Books>>);

#[derive(Debug)]
struct Books {
    bytes_limit: u64,
    bytes: u64,
    entries_limit: u64,
    entries: u64,
    handles_limit: u64,
    handles: u64,
    listed: u64,
    open: HashMap<FileKey, OpenCount>,
    breach: Option<Breach>,
}

#[derive(Debug, Default)]
struct OpenCount {
    handles: u32,
    /// The length, once the file has no name any more.
    orphan_bytes: Option<u64>,
}

/// Where a write goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// At an offset from the beginning.
    At(u64),
    /// After the last byte.
    End,
}

impl Ledger {
    /// The books of an empty scratch folder.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(Books {
            bytes_limit: limits.scratch_bytes,
            bytes: 0,
            entries_limit: limits.scratch_files,
            entries: 0,
            handles_limit: limits.handles,
            handles: 0,
            listed: 0,
            open: HashMap::new(),
            breach: None,
        })))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // The books are numbers that are changed together or not at all, so they
        // are sound even after a panic elsewhere.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The first request beyond the quota.
    pub(crate) fn breach(&self) -> Option<Breach> {
        self.books().breach
    }

    /// Bytes counted now.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> u64 {
        self.books().bytes
    }

    /// Counts one more file, folder or link.
    pub(crate) fn add_entry(&self) -> Result<(), Breach> {
        let mut books = self.books();
        if books.entries >= books.entries_limit {
            let limit = books.entries_limit;
            return Err(books.refuse(Breach::Entries { limit }));
        }
        books.entries += 1;
        Ok(())
    }

    /// One is gone again.
    pub(crate) fn remove_entry(&self) {
        let mut books = self.books();
        // A folder that the host made was never counted.
        books.entries = books.entries.saturating_sub(1);
    }

    /// Whether one more file can be opened.
    pub(crate) fn room_for_handle(&self) -> Result<(), Breach> {
        let mut books = self.books();
        if books.handles >= books.handles_limit {
            let limit = books.handles_limit;
            return Err(books.refuse(Breach::Handles { limit }));
        }
        Ok(())
    }

    /// Counts an open file until the guard is dropped.
    pub(crate) fn opened(&self, key: FileKey) -> OpenFile {
        let mut books = self.books();
        books.handles += 1;
        books.open.entry(key).or_default().handles += 1;
        OpenFile {
            ledger: self.clone(),
            key,
        }
    }

    /// The last name of a file of this length is gone. Its bytes stay counted while it is open.
    pub(crate) fn unlinked(&self, key: FileKey, length: u64) {
        let mut books = self.books();
        match books.open.get_mut(&key) {
            Some(open) => open.orphan_bytes = Some(length),
            None => books.bytes = books.bytes.saturating_sub(length),
        }
    }

    /// Counts the change of a file's length, or refuses it and counts nothing.
    pub(crate) fn resize(&self, key: FileKey, old: u64, new: u64) -> Result<(), Breach> {
        self.books().resize(key, old, new)
    }

    /// Files, folders and links counted now.
    pub(crate) fn entries(&self) -> u64 {
        self.books().entries
    }

    /// Counts the entries of a directory listing until the guard is dropped.
    pub(crate) fn list(&self, entries: u64) -> Result<Listing, Breach> {
        let mut books = self.books();
        if books.listed + entries > MAX_LISTED {
            return Err(books.refuse(Breach::Listings { limit: MAX_LISTED }));
        }
        books.listed += entries;
        Ok(Listing {
            ledger: self.clone(),
            entries,
        })
    }

    /// Writes to a file and counts what it grew by. Blocks.
    pub(crate) fn write(
        &self,
        key: FileKey,
        file: &File,
        place: Place,
        bytes: &[u8],
    ) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut books = self.books();
        let old = file.metadata()?.len();
        let start = match place {
            Place::At(offset) => offset,
            Place::End => old,
        };
        let wanted = start
            .checked_add(bytes.len() as u64)
            .ok_or(rustix::io::Errno::FBIG)?
            .max(old);
        books.resize(key, old, wanted).map_err(Breach::io_error)?;
        let written = file.write_at(bytes, start);
        if !matches!(written, Ok(count) if count == bytes.len()) {
            books.settle(key, wanted, file.metadata()?.len());
        }
        written
    }

    /// Cuts or stretches a file and counts the difference. Blocks.
    pub(crate) fn set_len(&self, key: FileKey, file: &File, length: u64) -> io::Result<()> {
        let mut books = self.books();
        let old = file.metadata()?.len();
        books.resize(key, old, length).map_err(Breach::io_error)?;
        let done = file.set_len(length);
        if done.is_err() {
            books.settle(key, length, file.metadata()?.len());
        }
        done
    }
}

impl Books {
    fn refuse(&mut self, breach: Breach) -> Breach {
        self.breach.get_or_insert(breach);
        breach
    }

    fn resize(&mut self, key: FileKey, old: u64, new: u64) -> Result<(), Breach> {
        if new > old && self.bytes.saturating_add(new - old) > self.bytes_limit {
            let limit = self.bytes_limit;
            return Err(self.refuse(Breach::Bytes { limit }));
        }
        self.settle(key, old, new);
        Ok(())
    }

    /// Replaces one counted length by another, without asking.
    fn settle(&mut self, key: FileKey, counted: u64, actual: u64) {
        self.bytes = self.bytes.saturating_sub(counted).saturating_add(actual);
        if let Some(OpenCount {
            orphan_bytes: Some(bytes),
            ..
        }) = self.open.get_mut(&key)
        {
            *bytes = actual;
        }
    }
}

/// An open file or folder, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenFile {
    ledger: Ledger,
    key: FileKey,
}

impl OpenFile {
    /// Which file it is.
    pub(crate) fn key(&self) -> FileKey {
        self.key
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let mut books = self.ledger.books();
        books.handles = books.handles.saturating_sub(1);
        let Some(open) = books.open.get_mut(&self.key) else {
            return;
        };
        open.handles -= 1;
        if open.handles == 0 {
            let orphan_bytes = open.orphan_bytes.unwrap_or(0);
            books.open.remove(&self.key);
            books.bytes = books.bytes.saturating_sub(orphan_bytes);
        }
    }
}

/// A directory listing that the host holds in memory, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Listing {
    ledger: Ledger,
    entries: u64,
}

impl Drop for Listing {
    fn drop(&mut self) {
        let mut books = self.ledger.books();
        books.listed = books.listed.saturating_sub(self.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        Ledger::new(&Limits {
            scratch_bytes: 100,
            scratch_files: 3,
            handles: 2,
            ..Limits::DEFAULT
        })
    }

    #[test]
    fn a_write_beyond_the_quota_changes_neither_file_nor_counters() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("a")).unwrap();
        let ledger = ledger();
        assert_eq!(ledger.write(1, &file, Place::At(0), &[7; 60]).unwrap(), 60);
        assert_eq!(ledger.write(1, &file, Place::At(10), &[7; 60]).unwrap(), 60);
        assert_eq!(ledger.bytes(), 70);
        let refused = ledger.write(1, &file, Place::End, &[7; 31]).unwrap_err();
        assert_eq!(
            refused.raw_os_error(),
            Some(rustix::io::Errno::NOSPC.raw_os_error())
        );
        assert_eq!((ledger.bytes(), file.metadata().unwrap().len()), (70, 70));
        assert_eq!(ledger.breach(), Some(Breach::Bytes { limit: 100 }));
    }

    #[test]
    fn a_hole_counts_as_much_as_data_and_truncation_releases_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("a")).unwrap();
        let ledger = ledger();
        ledger.write(1, &file, Place::At(99), &[1]).unwrap();
        assert_eq!(ledger.bytes(), 100);
        assert!(ledger.set_len(1, &file, 101).is_err());
        ledger.set_len(1, &file, 5).unwrap();
        assert_eq!((ledger.bytes(), file.metadata().unwrap().len()), (5, 5));
        assert!(ledger.write(1, &file, Place::At(u64::MAX), &[1]).is_err());
        assert_eq!(ledger.bytes(), 5);
    }

    #[test]
    fn an_unlinked_file_counts_until_its_last_handle_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("a")).unwrap();
        let ledger = ledger();
        let (first, second) = (ledger.opened(1), ledger.opened(1));
        ledger.write(1, &file, Place::At(0), &[0; 40]).unwrap();
        ledger.unlinked(1, 40);
        drop(first);
        assert_eq!(ledger.bytes(), 40);
        ledger.write(1, &file, Place::End, &[0; 20]).unwrap();
        assert_eq!(ledger.bytes(), 60);
        drop(second);
        assert_eq!(ledger.bytes(), 0);
    }

    #[test]
    fn a_file_that_is_not_open_is_released_with_its_name() {
        let ledger = ledger();
        ledger.resize(1, 0, 80).unwrap();
        ledger.unlinked(1, 80);
        assert_eq!(ledger.bytes(), 0);
    }

    #[test]
    fn handles_entries_and_listings_end_at_their_limits() {
        let ledger = ledger();
        let held = [ledger.opened(1), ledger.opened(2)];
        assert_eq!(ledger.room_for_handle(), Err(Breach::Handles { limit: 2 }));
        drop(held);
        assert_eq!(ledger.room_for_handle(), Ok(()));
        for _ in 0..3 {
            ledger.add_entry().unwrap();
        }
        assert_eq!(ledger.add_entry(), Err(Breach::Entries { limit: 3 }));
        ledger.remove_entry();
        assert_eq!(ledger.add_entry(), Ok(()));
        let listing = ledger.list(MAX_LISTED).unwrap();
        assert!(ledger.list(1).is_err());
        drop(listing);
        assert!(ledger.list(1).is_ok());
    }
}
