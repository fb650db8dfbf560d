//! `wfctl build --lock`: has pip resolve the requirements anew, and writes what it chose to `pylock.toml`.
//!
//! Nothing is installed here: the build that follows installs from the file, as every later one.

use super::{
    Project, cache,
    lock_file::{self, Entry, FILE, LockFile},
    locked,
    native::normalized,
    packages, refusals,
    tools::Tools,
};
use crate::build_dir::run_tool;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};
use weft_core::digest::Digest;

/// What `--lock` did.
#[derive(Debug)]
pub enum Lock {
    /// The project names no packages.
    Nothing {
        /// The lock file of earlier requirements, which was removed.
        removed: Option<PathBuf>,
    },
    /// The lock file has the packages that were resolved.
    Written {
        /// The lock file.
        file: PathBuf,
        /// How many packages it has.
        packages: usize,
        /// What is other than in the file before, by name.
        changes: Vec<LockChange>,
    },
}

/// What is other in a lock file than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockChange {
    /// The package is new.
    Added {
        /// The package.
        name: String,
        /// Its version.
        version: String,
    },
    /// No requirement needs the package any more.
    Removed {
        /// The package.
        name: String,
        /// Its version.
        version: String,
    },
    /// The package has another version.
    Changed {
        /// The package.
        name: String,
        /// The version before.
        from: String,
        /// The version now.
        to: String,
    },
    /// The package has the same version, in another file.
    OtherWheel {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// The file now.
        wheel: String,
    },
}

impl fmt::Display for LockChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { name, version } => write!(f, "added {name} {version}"),
            Self::Removed { name, version } => write!(f, "removed {name} {version}"),
            Self::Changed { name, from, to } => write!(f, "changed {name} {from} → {to}"),
            Self::OtherWheel {
                name,
                version,
                wheel,
            } => write!(f, "changed {name} {version}: the wheel is now {wheel}"),
        }
    }
}

/// pip's report of what it would install, with what `resolve.py` adds.
#[derive(Deserialize)]
struct Report {
    install: Vec<Resolved>,
}

