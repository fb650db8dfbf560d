//! The packages that DAGs need, packed into their component: whatever
//! `requirements.txt` or `pyproject.toml` names, in pure Python or with
//! libraries that were built for the sandbox.
//!
//! pip chooses among the package index and Weft's native packages; where there is a lock
//! file, it installs what that names and chooses nothing. Each list of requirements is
//! installed once, into a folder of its own in the cache; no network is needed after that.

use super::{
    Project, cache,
    installed::{Installed, PREFIX},
    lock_file::LockFile,
    locked,
    native::{self, ABI, PLATFORM},
    refusals,
    tools::Tools,
};
use crate::build_dir::run_tool;
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;
use weft_api::problem::{Code, Problem};
use weft_core::digest::Digest;

/// The Python that components hold.
pub(super) const PYTHON: &str = "3.14";
/// pip, which answers for the sandbox's Python.
const RESOLVE: &str = concat!(include_str!("guest.py"), include_str!("resolve.py"));
/// Packs what pip has installed.
const PACK: &str = include_str!("pack.py");
/// pip's options for exactly the files of a list, which has their digests.
const LOCKED: [&str; 2] = ["--require-hashes", "--no-deps"];

/// What pip is to install.
struct Wanted {
    /// The list, as pip reads it.
    list: String,
    /// The name of the folder in the cache.
    key: String,
    /// Whether the list is from a lock file.
    is_locked: bool,
}

/// The project's packages, if it needs any.
pub(super) fn installed(project: &Project) -> Result<Option<Installed>, Problem> {
    let requirements = project.requirements()?;
    let lock = LockFile::in_folder(project.folder())?;
    if requirements.is_none() && lock.is_none() {
        return Ok(None);
    }
    let tools = &Tools::find()?;
    let Some(wanted) = wanted(project, requirements, lock.as_ref(), tools)? else {
        return Ok(None);
    };
    let base = cache()?.join("packages");
    let folder = base.join(&wanted.key);
    if let Some(found) = Installed::read(&folder) {
        return Ok(Some(found));
    }
    let draft = draft()?;
    if folder.exists() {
        // It was cut short, or changed by hand.
        fs::remove_dir_all(&folder).map_err(|error| Problem::io("write", &base, &error))?;
    }
    install(project, tools, &wanted, draft.path())?;
    let whole = draft.path().join("whole");
    pack(tools, &whole)?;
    Installed::take_stock(&whole)?;
    if let Some(new) = Installed::read(&whole) {
        native::check_wheels(&new.names())?;
    }
    match fs::rename(&whole, &folder) {
        Ok(()) => {}
        // Another build was faster.
        Err(_) if folder.is_dir() => {}
        Err(error) => return Err(Problem::io("write", &folder, &error)),
    }
    Installed::read(&folder).map(Some).ok_or_else(|| {
        Problem::new(
            Code::BuildFailed,
            format!(
                "the packages in {} changed while they were read",
                folder.display()
            ),
        )
        .help("build once more")
    })
}

/// What the lock file names, or else the requirements.
fn wanted(
    project: &Project,
    requirements: Option<String>,
    lock: Option<&LockFile>,
    tools: &Tools,
) -> Result<Option<Wanted>, Problem> {
    if let Some(lock) = lock {
        let pins = locked::pins(lock, project, requirements.as_deref(), tools)?;
        return Ok((!pins.is_empty()).then(|| Wanted {
            list: locked::list(&pins, requirements.as_deref().unwrap_or_default()),
            key: key(&[&locked::identity(&pins), PLATFORM]),
            is_locked: true,
        }));
    }
    Ok(requirements.map(|list| {
        // Other native packages may choose others.
        let further = native::further().unwrap_or_default();
        let wheels = native::wheel_files(Path::new(&further)).join("\n");
        let key = key(&[&list, native::list_text(), &further, &wheels]);
        Wanted {
            list,
            key,
            is_locked: false,
        }
    }))
}

/// A folder for one run of pip, removed when it is dropped.
pub(super) fn draft() -> Result<TempDir, Problem> {
    let base = cache()?.join("packages");
    fs::create_dir_all(&base)
        .and_then(|()| tempfile::Builder::new().prefix("draft-").tempdir_in(&base))
        .map_err(|error| Problem::io("write", &base, &error))
}

/// Has pip choose the packages and unpack them below `draft`.
fn install(project: &Project, tools: &Tools, wanted: &Wanted, draft: &Path) -> Result<(), Problem> {
    let target = Installed::packages_of(&draft.join("whole"));
    let mut pip = pip(project, tools, &wanted.list, draft, &target)?;
    if wanted.is_locked {
        pip.args(LOCKED);
    }
    let done = run_tool(&mut pip)?;
    if done.success {
        return Ok(());
    }
    let changed = wanted.is_locked.then(|| refusals::other_file(&done));
    Err(changed
        .flatten()
        .unwrap_or_else(|| refusals::problem(&done, tools)))
}

/// Has Python make the archive of what is installed. In the sandbox it would take seconds.
fn pack(tools: &Tools, whole: &Path) -> Result<(), Problem> {
    let mut python = tools.python();
    python
        .args(["-c", PACK])
        .args([Installed::packages_of(whole), Installed::archive_of(whole)])
        .arg(PREFIX);
    run_tool(&mut python)?.check("the packages can't be packed", || {
        "wfctl doctor says whether Python can be used".to_owned()
    })
}

/// pip, to install what a list names into the folder `target`.
pub(super) fn pip(
    project: &Project,
    tools: &Tools,
    list: &str,
    draft: &Path,
    target: &Path,
) -> Result<Command, Problem> {
    let file = draft.join("requirements.txt");
    fs::write(&file, list)
        .and_then(|()| fs::create_dir_all(target))
        .map_err(|error| Problem::io("write", draft, &error))?;
    let mut pip = tools.python();
    // Names of files in the list are relative to the project's folder.
    pip.current_dir(project.folder())
        .env("WEFT_OWN_PACKAGES", native::OWN.join(" "))
        .args(["-c", RESOLVE, "--disable-pip-version-check", "--no-input"])
        .args(["install", "--no-compile", "--only-binary=:all:"])
        .args(["--implementation", "cp", "--python-version", PYTHON])
        .args(["--platform", PLATFORM, "--abi", ABI])
        .arg("--target")
        .arg(target)
        .arg("--requirement")
        .arg(&file);
    for place in native::places() {
        pip.args(["--find-links", &place]);
    }
    Ok(pip)
}

/// The name of the folder for what is installed.
fn key(parts: &[&str]) -> String {
    let all = [parts, &[RESOLVE]].concat().join("\0");
    Digest::of(all.as_bytes()).hex()
}
