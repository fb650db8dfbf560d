//! The files of a store, and their age.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use weft_core::time::Timestamp;

/// Every file below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Makes a file look as if it had been written an hour ago.
pub(crate) fn age(path: &Path) {
    let then = SystemTime::now() - Duration::from_hours(1);
    fs::File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(then))
        .expect("the owner may");
}

/// A quarter of an hour ago.
pub(crate) fn recently() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    Timestamp(i64::try_from(since.as_millis()).expect("before long") - 15 * 60 * 1000)
}
