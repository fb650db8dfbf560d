//! Bounds the size of the cache folder: the least recently used code is removed first.

use super::suffix::{CODE_SUFFIX, TEMPORARY_SUFFIX};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// A temporary file that is older was left behind by a process that died.
const MAX_TEMPORARY_AGE: Duration = Duration::from_hours(1);

struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Removes code until so many bytes more fit. Files that other processes remove
/// at the same time are no error.
pub(super) fn make_room(folder: &Path, most: u64, needed: u64) -> io::Result<()> {
    let mut kept = Vec::new();
    let now = SystemTime::now();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        let used = metadata.modified()?;
        match path.extension().and_then(|ending| ending.to_str()) {
            Some(CODE_SUFFIX) => kept.push(Kept {
                path,
                bytes: metadata.len(),
                used,
            }),
            Some(TEMPORARY_SUFFIX)
                if now
                    .duration_since(used)
                    .is_ok_and(|age| age > MAX_TEMPORARY_AGE) =>
            {
                remove(&path)?;
            }
            Some(_) | None => {}
        }
    }
    let mut total = kept
        .iter()
        .map(|file| file.bytes)
        .sum::<u64>()
        .saturating_add(needed);
    kept.sort_by_key(|file| file.used);
    for file in kept {
        if total <= most {
            break;
        }
        remove(&file.path)?;
        total = total.saturating_sub(file.bytes);
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _gone => Ok(()),
    }
}
