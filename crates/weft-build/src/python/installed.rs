//! Packages as they lie in the cache: what each is, and whether they are whole.

use super::native;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};

/// The folder that Python imports from.
const PACKAGES: &str = "packages";
/// The same without libraries, as components have it.
const ARCHIVE: &str = "packages.zip";
/// What files are called in the archive, and in tracebacks.
pub(super) const PREFIX: &str = "site-packages/";
/// Written last: where it fits the folder, everything is there.
const STOCK: &str = "installed.json";
/// What a library for the sandbox begins with.
const WASM: &[u8] = b"\0asm";
/// The ends of names of libraries.
const LIBRARIES: [&str; 3] = ["so", "pyd", "dylib"];
/// What the end of a wheel's own folder is.
const INFO: &str = ".dist-info";

/// The installed packages of a project.
#[derive(Debug)]
pub(super) struct Installed {
    folder: PathBuf,
    stock: Stock,
    /// The text of the stock.
    text: String,
}

/// What is installed.
#[derive(Debug, Serialize, Deserialize)]
struct Stock {
    files: usize,
    bytes: u64,
    packages: Vec<Package>,
}

/// One of the packages.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: String,
    /// How many libraries it has; none where it is pure Python.
    pub(super) libraries: usize,
    /// What its files have together.
    pub(super) bytes: u64,
    /// The digest of the list of its files, with theirs.
    record: String,
}

impl Installed {
    /// The packages in a folder of the cache, if they are whole.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join(STOCK)).ok()?;
        let stock: Stock = serde_json::from_str(&text).ok()?;
        let (mut files, mut bytes) = (0, 0);
        walk(&Self::packages_of(folder), &mut |_, size| {
            files += 1;
            bytes += size;
        })
        .ok()?;
        let is_whole =
            files == stock.files && bytes == stock.bytes && folder.join(ARCHIVE).is_file();
        is_whole.then(|| Self {
            folder: folder.to_owned(),
            stock,
            text,
        })
    }

    /// Where the packages of a folder of the cache are.
    pub(super) fn packages_of(folder: &Path) -> PathBuf {
        folder.join(PACKAGES)
    }

    /// Where their files are.
    pub(super) fn path(&self) -> PathBuf {
        Self::packages_of(&self.folder)
    }

    /// The archive of a folder of the cache.
    pub(super) fn archive_of(folder: &Path) -> PathBuf {
        folder.join(ARCHIVE)
    }

    /// Their archive.
    pub(super) fn archive(&self) -> PathBuf {
        Self::archive_of(&self.folder)
    }

    /// Names, versions and contents of all, for a fingerprint.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Notes what was installed, and refuses libraries that the sandbox can't load.
    pub(super) fn take_stock(folder: &Path) -> Result<(), Problem> {
        let site = Self::packages_of(folder);
        let read = |error: std::io::Error| Problem::io("read", &site, &error);
        let mut stock = Stock {
            files: 0,
            bytes: 0,
            packages: Vec::new(),
        };
        let (mut foreign, mut infos) = (None, Vec::new());
        walk(&site, &mut |path, size| {
            stock.files += 1;
            stock.bytes += size;
            if is_library(path) && !begins_with(path, WASM) {
                foreign.get_or_insert_with(|| path.to_owned());
            }
            let parent = path.parent().unwrap_or(path);
            if path.ends_with("METADATA") && parent.to_string_lossy().ends_with(INFO) {
                infos.push(parent.to_owned());
            }
        })
        .map_err(read)?;
        infos.sort();
        let listed = infos
            .iter()
            .map(|info| Ok((read_package(&site, info)?, record(info)?)))
            .collect::<std::io::Result<Vec<_>>>()
            .map_err(read)?;
        if let Some(library) = foreign {
            let name = library.strip_prefix(&site).unwrap_or(&library);
            let owner = listed
                .iter()
                .find(|(_, record)| record.contains(&*name.to_string_lossy()))
                .map(|(package, _)| format!("{} {}", package.name, package.version));
            return Err(foreign_library(owner, name));
        }
        stock.packages = listed.into_iter().map(|(package, _)| package).collect();
        let text = serde_json::to_string_pretty(&stock).expect("it is plain data");
        let file = folder.join(STOCK);
        fs::write(&file, text).map_err(|error| Problem::io("write", &file, &error))
    }

    /// The names of all.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self
            .stock
            .packages
            .iter()
            .map(|package| package.name.clone());
        names.collect()
    }

    /// A line about each package: what it is, its licence, and what it adds.
    pub(super) fn lines(&self) -> Vec<String> {
        const MB: f64 = 1e6;
        let width = |of: fn(&Package) -> usize| self.stock.packages.iter().map(of).max();
        let names = width(|package| package.name.len() + package.version.len() + 1).unwrap_or(0);
        self.stock
            .packages
            .iter()
            .map(|package| {
                let name = format!("{} {}", package.name, package.version);
                let kind = match package.libraries {
                    0 => "pure",
                    _ => "native",
                };
                let size = f64::from(u32::try_from(package.bytes).unwrap_or(u32::MAX)) / MB;
                let license = &package.license;
                format!("  {name:names$}  {kind:6}  {size:5.1} MB  {license}")
            })
            .collect()
    }
}

