//! Copying files, with their digests taken on the way.
//!
//! A blob is named by its digest, so its bytes are checked against its name. The
//! segment of the log that is written just now is copied as long as it is; its
//! readers tell what is torn. What is not finished is left out.

use super::Problem;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use weft_core::digest::Digest;

/// What is read at once.
const BUFFER_BYTES: usize = 1 << 20;
/// The folder of uploads that have no name yet.
const UNFINISHED: &str = "incoming";
/// Part of the names of unfinished files.
const UNFINISHED_MARK: char = '#';

/// What became of a file.
pub(super) enum Copied {
    Whole {
        digest: Digest,
        bytes: u64,
    },
    /// Its bytes are not those that its name says; nothing was kept of it.
    Damaged,
    /// It went between being listed and being copied.
    Gone,
}

/// Every finished file below `root/folder`, in order, as seen from `root`.
pub(super) fn listed(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let path = root.join(&folder);
        let refuse = |error: &io::Error| Problem::io("read", &path, error);
        for entry in fs::read_dir(&path).map_err(|error| refuse(&error))? {
            let entry = entry.map_err(|error| refuse(&error))?;
            let name = entry.file_name();
            let kind = entry.file_type().map_err(|error| refuse(&error))?;
            let relative = folder.join(&name);
            if kind.is_dir() && name != UNFINISHED {
                open.push(relative);
            } else if kind.is_file() && !name.to_string_lossy().contains(UNFINISHED_MARK) {
                files.push(relative);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Copies one file to the same path below another folder. One that is named by
/// a digest has to have it.
pub(super) fn file(from: &Path, to: &Path, relative: &Path) -> Result<Copied, Problem> {
    let (source, target) = (from.join(relative), to.join(relative));
    let mut reading = match File::open(&source) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copied::Gone),
        Err(error) => return Err(Problem::io("read", &source, &error)),
    };
    let refuse = |error: &io::Error| Problem::io("write", &target, error);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(|error| refuse(&error))?;
    }
    let mut writing = File::create(&target).map_err(|error| refuse(&error))?;
    let (digest, bytes) = read(&mut reading, &source, |part| {
        writing.write_all(part).map_err(|error| refuse(&error))
    })?;
    let name = relative.file_name().and_then(|name| name.to_str());
    let expected = name.and_then(Digest::from_hex);
    if expected.is_some_and(|expected| expected != digest) {
        fs::remove_file(&target).map_err(|error| refuse(&error))?;
        return Ok(Copied::Damaged);
    }
    Ok(Copied::Whole { digest, bytes })
}

/// The digest and the size of a file.
pub(super) fn digest(path: &Path) -> Result<(Digest, u64), Problem> {
    let mut file = File::open(path).map_err(|error| Problem::io("read", path, &error))?;
    read(&mut file, path, |_part| Ok(()))
}

/// Reads a file part by part to its end.
fn read(
    file: &mut File,
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<(Digest, u64), Problem> {
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|error| Problem::io("read", path, &error))?;
        if read == 0 {
            return Ok((Digest(hash.finalize().into()), bytes));
        }
        hash.update(&buffer[..read]);
        each(&buffer[..read])?;
        bytes += read as u64;
    }
}

/// Copies a key; its owner alone may read it.
pub(super) fn key(from: &Path, to: &Path) -> Result<(), Problem> {
    let key = fs::read(from).map_err(|error| Problem::io("read", from, &error))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .and_then(|mut file| file.write_all(&key))
        .map_err(|error| Problem::io("write", to, &error))
}
