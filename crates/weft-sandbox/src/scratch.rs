//! The scratch folder: the only part of a file system that a task can see.
//!
//! A guest sees it as `/` (its working directory; `/tmp` exists). A program also
//! has `/in`, read-only, with the artifacts its inputs name, and `/out`, whose
//! files become artifacts. On the host the three lie side by side in a folder
//! that is made when the guest first asks for it and removed with the attempt.
//!
//! What always holds: bytes, number of files and open handles stay within the
//! limits (`ledger`), and no path leads out. A breach answers the guest with an
//! error and is recorded, so that a later failure of the attempt names it.
//! What it does not do: keep anything, or share anything between attempts.

mod concurrent;
mod detached;
mod filesystem;
mod folder;
mod ledger;
mod links;
mod preview1;
mod stream;
mod transfer;
mod versions;

pub(crate) use concurrent::add_to_linker as add_concurrent_to_linker;
pub(crate) use filesystem::{ScratchView, add_to_linker};
pub(crate) use folder::Folder;
pub(crate) use preview1::{Preview1, add_to_linker as add_preview1_to_linker};

use crate::FailureKind;
use ledger::{Breach, Ledger, Listing, OpenFile};
use std::{collections::HashMap, fs::File, io, path::PathBuf, sync::Arc};
use tokio::sync::{Mutex, Semaphore};
use wasmtime_wasi::{
    FsPerms, OpenMode, WasiCtxBuilder,
    filesystem::{Dir, WasiFilesystemCtx},
};
use weft_core::limit::{Limits, Unit};

/// How many calls of one attempt may be at work on files at once, on threads that may
/// block. Only guests of WASI 0.3 have more than one in progress.
const MAX_WORKING: usize = 4;

/// One attempt's scratch folder and its books.
pub(crate) struct ScratchState {
    /// Where the folder is made; `None` is no file system at all.
    root: Option<PathBuf>,
    folder: Option<Folder>,
    is_program: bool,
    handles_limit: u64,
    ledger: Ledger,
    wasi: WasiFilesystemCtx,
    /// Held while names are looked at and then changed.
    names: Arc<Mutex<()>>,
    /// Leave to be at work on files.
    working: Arc<Semaphore>,
    /// Open files and folders, by their index in the table.
    open: HashMap<u32, Arc<OpenFile>>,
    /// Directory listings, by their index in the table.
    listings: HashMap<u32, Listing>,
}

impl Default for ScratchState {
    /// No file system.
    fn default() -> Self {
        Self::with_root(None, &Limits::DEFAULT)
    }
}

impl ScratchState {
    /// A folder beneath `root`, made at the guest's first look at the file system.
    pub(crate) fn new(root: PathBuf, limits: &Limits) -> Self {
        Self::with_root(Some(root), limits)
    }

    fn with_root(root: Option<PathBuf>, limits: &Limits) -> Self {
        Self {
            root,
            folder: None,
            is_program: false,
            handles_limit: limits.handles,
            ledger: Ledger::new(limits),
            wasi: WasiFilesystemCtx::default(),
            names: Arc::default(),
            working: Arc::new(Semaphore::new(MAX_WORKING)),
            open: HashMap::new(),
            listings: HashMap::new(),
        }
    }

    /// Adds `/in` and `/out`, which only programs have, and makes the folder now. Blocks.
    pub(crate) fn prepare_program(&mut self) -> io::Result<()> {
        self.is_program = true;
        match self.made()? {
            Some(folder) => folder.add_program_folders(),
            None => Ok(()),
        }
    }

    /// The folder, if the guest or a program's start has needed it.
    pub(crate) fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    fn made(&mut self) -> io::Result<Option<&Folder>> {
        if let (None, Some(root)) = (&self.folder, &self.root) {
            self.folder = Some(Folder::create(root)?);
        }
        Ok(self.folder.as_ref())
    }

    /// Which host folder is mounted where, and whether a guest may write there.
    fn places(&mut self) -> io::Result<Vec<(PathBuf, &'static str, FsPerms)>> {
        let is_program = self.is_program;
        let Some(folder) = self.made()? else {
            return Ok(Vec::new());
        };
        let mut places = vec![(folder.work(), "/", FsPerms::ReadWrite)];
        if is_program {
            places.push((folder.input(), "/in", FsPerms::ReadOnly));
            places.push((folder.output(), "/out", FsPerms::ReadWrite));
        }
        Ok(places)
    }

    /// The folders that a component finds open.
    fn preopens(&mut self) -> io::Result<Vec<(Dir, String)>> {
        self.places()?
            .into_iter()
            .map(|(path, name, perms)| {
                let mode = match perms {
                    FsPerms::ReadOnly => OpenMode::READ,
                    FsPerms::ReadWrite => OpenMode::READ | OpenMode::WRITE,
                };
                // Never on the runtime's own threads: a slow disk must not stall neighbours.
                let may_block = false;
                Ok((
                    Dir::new(File::open(path)?, perms, mode, may_block),
                    name.to_owned(),
                ))
            })
            .collect()
    }

    /// The context of a WASI 0.1 module, from a builder that has everything but the
    /// file system. Makes the folder. Blocks.
    pub(crate) fn preview1(&mut self, mut builder: WasiCtxBuilder) -> wasmtime::Result<Preview1> {
        // Otherwise a module's sleep would block a thread of the runtime, out of
        // reach of any timeout.
        builder.allow_blocking_current_thread(false);
        for (path, name, perms) in self.places()? {
            builder.preopened_dir(path, name, perms)?;
        }
        Ok(Preview1::new(
            builder.build_p1(),
            self.ledger.clone(),
            self.handles_limit,
        ))
    }

    /// Removes the folder now, and waits for it. (Dropping removes it too, in its own time.)
    pub(crate) async fn remove(&mut self) {
        if let Some(folder) = self.folder.take() {
            folder.remove().await;
        }
    }

    /// The failure of an attempt that exceeded its quota, if it did.
    pub(crate) fn failure(&self) -> Option<(FailureKind, String)> {
        Some(match self.ledger.breach()? {
            Breach::Bytes { limit } => (
                FailureKind::ScratchLimit,
                format!(
                    "the scratch folder is full: it may hold {limit} in files; raise `limits.scratch` of the task",
                    limit = Unit::Bytes.show(limit)
                ),
            ),
            Breach::Entries { limit } => (
                FailureKind::ScratchLimit,
                format!(
                    "the scratch folder is full: it may hold {limit} files and folders (`scratch_files`)"
                ),
            ),
            Breach::Handles { limit } => (
                FailureKind::HandleLimit,
                format!("too many open files: a task may have {limit} at once (`handles`)"),
            ),
            Breach::Listings { limit } => (
                FailureKind::HandleLimit,
                format!("too many directory entries listed at once: a task may have {limit}"),
            ),
        })
    }
}

#[cfg(test)]
mod tests;
