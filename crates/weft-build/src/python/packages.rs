//! The packages that DAGs need, packed into their component: whatever
//! `requirements.txt` or `pyproject.toml` names, in pure Python or with
//! libraries that were built for the sandbox.
//!
//! pip chooses among the package index and Weft's native packages. Each list of
//! requirements is installed once, into a folder of its own in the cache; no
//! network is needed after that.

use super::{
    Project, cache,
    installed::Installed,
    native::{self, ABI, PLATFORM},
    refusals,
    tools::Tools,
};
use crate::build_dir::run_tool;
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};
use weft_core::digest::Digest;

/// The Python that components hold.
pub(super) const PYTHON: &str = "3.14";
/// pip, which answers for the sandbox's Python.
const RESOLVE: &str = include_str!("resolve.py");

/// The project's packages, if it needs any.
pub(super) fn installed(project: &Project, tools: &Tools) -> Result<Option<Installed>, Problem> {
    let Some(requirements) = project.requirements()? else {
        return Ok(None);
    };
    let base = cache()?.join("packages");
    let folder = base.join(key(&requirements));
    if let Some(found) = Installed::read(&folder) {
        return Ok(Some(found));
    }
    let write = |error: std::io::Error| Problem::io("write", &base, &error);
    fs::create_dir_all(&base).map_err(write)?;
    if folder.exists() {
        // It was cut short, or changed by hand.
        fs::remove_dir_all(&folder).map_err(write)?;
    }
    let draft = tempfile::Builder::new()
        .prefix("draft-")
        .tempdir_in(&base)
        .map_err(write)?;
    install(project, tools, &requirements, draft.path())?;
    let whole = draft.path().join("whole");
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

/// Has pip choose the packages and unpack them below `draft`.
fn install(
    project: &Project,
    tools: &Tools,
    requirements: &str,
    draft: &Path,
) -> Result<(), Problem> {
    let list = draft.join("requirements.txt");
    let target = Installed::packages_of(&draft.join("whole"));
    fs::write(&list, requirements)
        .and_then(|()| fs::create_dir_all(&target))
        .map_err(|error| Problem::io("write", draft, &error))?;
    let mut pip = tools.python();
    // Names of files in the list are relative to the project's folder.
    pip.current_dir(project.folder())
        .args(["-c", RESOLVE, "--disable-pip-version-check", "--no-input"])
        .args(["install", "--no-compile", "--only-binary=:all:"])
        .args(["--implementation", "cp", "--python-version", PYTHON])
        .args(["--platform", PLATFORM, "--abi", ABI])
        .arg("--target")
        .arg(&target)
        .arg("--requirement")
        .arg(&list);
    for place in native::places() {
        pip.args(["--find-links", &place]);
    }
    let done = run_tool(&mut pip)?;
    if done.success {
        return Ok(());
    }
    Err(refusals::problem(&done, tools))
}

/// The name of the folder for a list of requirements: other native packages may choose others.
fn key(requirements: &str) -> String {
    let further = native::further().unwrap_or_default();
    let all = format!(
        "{requirements}\0{}\0{RESOLVE}\0{further}\0{}",
        native::list_text(),
        wheels_of(Path::new(&further)).join("\n")
    );
    let digest = Digest::of(all.as_bytes()).to_string();
    digest.rsplit(':').next().unwrap_or(&digest).to_owned()
}

/// The wheels in a folder, by name; none where it is an address.
fn wheels_of(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            PathBuf::from(name)
                .extension()
                .is_some_and(|end| end == "whl")
        })
        .collect();
    names.sort();
    names
}