/// A library that the sandbox's Python can't load.
fn foreign_library(owner: Option<String>, library: &Path) -> Problem {
    let shown = library.display();
    let owner = owner.unwrap_or_else(|| shown.to_string());
    let name = owner.split(' ').next().unwrap_or(&owner).to_owned();
    let problem = Problem::new(
        Code::BuildFailed,
        format!("{owner} holds a library for another machine than the sandbox"),
    )
    .note(format!("the library: {shown}"));
    match native::package(&name) {
        Some(own) => problem.help(format!(
            "Weft has {} {} for the sandbox: name the package without a file",
            own.name, own.version
        )),
        None => problem
            .help("use a package in pure Python, or call a service that the task was granted"),
    }
}

fn read_package(site: &Path, info: &Path) -> std::io::Result<Package> {
    let metadata = fs::read_to_string(info.join("METADATA"))?;
    let field = |name: &str| {
        let head = metadata.split("\n\n").next().unwrap_or_default();
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    let classifier = || {
        metadata
            .lines()
            .find_map(|line| line.strip_prefix("Classifier: License :: "))
            .map(|text| text.rsplit(" :: ").next().unwrap_or(text).to_owned())
    };
    let record = record(info)?;
    let files: Vec<PathBuf> = record
        .lines()
        .filter_map(|line| line.split(',').next())
        .map(|name| site.join(name))
        .filter(|path| path.is_file())
        .collect();
    Ok(Package {
        name: field("Name").unwrap_or_default(),
        version: field("Version").unwrap_or_default(),
        license: field("License-Expression")
            .or_else(classifier)
            .or_else(|| field("License"))
            .unwrap_or_else(|| "licence not stated".to_owned()),
        libraries: files.iter().filter(|path| is_library(path)).count(),
        bytes: files
            .iter()
            .filter_map(|path| Some(path.metadata().ok()?.len()))
            .sum(),
        record: weft_core::digest::Digest::of(record.as_bytes()).to_string(),
    })
}

fn record(info: &Path) -> std::io::Result<String> {
    fs::read_to_string(info.join("RECORD"))
}

fn is_library(path: &Path) -> bool {
    let end = path.extension();
    end.is_some_and(|end| LIBRARIES.iter().any(|library| end == *library))
}

/// The libraries below a folder in the order of their names, each with its path in there.
pub(super) fn libraries(folder: &Path) -> Result<Vec<(String, PathBuf)>, Problem> {
    let mut libraries = Vec::new();
    let mut visit = |path: &Path, _bytes| {
        if is_library(path)
            && let Ok(name) = path.strip_prefix(folder)
        {
            libraries.push((name.to_string_lossy().into_owned(), path.to_owned()));
        }
    };
    walk(folder, &mut visit).map_err(|error| Problem::io("read", folder, &error))?;
    libraries.sort();
    Ok(libraries)
}

fn begins_with(path: &Path, magic: &[u8]) -> bool {
    use std::io::Read as _;
    let mut start = vec![0; magic.len()];
    fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok_and(|()| start == magic)
}

/// Visits every file with its size.
fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, u64)) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let metadata = path.metadata()?;
        if metadata.is_dir() {
            walk(&path, visit)?;
        } else {
            visit(&path, metadata.len());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(root: &Path, library: &[u8]) {
        let site = Installed::packages_of(root);
        let info = site.join("some_thing-1.2.dist-info");
        fs::create_dir_all(&info).expect("a folder");
        fs::create_dir_all(site.join("thing")).expect("a folder");
        fs::write(site.join("thing/_fast.so"), library).expect("a file");
        fs::write(
            info.join("METADATA"),
            "Metadata-Version: 2.4\nName: some-thing\nVersion: 1.2\nLicense-Expression: MIT\n\nText\n",
        )
        .expect("a file");
        fs::write(info.join("RECORD"), "thing/_fast.so,,\n").expect("a file");
    }

    #[test]
    fn a_package_is_described_and_one_that_was_cut_short_is_noticed() {
        let root = tempfile::tempdir().expect("a folder");
        package(root.path(), b"\0asm and more");
        Installed::take_stock(root.path()).expect("it can be loaded");
        assert!(Installed::read(root.path()).is_none(), "it has no archive");
        fs::write(Installed::archive_of(root.path()), "zip").expect("a file");
        let found = Installed::read(root.path()).expect("it is whole");
        assert_eq!(found.lines(), ["  some-thing 1.2  native    0.0 MB  MIT"]);
        fs::write(found.path().join("thing/_fast.so"), b"\0asm").expect("it is cut short");
        assert!(Installed::read(root.path()).is_none());
    }

    #[test]
    fn a_library_of_another_machine_is_refused_with_its_package() {
        let root = tempfile::tempdir().expect("a folder");
        package(root.path(), b"\x7fELF and more");
        let problem = Installed::take_stock(root.path()).expect_err("it can't be loaded");
        assert_eq!(
            problem.message,
            "some-thing 1.2 holds a library for another machine than the sandbox"
        );
        assert!(problem.notes.concat().contains("thing/_fast.so"));
    }
}