#[derive(Deserialize)]
struct Resolved {
    metadata: Metadata,
    download_info: Download,
    /// The address of the package index, if it is from one.
    index: Option<String>,
    /// The path, if it is a file of this machine.
    file: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct Download {
    url: String,
    archive_info: Option<Archive>,
}

#[derive(Default, Deserialize)]
struct Archive {
    /// The form of pip before 23.
    hash: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// Resolves the requirements and writes the lock file.
pub(crate) fn lock(project: &Project) -> Result<Lock, Problem> {
    let before = LockFile::in_folder(project.folder());
    let path = project.folder().join(FILE);
    let Some(requirements) = project.requirements()? else {
        // One of another tool may be for more than this project.
        let is_own = matches!(&before, Ok(Some(lock)) if lock.weft().is_some());
        if is_own {
            fs::remove_file(&path).map_err(|error| Problem::io("remove", &path, &error))?;
        }
        return Ok(Lock::Nothing {
            removed: is_own.then_some(path),
        });
    };
    let tools = Tools::find()?;
    let entries = resolve(project, &requirements, &tools)?;
    let text = lock_file::text(&entries, &locked::digest(Some(&requirements)));
    write(&path, &text)?;
    // A damaged file locked nothing.
    let before = before.ok().flatten();
    Ok(Lock::Written {
        file: path,
        packages: entries.len(),
        changes: changes(before.as_ref(), &entries),
    })
}

/// Writes the file whole or not at all; one that stays the same keeps its time.
fn write(path: &Path, text: &str) -> Result<(), Problem> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    let draft = path.with_extension(format!("draft-{}.toml", std::process::id()));
    fs::write(&draft, text)
        .and_then(|()| fs::rename(&draft, path))
        .map_err(|error| Problem::io("write", path, &error))
}

/// Has pip choose versions and wheels, sorted by name.
fn resolve(project: &Project, requirements: &str, tools: &Tools) -> Result<Vec<Entry>, Problem> {
    let draft = packages::draft()?;
    let file = draft.path().join("report.json");
    let target = draft.path().join("target");
    let mut pip = packages::pip(project, tools, requirements, draft.path(), &target)?;
    let done = run_tool(pip.args(["--dry-run", "--report"]).arg(&file))?;
    if !done.success {
        if done.stderr.contains("no such option") {
            return Err(old_pip());
        }
        return Err(refusals::problem(&done, tools));
    }
    let text = fs::read(&file).map_err(|error| Problem::io("read", &file, &error))?;
    let report: Report = serde_json::from_slice(&text).map_err(|error| {
        Problem::new(
            Code::BuildFailed,
            format!("pip's report of what it chose can't be read: {error}"),
        )
    })?;
    let folder = project.folder();
    let folder = fs::canonicalize(folder).map_err(|error| Problem::io("open", folder, &error))?;
    let mut entries = report
        .install
        .into_iter()
        .map(|resolved| resolved.entry(&folder))
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The pip of Python 3.10 reports nothing in some distributions.
fn old_pip() -> Problem {
    let environment = cache().unwrap_or_default().join("pip");
    Problem::new(
        Code::Missing,
        "--lock needs pip 22.2 or newer, and the Python of this machine came with an older one",
    )
    .help(format!(
        "update it: {} -m pip install --upgrade pip",
        environment.join("bin/python").display()
    ))
}

impl Resolved {
    fn entry(self, folder: &Path) -> Result<Entry, Problem> {
        let Metadata { name, version } = self.metadata;
        let address = self.download_info.url;
        let path = self.file.as_deref();
        let file = path.and_then(Path::file_name).map_or_else(
            || lock_file::last_part(&address),
            |name| name.to_string_lossy().into_owned(),
        );
        let archive = self.download_info.archive_info;
        let is_wheel = Path::new(&file).extension().is_some_and(|end| end == "whl");
        let Some(archive) = archive.filter(|_| is_wheel) else {
            return Err(Problem::new(
                Code::BuildFailed,
                format!("{name} {version} can't be locked: {address} is not a wheel"),
            )
            .help(format!(
                "make a wheel of it (pip wheel {address}) and name that file in the requirements"
            )));
        };
        let sha256 = archive
            .sha256()
            .or_else(|| Some(Digest::of(&fs::read(path?).ok()?).hex()));
        let sha256 = sha256.ok_or_else(|| {
            Problem::new(
                Code::BuildFailed,
                format!("{name} {version} can't be locked: its index has no sha256 of {file}"),
            )
        })?;
        Ok(Entry {
            name: normalized(&name),
            version,
            index: self.index,
            url: path.is_none().then_some(address),
            path: path.map(|path| portable(path, folder).unwrap_or_else(|| file.clone())),
            file,
            sha256,
        })
    }
}

impl Archive {
    fn sha256(&self) -> Option<String> {
        let of_before = || Some(self.hash.as_ref()?.strip_prefix("sha256=")?.to_owned());
        self.hashes.get("sha256").cloned().or_else(of_before)
    }
}

/// A path in the folder of the project, as it is on every machine.
fn portable(path: &Path, folder: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let parts = path.strip_prefix(folder).ok()?.components();
    let parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    Some(parts.join("/"))
}

/// Compares what was locked with what is locked now.
fn changes(before: Option<&LockFile>, entries: &[Entry]) -> Vec<LockChange> {
    let packages = before.map(LockFile::packages).unwrap_or_default();
    let old: BTreeMap<String, _> = packages
        .iter()
        .map(|package| (package.normalized(), package))
        .collect();
    let new: BTreeMap<String, _> = entries
        .iter()
        .map(|entry| (entry.name.clone(), entry))
        .collect();
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| {
        let name = name.clone();
        match (old.get(&name), new.get(&name)) {
            (None, Some(entry)) => Some(LockChange::Added {
                name,
                version: entry.version.clone(),
            }),
            (Some(package), None) => Some(LockChange::Removed {
                name,
                version: package.version.clone(),
            }),
            (Some(package), Some(entry)) if package.version != entry.version => {
                Some(LockChange::Changed {
                    name,
                    from: package.version.clone(),
                    to: entry.version.clone(),
                })
            }
            (Some(package), Some(entry)) => {
                let hash = format!("sha256:{}", entry.sha256);
                let is_same = package
                    .all_wheels()
                    .iter()
                    .any(|wheel| wheel.hash().is_some_and(|locked| locked == hash));
                (!is_same).then(|| LockChange::OtherWheel {
                    name,
                    version: entry.version.clone(),
                    wheel: entry.file.clone(),
                })
            }
            (None, None) => None,
        }
    };
    names.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::lock_file::tests::{entry, read},
        *,
    };

    #[test]
    fn what_changes_is_one_line_for_each_package() {
        let text = lock_file::text(
            &[
                entry("a", "1"),
                entry("b", "1"),
                entry("c", "1"),
                entry("d", "1"),
            ],
            "sha256:00",
        );
        let before = read(&text).expect("it is whole");
        let mut other = entry("d", "1");
        other.sha256 = "00".repeat(32);
        let now = [entry("b", "1"), entry("c", "2"), other, entry("e", "3")];
        let lines: Vec<_> = changes(Some(&before), &now)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "removed a 1",
                "changed c 1 → 2",
                "changed d 1: the wheel is now d-1-py3-none-any.whl",
                "added e 3"
            ]
        );
        assert_eq!(changes(None, &now[..1]).len(), 1);
    }

    fn resolved(report: &str, folder: &Path) -> Result<Vec<Entry>, Problem> {
        let report: Report = serde_json::from_str(report).expect("it is a report");
        let entries = report.install.into_iter();
        entries.map(|resolved| resolved.entry(folder)).collect()
    }

    #[test]
    fn the_report_of_pip_is_read_without_paths_of_this_machine() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = fs::canonicalize(folder.path()).expect("it is there");
        fs::create_dir_all(folder.join("wheels")).expect("a folder");
        let inside = folder.join("wheels/own-1-py3-none-any.whl");
        fs::write(&inside, "x").expect("a file");
        let hash = "ab".repeat(32);
        let report = format!(
            r#"{{"version": "1", "install": [
            {{"metadata": {{"name": "A.b", "version": "1"}}, "index": "https://pypi.org/simple/", "file": null,
              "download_info": {{"url": "https://example.org/A.b-1%2Bc-py3-none-any.whl",
                "archive_info": {{"hashes": {{"sha256": "{hash}"}}}}}}}},
            {{"metadata": {{"name": "numpy", "version": "2"}}, "index": null, "file": "/opt/weft/numpy-2-native.whl",
              "download_info": {{"url": "file:///opt/weft/numpy-2-native.whl",
                "archive_info": {{"hash": "sha256={hash}"}}}}}},
            {{"metadata": {{"name": "own", "version": "1"}}, "index": null, "file": "{}",
              "download_info": {{"url": "file:///own.whl", "archive_info": {{}}}}}}]}}"#,
            inside.display()
        );
        let entries = resolved(&report, &folder).expect("all are wheels");
        assert_eq!(entries[0].name, "a-b");
        assert_eq!(entries[0].file, "A.b-1+c-py3-none-any.whl");
        assert_eq!(entries[0].path, None);
        assert_eq!(entries[1].url, None);
        assert_eq!(entries[1].path.as_deref(), Some("numpy-2-native.whl"));
        assert_eq!(entries[1].sha256, hash);
        assert_eq!(
            entries[2].path.as_deref(),
            Some("wheels/own-1-py3-none-any.whl")
        );
        assert_eq!(entries[2].sha256, Digest::of(b"x").hex());
    }

    #[test]
    fn only_wheels_can_be_locked() {
        let report = r#"{"install": [{"metadata": {"name": "a", "version": "1"},
            "download_info": {"url": "https://example.org/a.git", "vcs_info": {"vcs": "git"}}}]}"#;
        let problem = resolved(report, Path::new("/")).expect_err("it is a repository");
        assert_eq!(
            problem.message,
            "a 1 can't be locked: https://example.org/a.git is not a wheel"
        );
    }
}
