//! The cache of built components, and of what they are made of, by the fingerprint of their inputs: the same
//! sources and tools return the cached file.

use super::build_dir;
use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};
use weft_sandbox::Digest;

/// How many components of a language are usually cached; each has some megabytes.
pub(super) const MAX_COMPONENTS: usize = 16;

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

/// A folder of built components.
pub(super) struct ComponentCache {
    folder: Option<PathBuf>,
    /// How many it has at most, the last used ones.
    most: usize,
    /// What their files end in.
    ending: &'static str,
}

impl ComponentCache {
    /// The folder of that name of a language.
    pub(super) fn of(language: &str, name: &str, most: usize) -> Self {
        Self {
            folder: build_dir::cache_dir(language)
                .ok()
                .map(|cache| cache.join(name)),
            most,
            ending: "wasm",
        }
    }

    /// As [`Self::of`], for what is no component.
    pub(super) fn of_states(language: &str, name: &str, most: usize) -> Self {
        Self {
            ending: "state",
            ..Self::of(language, name, most)
        }
    }

    fn file(&self, key: &str) -> String {
        format!("{key}.{}", self.ending)
    }

    /// The cached component of this key.
    pub(super) fn find(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.folder.as_ref()?.join(self.file(key));
        let bytes = fs::read(&path).ok()?;
        // The time of the last use decides which entries are evicted; failing to set it only evicts earlier.
        let _untouched = fs::File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes)
    }

    /// What the cached component of this key answers to `describe`, if that was stored.
    pub(super) fn find_document(&self, key: &str) -> Option<String> {
        fs::read_to_string(self.folder.as_ref()?.join(document_file(key))).ok()
    }

    /// Caches a component. If the cache can't be written, later builds take longer.
    pub(super) fn store(&self, key: &str, component: &[u8]) {
        if self.write(&self.file(key), component).is_some() {
            self.evict_oldest();
        }
    }

    /// Caches what a component answers to `describe`, before the component.
    pub(super) fn store_document(&self, key: &str, document: &str) {
        self.write(&document_file(key), document.as_bytes());
    }

    fn write(&self, file: &str, contents: &[u8]) -> Option<()> {
        let folder = self.folder.as_ref()?;
        let draft = folder.join(format!(".draft-{}", std::process::id()));
        fs::create_dir_all(folder)
            .and_then(|()| write_whole(&draft, contents))
            .and_then(|()| fs::rename(&draft, folder.join(file)))
            .ok()
    }

    fn evict_oldest(&self) {
        let Some(folder) = &self.folder else {
            return;
        };
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        let mut cached: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|end| end == self.ending)
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        cached.sort();
        let surplus = cached.len().saturating_sub(self.most);
        for (_, path) in cached.into_iter().take(surplus) {
            // Another process may have removed them.
            let _gone = fs::remove_file(path.with_extension("json"));
            let _gone = fs::remove_file(path);
        }
    }
}

/// Writes a file that is whole even after a loss of power: what is found is not checked.
fn write_whole(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(contents)?;
    file.sync_data()
}

fn document_file(key: &str) -> String {
    format!("{key}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_used_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = |ending| ComponentCache {
            folder: Some(folder.path().to_owned()),
            most: 2,
            ending,
        };
        let (components, states) = (cache("wasm"), cache("state"));
        components.store_document("one", "{}");
        components.store("one", b"1");
        states.store("one", b"a");
        states.store("two", b"b");
        let mut options = fs::File::options();
        let two = options.append(true).open(folder.path().join("two.state"));
        let two = two.unwrap();
        two.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        states.store("three", b"c");
        assert_eq!(states.find("one").as_deref(), Some(&b"a"[..]));
        assert_eq!(states.find("two"), None, "it was used first");
        assert_eq!(states.find("three").as_deref(), Some(&b"c"[..]));
        assert_eq!(components.find("one").as_deref(), Some(&b"1"[..]));
        assert_eq!(components.find_document("one").as_deref(), Some("{}"));
    }
}
