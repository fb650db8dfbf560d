//! The cache of built components, by the fingerprint of their inputs: the same sources
//! and tools return the cached file.

use super::build_dir;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};
use weft_sandbox::Digest;

/// How many components of a language are cached, the last used ones; each has some megabytes.
const MAX_CACHED: usize = 16;

/// The digest of everything that a component is built from.
#[derive(Default)]
pub(super) struct Fingerprint(String);

impl Fingerprint {
    /// Adds an input.
    pub(super) fn add(&mut self, name: &str, contents: &[u8]) {
        writeln!(self.0, "{name:?} {}", Digest::of(contents)).expect("a String takes everything");
    }

    /// The digest of all inputs, in hexadecimal.
    pub(super) fn key(&self) -> String {
        let digest = Digest::of(self.0.as_bytes()).to_string();
        digest.rsplit(':').next().unwrap_or(&digest).to_owned()
    }
}

/// The cached component of this key.
pub(super) fn find(language: &str, key: &str) -> Option<Vec<u8>> {
    let path = folder(language)?.join(file(key));
    let bytes = fs::read(&path).ok()?;
    // The time of the last use decides which entries are evicted; failing to set it only evicts earlier.
    let _untouched = fs::File::options()
        .append(true)
        .open(&path)
        .and_then(|file| file.set_modified(SystemTime::now()));
    Some(bytes)
}

/// Caches a component. If the cache can't be written, later builds take longer.
pub(super) fn store(language: &str, key: &str, component: &[u8]) {
    let Some(folder) = folder(language) else {
        return;
    };
    let draft = folder.join(format!(".draft-{}", std::process::id()));
    let stored = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&draft, component))
        .and_then(|()| fs::rename(&draft, folder.join(file(key))));
    if stored.is_ok() {
        evict_oldest(&folder);
    }
}

fn evict_oldest(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut cached: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    cached.sort();
    let surplus = cached.len().saturating_sub(MAX_CACHED);
    for (_, path) in cached.into_iter().take(surplus) {
        // Another process may have removed it.
        let _gone = fs::remove_file(path);
    }
}

fn folder(language: &str) -> Option<PathBuf> {
    Some(build_dir::cache_dir(language).ok()?.join("components"))
}

fn file(key: &str) -> String {
    format!("{key}.wasm")
}
