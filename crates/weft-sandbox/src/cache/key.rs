//! The key that seals compiled code: 32 random bytes in a file that only its owner can read.

use super::suffix::TEMPORARY_SUFFIX;
use crate::random;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

const NAME: &str = "seal.key";
const KEY_BYTES: usize = 32;

/// Everybody but the owner.
const OTHERS: u32 = 0o077;

/// The key. Never shown.
#[derive(Clone)]
pub(super) struct SealKey([u8; KEY_BYTES]);

impl SealKey {
    /// The seal of these bytes.
    pub(super) fn seal(&self, bytes: &[u8]) -> [u8; 32] {
        blake3::keyed_hash(&self.0, bytes).into()
    }

    /// Whether the seal is of these bytes; in constant time.
    pub(super) fn fits(&self, bytes: &[u8], seal: &[u8; 32]) -> bool {
        blake3::keyed_hash(&self.0, bytes) == blake3::Hash::from_bytes(*seal)
    }

    /// The folder's key. A key that others could have read or written is replaced,
    /// which makes everything that it sealed worthless.
    pub(super) fn read_or_make(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        if let Some(key) = Self::read(&path)? {
            return Ok(key);
        }
        let mut key = [0; KEY_BYTES];
        random::fill(&mut key)?;
        let temporary = folder.join(format!(
            "{NAME}-{}.{}",
            std::process::id(),
            TEMPORARY_SUFFIX
        ));
        let mut file = create_private(&temporary)?;
        file.write_all(&key)?;
        file.sync_all()?;
        // A link, unlike a rename, never replaces the key that another process just made.
        let linked = fs::hard_link(&temporary, &path);
        fs::remove_file(&temporary)?;
        match linked {
            Ok(()) => Ok(Self(key)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(&path)?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// `None` where there is no key, or none that can be trusted any more.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
        if !is_ours || metadata.mode() & OTHERS != 0 || metadata.len() != KEY_BYTES as u64 {
            fs::remove_file(path)?;
            return Ok(None);
        }
        let mut key = [0; KEY_BYTES];
        file.read_exact(&mut key)?;
        Ok(Some(Self(key)))
    }
}

/// A new file that only its owner can read.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let create = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    };
    match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Left behind by a process of the same number that died.
            fs::remove_file(path)?;
            create()
        }
        other => other,
    }
}

/// The cache folder, closed to others.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let metadata = fs::metadata(folder)?;
    if metadata.mode() & OTHERS != 0 && metadata.uid() == rustix::process::geteuid().as_raw() {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}
