//! The sources of a build, for a watcher: every file of the folder except what
//! builds and tools write there, and files elsewhere that a manifest names.

use crate::source_folder;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};
use weft_api::problem::Problem;
use weft_dagfile::{Content, OpenedFile, named_files};

/// Folders that tools fill. Hidden ones are left out too.
const MADE: [&str; 4] = ["target", "node_modules", "__pycache__", "venv"];

/// What a build itself may write beside the sources.
const LOCKS: [&str; 1] = ["Cargo.lock"];

/// The most files that are looked at; a folder with more of them is no DAG's.
const MAX_FILES: usize = 100_000;

/// Where the sources are.
pub struct SourceTree {
    path: PathBuf,
    folder: PathBuf,
    output: PathBuf,
    /// Files that the manifest names.
    named: BTreeSet<PathBuf>,
}

/// The sources at one moment.
pub struct Snapshot(BTreeMap<PathBuf, Stamp>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

/// Who may have changed what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// A build, too.
    BuildBegan,
    /// Only others.
    BuildEnded,
}

impl Snapshot {
    /// The first file that is new, gone or changed.
    pub fn changed(&self, later: &Self, since: Since) -> Option<PathBuf> {
        let files = self.0.keys().chain(later.0.keys());
        let mut others = files.filter(|file| self.0.get(*file) != later.0.get(*file));
        let is_lock = |file: &Path| {
            file.file_name()
                .is_some_and(|name| LOCKS.iter().any(|lock| name == *lock))
        };
        others
            .find(|file| since == Since::BuildEnded || !is_lock(file))
            .cloned()
    }
}

impl SourceTree {
    /// The sources of a build of `path`, which has to exist, to `output`.
    ///
    /// # Errors
    /// The path can't be opened.
    pub fn of(path: &Path, output: Option<&Path>) -> Result<Self, Problem> {
        let metadata = fs::metadata(path).map_err(|error| Problem::io("open", path, &error))?;
        let folder = if metadata.is_dir() {
            path.to_owned()
        } else {
            source_folder::of_file(path).to_owned()
        };
        let output = output.map_or_else(|| folder.join("dag.wasm"), Path::to_owned);
        Ok(Self {
            path: path.to_owned(),
            folder,
            output,
            named: BTreeSet::new(),
        })
    }

    /// The folder that is built.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Learns which files the manifest names now. One that can't be read keeps the last ones.
    pub fn refresh_manifest(&mut self) {
        let manifest = if self.path.is_dir() {
            self.path.join("dag.toml")
        } else {
            self.path.clone()
        };
        let Ok(OpenedFile {
            name,
            content: Content::Manifest { text, format, .. },
            ..
        }) = OpenedFile::open(&manifest)
        else {
            return;
        };
        let Ok(document) = weft_dagfile::parse(&name, &text, format) else {
            return;
        };
        self.named = document
            .dags
            .iter()
            .flat_map(named_files)
            .map(|(file, _task)| self.folder.join(file))
            .collect();
    }

    /// Every folder in which a change matters.
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        let mut folders = BTreeSet::new();
        self.walk(|entry, is_folder| {
            if is_folder {
                folders.insert(entry.to_owned());
            }
        });
        let parents = self.named.iter().filter_map(|file| file.parent());
        folders.extend(parents.filter(|folder| folder.is_dir()).map(Path::to_owned));
        folders
    }

    /// What the sources are now.
    pub fn snapshot(&self) -> Snapshot {
        let mut files = BTreeMap::new();
        let mut note = |file: &Path| {
            if let Ok(metadata) = fs::metadata(file) {
                let stamp = Stamp {
                    modified: metadata.modified().ok(),
                    bytes: metadata.len(),
                };
                files.insert(file.to_owned(), stamp);
            }
        };
        self.walk(|entry, is_folder| {
            if !is_folder {
                note(entry);
            }
        });
        for file in &self.named {
            note(file);
        }
        Snapshot(files)
    }

    /// Visits the folder, the folders below it, and their files. Links to folders are not followed.
    fn walk(&self, mut visit: impl FnMut(&Path, bool)) {
        let mut ahead = vec![self.folder.clone()];
        let mut files = 0;
        while let Some(folder) = ahead.pop() {
            visit(&folder, true);
            // A folder that is gone again or can't be read has no sources.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if self.is_made(&path, is_folder) {
                    continue;
                }
                if is_folder {
                    ahead.push(path);
                    continue;
                }
                files += 1;
                if files > MAX_FILES {
                    return;
                }
                visit(&path, false);
            }
        }
    }

    /// Whether tools or this build made it.
    fn is_made(&self, path: &Path, is_folder: bool) -> bool {
        let name = path
            .file_name()
            .map(OsStr::to_string_lossy)
            .unwrap_or_default();
        if name.starts_with('.') {
            return true;
        }
        if is_folder {
            return MADE.contains(&&*name);
        }
        let stem = self.output.file_stem().map(OsStr::to_string_lossy);
        let is_draft = stem.is_some_and(|stem| name.starts_with(&format!("{stem}.draft-")));
        path == self.output || is_draft
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(folder: &Path) -> SourceTree {
        SourceTree::of(folder, None).unwrap()
    }

    fn write(folder: &Path, name: &str, text: &str) {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn only_sources_count() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "src/main.rs", "a");
        let tree = tree(folder.path());
        let before = tree.snapshot();
        for made in [
            "dag.wasm",
            "dag.draft-17.wasm",
            "target/debug/x",
            ".git/index",
            "src/__pycache__/x.pyc",
            "node_modules/a/b.js",
        ] {
            write(folder.path(), made, "made");
        }
        assert_eq!(before.changed(&tree.snapshot(), Since::BuildEnded), None);
        assert_eq!(tree.folders().len(), 2, "{:?}", tree.folders());
        write(folder.path(), "src/more.rs", "b");
        let changed = before.changed(&tree.snapshot(), Since::BuildEnded);
        assert_eq!(changed, Some(folder.path().join("src/more.rs")));
    }

    #[test]
    fn a_lock_file_that_a_build_wrote_is_no_change_and_anybody_elses_is() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path());
        let before = tree.snapshot();
        write(folder.path(), "Cargo.lock", "a");
        let after = tree.snapshot();
        assert_eq!(before.changed(&after, Since::BuildBegan), None);
        write(folder.path(), "Cargo.lock", "longer");
        assert!(after.changed(&tree.snapshot(), Since::BuildEnded).is_some());
    }

    #[test]
    fn files_that_a_manifest_names_count_wherever_they_are() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            "dag.toml",
            "[dag]\nid = \"d\"\n[tasks.a]\nprogram = \"target/a.wasm\"\n",
        );
        write(folder.path(), "target/a.wasm", "a");
        write(folder.path(), "target/b.wasm", "b");
        let mut tree = tree(folder.path());
        tree.refresh_manifest();
        assert!(tree.folders().contains(&folder.path().join("target")));
        let before = tree.snapshot();
        write(folder.path(), "target/b.wasm", "other");
        assert_eq!(before.changed(&tree.snapshot(), Since::BuildEnded), None);
        write(folder.path(), "target/a.wasm", "other");
        assert!(
            before
                .changed(&tree.snapshot(), Since::BuildEnded)
                .is_some()
        );
    }
}
