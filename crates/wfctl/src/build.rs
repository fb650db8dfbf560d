//! `wfctl build`: makes one `dag.wasm` of a Rust crate, of DAGs in Python, JavaScript,
//! TypeScript, Go, C or C++, or of a manifest.
//!
//! What is made is described and checked before it replaces the file of an
//! earlier build, so that a `dag.wasm` that is there was good.

mod c;
mod carried;
mod encode;
mod environment;
mod go;
mod js;
mod kept;
pub(crate) mod own_tests;
mod pack;
mod python;
mod rust;
mod sdk;
mod toolchain;
mod watch;
mod workroom;

use crate::{
    command::run::named_files,
    engine,
    target::{Opened, Target},
};
use anstyle::Style;
use std::{
    fs,
    path::{Path, PathBuf},
};
use toolchain::Toolchain;
use weft_api::problem::{Code, Exit, Problem, Problems};

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Make one dag.wasm of a crate, of DAGs in another language, or of a manifest
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl build
  wfctl build quakes -o dist/quakes.wasm
  wfctl build dag.toml
  wfctl build my_dag.py
  wfctl build my_dag.ts
  wfctl build --watch

A folder with a Cargo.toml is compiled by cargo, one with a go.mod by Go; a
dag.toml is packed with the files that it names; Python modules, in dags/ or beside a pyproject.toml or
requirements.txt, are made one component together with the packages that they
need, and so are JavaScript and TypeScript modules that import @weft/sdk; sources in C
and C++, in the folder or in src/, are compiled with the SDK's weft.h. Exit code 1: it does not compile; 3: what it makes is no DAG.")]
pub(crate) struct BuildArgs {
    /// A folder with a Cargo.toml, a dag.toml, or modules of another language, or one of these files
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Where to write it [default: dag.wasm in the folder]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Build again whenever a source changes, until Ctrl-C
    #[arg(long, short)]
    pub(crate) watch: bool,
}

/// What a build made.
#[derive(Debug)]
pub(crate) struct Built {
    /// Where it stands.
    pub(crate) file: PathBuf,
    /// In bytes.
    pub(crate) bytes: usize,
    /// What it describes, and the digest.
    pub(crate) target: Target,
}

/// Builds, and says what was made; once, or at each change.
pub(crate) fn run(args: &BuildArgs) -> Result<Exit, Problems> {
    if args.watch {
        return watch::run(args);
    }
    show(&build(args)?);
    Ok(Exit::Success)
}

/// Says what was made.
fn show(built: &Built) {
    let file = built.file.display();
    anstream::println!(
        "{BOLD}{file}{BOLD:#}  {}  {FAINT}{}{FAINT:#}",
        size(built.bytes),
        built.target.digest
    );
    for dag in &built.target.document.dags {
        let tasks = dag.tasks.len();
        let files = named_files(dag).len();
        let mut facts = vec![counted(tasks, "task")];
        if files > 0 {
            facts.push(counted(files, "file"));
        }
        facts.extend(dag.schedule.as_ref().map(ToString::to_string));
        let description = dag
            .description
            .as_deref()
            .and_then(|text| text.lines().next())
            .unwrap_or_default();
        anstream::println!(
            "  {}  {}  {FAINT}{description}{FAINT:#}",
            dag.id,
            facts.join(", ")
        );
    }
}

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Builds, checks what was made, and puts it in its place.
pub(crate) fn build(args: &BuildArgs) -> Result<Built, Problems> {
    let (bytes, folder) = match source(&args.path)? {
        Source::Crate(folder) => (rust::build(&folder)?, folder),
        Source::Python(project) => {
            let folder = project.folder().to_owned();
            (python::build(&project)?, folder)
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
    let file = args
        .output
        .clone()
        .unwrap_or_else(|| folder.join("dag.wasm"));
    let draft = file.with_extension(format!("draft-{}.wasm", std::process::id()));
    write(&draft, &bytes)?;
    let target = match checked(&draft, &file) {
        Ok(target) => target,
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
        target,
    })
}

/// One file of a manifest and the files that it names, in memory.
pub(crate) fn packed(manifest: &Path) -> Result<Vec<u8>, Problems> {
    pack::pack(manifest)
}

/// Learns what was made, as every other command will.
fn checked(draft: &Path, file: &Path) -> Result<Target, Problems> {
    let mut opened = Opened::open(draft)?;
    opened.name = file.display().to_string();
    let sandbox = engine::sandbox(1)?;
    engine::runtime()?.block_on(Target::load(opened, &sandbox))
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
enum Source {
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

fn source(path: &Path) -> Result<Source, Problem> {
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

/// "214 KB".
fn size(bytes: usize) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} KB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// What is there to build Rust with, or what is missing and the line that gets it.
pub(crate) fn doctor() -> Result<String, Problem> {
    Toolchain::find(Path::new(".")).map(|toolchain| toolchain.describe())
}

/// What is there to build Python with, or what is missing and the line that gets it.
pub(crate) fn python_doctor() -> Result<String, Problem> {
    python::doctor()
}

/// What is there to build C and C++ with, or what is missing and the line that gets it.
pub(crate) fn c_doctor() -> Result<String, Problem> {
    c::doctor()
}

/// What is there to build Go with, or what is missing and the line that gets it.
pub(crate) fn go_doctor() -> Result<String, Problem> {
    go::doctor()
}

/// What is there to build JavaScript with, or what is missing and the line that gets it.
pub(crate) fn js_doctor() -> Result<String, Problem> {
    js::doctor()
}

/// The JavaScript SDK as a package that npm installs.
pub(crate) fn js_sdk() -> Result<PathBuf, Problem> {
    js::sdk()
}

/// The Python SDK as a package that pip installs.
pub(crate) fn python_sdk() -> Result<PathBuf, Problem> {
    python::sdk()
}

/// The Go SDK as a module that a go.work uses.
pub(crate) fn go_sdk() -> Result<PathBuf, Problem> {
    go::sdk()
}

/// Go told where the SDK of a new module lies.
pub(crate) fn supply_go_sdk(project: &Path) -> Result<(), Problem> {
    go::configure(project)
}

/// The SDK's folder for a new crate, and cargo told of it.
pub(crate) fn supply_sdk(project: &Path) -> Result<(), Problem> {
    sdk::configure(project, &sdk::unpacked()?)
}
