//! Components that were made, by the digest of all that they were made of: the
//! same sources and tools give the same file, and at once.

use super::workroom;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};
use weft_sandbox::Digest;

/// How many are kept of a language, of some megabytes each; the ones that were used last.
const MAX_KEPT: usize = 16;

/// What a component is made of.
#[derive(Default)]
pub(super) struct Parts(String);

impl Parts {
    /// Adds a part.
    pub(super) fn add(&mut self, name: &str, contents: &[u8]) {
        writeln!(self.0, "{name:?} {}", Digest::of(contents)).expect("a String takes everything");
    }

    /// All of it, as a name.
    pub(super) fn key(&self) -> String {
        let digest = Digest::of(self.0.as_bytes()).to_string();
        digest.rsplit(':').next().unwrap_or(&digest).to_owned()
    }
}

/// The component of this key, if it is kept.
pub(super) fn find(language: &str, key: &str) -> Option<Vec<u8>> {
    let path = folder(language)?.join(file(key));
    let bytes = fs::read(&path).ok()?;
    // What is used stays longest; where the time can't be set it may go earlier.
    let _untouched = fs::File::options()
        .append(true)
        .open(&path)
        .and_then(|file| file.set_modified(SystemTime::now()));
    Some(bytes)
}

/// Keeps a component. A cache that can't be written costs only time.
pub(super) fn keep(language: &str, key: &str, component: &[u8]) {
    let Some(folder) = folder(language) else {
        return;
    };
    let draft = folder.join(format!(".draft-{}", std::process::id()));
    let kept = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&draft, component))
        .and_then(|()| fs::rename(&draft, folder.join(file(key))));
    if kept.is_ok() {
        forget_oldest(&folder);
    }
}

fn forget_oldest(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut kept: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(MAX_KEPT);
    for (_, path) in kept.into_iter().take(surplus) {
        // Another process may have removed it.
        let _gone = fs::remove_file(path);
    }
}

fn folder(language: &str) -> Option<PathBuf> {
    Some(workroom::cache(language).ok()?.join("components"))
}

fn file(key: &str) -> String {
    format!("{key}.wasm")
}
