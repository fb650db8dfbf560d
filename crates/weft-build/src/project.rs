//! Finds the sources of a DAG in a folder or a file, and builds them.
//!
//! What is made is described and checked before it replaces the file of an
//! earlier build, so that a `dag.wasm` that is there was good.

use crate::{
    c, go, js, pack,
    python::{self, Lock},
    rust,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem, Problems};
use weft_dagfile::{DagFile, OpenedFile, engine};

/// What a build made.
#[derive(Debug)]
pub struct Built {
    /// Where it is.
    pub file: PathBuf,
    /// In bytes.
    pub bytes: usize,
    /// What it describes, and the digest.
    pub dag_file: DagFile,
}

/// Builds, checks the result, and then replaces the file.
///
/// `output` names the file to write; `dag.wasm` in the folder where it is not given.
///
/// # Errors
/// What is missing to build it, or wrong with what it makes.
pub fn build(path: &Path, output: Option<&Path>) -> Result<Built, Problems> {
    let mut document = None;
    let (bytes, folder) = match source(path)? {
        Source::Crate(folder) => (rust::build(&folder)?, folder),
        Source::Python(project) => {
            let folder = project.folder().to_owned();
            let component = python::build(&project)?;
            document = component.document;
            (component.bytes, folder)
        }
        Source::C(project) => {
            let folder = project.folder().to_owned();
            (c::build(&project)?, folder)
        }
        Source::Go(project) => {
            let folder = project.folder().to_owned();
            (go::build(&project)?, folder)
        }
        Source::Js(project) => {
            let folder = project.folder().to_owned();
            (js::build(&project)?, folder)
        }
        Source::Manifest(file) => {
            let folder = file.parent().map(Path::to_owned).unwrap_or_default();
            (pack::pack(&file)?, folder)
        }
    };
    let file = output.map_or_else(|| folder.join("dag.wasm"), Path::to_owned);
    let draft = file.with_extension(format!("draft-{}.wasm", std::process::id()));
    write(&draft, &bytes)?;
    let dag_file = match checked(&draft, &file, document.as_deref()) {
        Ok(dag_file) => dag_file,
        Err(problems) => {
            // The message is about the DAG; a draft that can't be removed is the lesser trouble.
            let _left_over = fs::remove_file(&draft);
            return Err(problems);
        }
    };
    fs::rename(&draft, &file).map_err(|error| Problem::io("write", &file, &error))?;
    Ok(Built {
        file,
        bytes: bytes.len(),
        dag_file,
    })
}

/// Resolves the packages of a project in Python anew and writes them to its lock file.
///
/// # Errors
/// What the packages lack, or that the project is in another language.
pub fn lock(path: &Path) -> Result<Lock, Problem> {
    let instead = match source(path)? {
        Source::Python(project) => return python::lock(&project),
        Source::Crate(_) => "cargo keeps the versions of a crate in Cargo.lock",
        Source::Go(_) => "go keeps the versions of modules in go.mod and go.sum",
        Source::Js(_) => "npm keeps the versions of packages in package-lock.json",
        Source::C(_) => "sources in C and C++ name no packages",
        Source::Manifest(_) => "a manifest names files and no packages",
    };
    Err(Problem::new(
        Code::Usage,
        format!("--lock is for packages of Python: {instead}"),
    )
    .help("build without --lock"))
}

/// One file of a manifest and the files that it names, in memory.
///
/// # Errors
/// What is wrong with the manifest or its files.
pub fn packed(manifest: &Path) -> Result<Vec<u8>, Problems> {
    pack::pack(manifest)
}

/// Learns what was made: as every other command will, if it has not been described yet.
fn checked(draft: &Path, file: &Path, document: Option<&str>) -> Result<DagFile, Problems> {
    let mut opened = OpenedFile::open(draft)?;
    opened.name = file.display().to_string();
    if let Some(document) = document {
        return DagFile::of_described(opened, document);
    }
    let sandbox = engine::sandbox(1)?;
    engine::runtime()?.block_on(DagFile::load(opened, &sandbox))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(file, bytes))
        .map_err(|error| {
            Problem::new(
                Code::BuildFailed,
                format!("can't write {}: {error}", file.display()),
            )
            .help("name another place with -o")
        })
}

/// What there is to build.
pub(crate) enum Source {
    /// The folder of a Cargo.toml.
    Crate(PathBuf),
    /// A dag.toml, or its JSON.
    Manifest(PathBuf),
    /// Modules with DAGs.
    Python(python::Project),
    /// Sources in C or C++.
    C(c::Project),
    /// A package of Go.
    Go(go::Project),
    /// Modules of JavaScript or TypeScript with DAGs.
    Js(js::Project),
}

pub(crate) fn source(path: &Path) -> Result<Source, Problem> {
    let metadata = fs::metadata(path).map_err(|error| Problem::io("open", path, &error))?;
    let folder = if metadata.is_dir() {
        path
    } else if path.file_name().is_some_and(|name| name == "Cargo.toml") {
        path.parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
    } else if path.extension().is_some_and(|end| end == "py") {
        return Ok(Source::Python(python::Project::of_file(path)));
    } else if let Some(project) = js::Project::of_file(path) {
        return Ok(Source::Js(project));
    } else if let Some(project) = go::Project::of_file(path) {
        return Ok(Source::Go(project));
    } else if let Some(project) = c::Project::of_file(path) {
        return Ok(Source::C(project));
    } else {
        return Ok(Source::Manifest(path.to_owned()));
    };
    if folder.join("Cargo.toml").is_file() {
        return Ok(Source::Crate(folder.to_owned()));
    }
    let manifest = folder.join("dag.toml");
    if manifest.is_file() {
        return Ok(Source::Manifest(manifest));
    }
    if let Some(project) = go::Project::in_folder(folder) {
        return Ok(Source::Go(project));
    }
    // A module that imports the SDK says more than a file with some end.
    if let Some(project) = js::Project::in_folder(folder) {
        return Ok(Source::Js(project));
    }
    if let Some(project) = python::Project::in_folder(folder) {
        return Ok(Source::Python(project));
    }
    if let Some(project) = js::Project::with_manifest(folder) {
        return Ok(Source::Js(project));
    }
    if let Some(project) = c::Project::in_folder(folder)? {
        return Ok(Source::C(project));
    }
    Err(Problem::new(
        Code::NoDagInFolder,
        format!(
            "the folder {} holds neither Cargo.toml nor go.mod nor dag.toml nor modules with DAGs",
            folder.display()
        ),
    )
    .help("wfctl new NAME makes one that works, or name the folder: wfctl build PATH"))
}
