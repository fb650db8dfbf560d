//! The data folder: the name of its database file, and its lock.

use crate::error::OpenError;
use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

/// The database within a data folder.
pub const DATABASE_FILE: &str = "weft.db";
/// Locked for as long as a process works in the folder.
const LOCK_FILE: &str = "weft.lock";

/// A data folder that no other process can use, until this is dropped.
#[derive(Debug)]
pub struct DataFolderLock {
    /// Released when it is closed.
    _file: File,
}

impl DataFolderLock {
    /// Locks a folder, which is created if it is missing. Opening a database in a folder
    /// locks it, too.
    ///
    /// # Errors
    /// [`OpenError::InUse`] or [`OpenError::Folder`].
    pub fn take(folder: &Path) -> Result<Self, OpenError> {
        let refuse = |why| OpenError::Folder {
            folder: folder.into(),
            why,
        };
        fs::create_dir_all(folder).map_err(refuse)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(LOCK_FILE))
            .map_err(refuse)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse {
                folder: folder.into(),
            },
            TryLockError::Error(why) => refuse(why),
        })?;
        Ok(Self { _file: file })
    }
}
