//! The data folder of `wfctl up`: its layout, and who may read it.
//!
//! ```text
//! weft.db       the database (SQLite), locked while a process uses the folder
//! blobs/        files, outputs, artifacts, logs
//! code/         compiled code, sealed
//! scratch/      tasks' folders, emptied at each start
//! secret.key    seals variables and connections
//! admin.token   the first token, readable by its owner alone
//! server.url    where the server of this folder listens
//! backup.lock   locked by backups, and by maintenance while it removes blobs
//! ```

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};
use weft_api::{
    problem::{Code, Problem},
    user_dirs::{TOKEN_FILE, URL_FILE},
};
use weft_store_sql::DATABASE_FILE;

/// A data folder that exists.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// Makes what is missing, restricted to its owner.
    ///
    /// # Errors
    /// A problem that names the folder.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let refuse = |error: std::io::Error| {
            Problem::new(
                Code::DataUnavailable,
                format!("the data folder {} can't be used: {error}", path.display()),
            )
            .help("free or fix it, or name another one with --data")
        };
        fs::create_dir_all(path).map_err(refuse)?;
        restrict(path).map_err(refuse)?;
        let folder = Self(path.to_owned());
        for part in [folder.blobs(), folder.code(), folder.scratch()] {
            fs::create_dir_all(part).map_err(refuse)?;
        }
        Ok(folder)
    }

    /// The folder of a service, which may be running; nothing in it is made.
    ///
    /// # Errors
    /// A problem that names the folder.
    pub fn existing(path: &Path) -> Result<Self, Problem> {
        if path.is_dir() {
            return Ok(Self(path.to_owned()));
        }
        Err(Problem::new(
            Code::FileNotFound,
            format!("there is no data folder {}", path.display()),
        )
        .help("name the folder that 'wfctl up' uses with --data"))
    }

    /// Restricts it to its owner.
    pub fn restrict(&self) -> Result<(), Problem> {
        restrict(&self.0).map_err(|error| Problem::io("restrict", &self.0, &error))
    }

    /// Locks the removal of blobs until the file is dropped; `None` while maintenance removes some.
    pub(crate) fn hold_blobs(&self) -> io::Result<Option<File>> {
        let file = self.open_hold()?;
        let tried = file.try_lock_shared();
        locked(file, tried)
    }

    /// Locks out backups until the file is dropped; `None` while a backup is made.
    pub(crate) fn may_remove_blobs(&self) -> io::Result<Option<File>> {
        let file = self.open_hold()?;
        let tried = file.try_lock();
        locked(file, tried)
    }

    fn open_hold(&self) -> io::Result<File> {
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.hold())
    }

    /// The lock file of backups and maintenance.
    pub(crate) fn hold(&self) -> PathBuf {
        self.0.join("backup.lock")
    }

    /// The database, where it is SQLite.
    pub fn database(&self) -> PathBuf {
        self.0.join(DATABASE_FILE)
    }

    /// The folder itself, which the database locks.
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    pub(crate) fn code(&self) -> PathBuf {
        self.0.join("code")
    }

    /// Which attempts are in guest code.
    pub(crate) fn journal(&self) -> PathBuf {
        self.0.join("running")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.0.join("secret.key")
    }

    pub(crate) fn token(&self) -> PathBuf {
        self.0.join(TOKEN_FILE)
    }

    pub(crate) fn url(&self) -> PathBuf {
        self.0.join(URL_FILE)
    }

    /// Removes what tasks of a process that is gone left behind; only under the
    /// database's lock.
    pub(crate) fn empty_scratch(&self) -> std::io::Result<()> {
        fs::remove_dir_all(self.scratch())?;
        fs::create_dir(self.scratch())
    }
}

/// The locked file; `None` if another process holds the lock.
fn locked(file: File, tried: Result<(), TryLockError>) -> io::Result<Option<File>> {
    match tried {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(unix)]
fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
