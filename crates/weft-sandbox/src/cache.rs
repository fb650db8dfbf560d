//! Compiled code on disk: only what this program wrote itself, sealed with a key
//! that only its own user can read.
//!
//! A seal (keyed BLAKE3) is verified over exactly the bytes that are loaded,
//! since loading code is running it. Every file is written under a temporary name and renamed, so
//! that several processes can share a folder. A file that is garbage, truncated or foreign is a miss and goes
//! away, so that nothing waits for the disk: after a loss of power code is compiled again.
//! The folder is bounded; the least recently used code goes first.
//!
//! What this never does: fail a load. Without a usable folder it warns once
//! and code is compiled each time.

mod evict;
mod key;
mod suffix;

use crate::{
    SandboxOptions, SandboxWarning, WarningSink,
    code::{self, Origin},
};
use key::SealKey;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::SystemTime,
};
use suffix::{CODE_SUFFIX, TEMPORARY_SUFFIX};

const SEAL_BYTES: usize = 32;

/// A folder of compiled code.
pub(crate) struct Cache {
    folder: PathBuf,
    bytes: u64,
    /// Read or made at first use, so that a sandbox that loads nothing touches no disk.
    key: Mutex<Option<SealKey>>,
    warned: AtomicBool,
    warnings: Option<WarningSink>,
    /// Makes names of temporary files unique within this process.
    writes: AtomicU64,
}

impl Cache {
    /// The folder of the options, if they name one. Touches nothing yet.
    pub(crate) fn of(options: &SandboxOptions) -> Option<Self> {
        let folder = options.cache_dir.clone()?;
        let warnings = options.on_warning.clone();
        Some(Self::new(folder, options.cache_bytes, warnings))
    }

    /// Touches nothing yet.
    fn new(folder: PathBuf, bytes: u64, warnings: Option<WarningSink>) -> Self {
        Self {
            folder,
            bytes,
            key: Mutex::new(None),
            warned: AtomicBool::new(false),
            warnings,
            writes: AtomicU64::new(0),
        }
    }

    fn warn(&self, problem: String) {
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(warn) = &self.warnings {
            warn(&SandboxWarning::CacheUnavailable {
                folder: self.folder.clone(),
                problem,
            });
        }
    }

    fn path(&self, origin: &Origin) -> PathBuf {
        let name = blake3::Hash::from_bytes(origin.key()).to_hex();
        self.folder.join(format!("{name}.{CODE_SUFFIX}"))
    }

    /// Makes folder and key if they aren't there.
    fn key(&self) -> io::Result<SealKey> {
        let mut place = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*place {
            return Ok(key.clone());
        }
        key::make_folder(&self.folder)?;
        let key = SealKey::read_or_make(&self.folder)?;
        *place = Some(key.clone());
        Ok(key)
    }

    /// The framed code stored for this origin. Blocks.
    pub(crate) fn get(&self, origin: &Origin) -> Option<Vec<u8>> {
        let path = self.path(origin);
        let mut file = File::open(&path).ok()?;
        let key = match self.key() {
            Ok(key) => key,
            Err(error) => {
                self.warn(format!("can't be used: {error}"));
                return None;
            }
        };
        let framed = read_sealed(&mut file, &key, self.bytes)
            .filter(|framed| code::unframe(origin, framed).is_ok());
        if framed.is_some() {
            if let Err(_unwritable) = file.set_modified(SystemTime::now()) {
                // Its last use stays unknown; at worst it is evicted early.
            }
        } else if let Err(_gone) = fs::remove_file(&path) {
            // Another process removed it, or it can't be removed: it stays a miss.
        }
        framed
    }

    /// Stores framed code. Blocks.
    pub(crate) fn insert(&self, origin: &Origin, framed: &[u8]) {
        if (framed.len() as u64).saturating_add(SEAL_BYTES as u64) > self.bytes {
            return;
        }
        if let Err(error) = self.write(origin, framed) {
            self.warn(match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    format!("has no space left ({error})")
                }
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                    format!("can't be written ({error})")
                }
                _other => format!("can't be used: {error}"),
            });
        }
    }

    fn write(&self, origin: &Origin, framed: &[u8]) -> io::Result<()> {
        let key = self.key()?;
        evict::make_room(&self.folder, self.bytes, framed.len() as u64)?;
        let temporary = self.folder.join(format!(
            "{}-{}.{TEMPORARY_SUFFIX}",
            std::process::id(),
            self.writes.fetch_add(1, Ordering::Relaxed)
        ));
        let written = write_temporary(&temporary, &key, framed)
            .and_then(|()| fs::rename(&temporary, self.path(origin)));
        if written.is_err()
            && let Err(_never_made) = fs::remove_file(&temporary)
        {
            // There is nothing to clean up.
        }
        written
    }
}

fn write_temporary(path: &Path, key: &SealKey, framed: &[u8]) -> io::Result<()> {
    let mut file = key::create_private(path)?;
    file.write_all(&key.seal(framed))?;
    file.write_all(framed)
}

/// The framed code, if the seal fits.
fn read_sealed(file: &mut File, key: &SealKey, most: u64) -> Option<Vec<u8>> {
    let length = file.metadata().ok()?.len();
    if length > most {
        return None;
    }
    let mut seal = [0; SEAL_BYTES];
    file.read_exact(&mut seal).ok()?;
    let mut framed = Vec::with_capacity(usize::try_from(length).ok()?);
    file.take(length).read_to_end(&mut framed).ok()?;
    key.fits(&framed, &seal).then_some(framed)
}

#[cfg(test)]
mod tests;
