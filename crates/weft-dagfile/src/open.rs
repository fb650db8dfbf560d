//! Opens what the user named and says what it is, without running guest code.

use bytes::Bytes;
use std::path::{Path, PathBuf};
use weft_api::{
    problem::{Code, Problem, Problems},
    text::{listed, nearest},
};
use weft_core::document::Format;
use weft_sandbox::{
    Digest, GuestKind, Inspection, container,
    inspect::{FileKind, Import, InspectError, inspect},
};

/// A file that may hold DAGs.
#[derive(Debug)]
pub struct OpenedFile {
    /// As the user named it, or as it was found in the folder.
    pub name: String,
    /// Of the whole file.
    pub digest: Digest,
    /// What kind of file it is.
    pub content: Content,
}

/// Its content.
#[derive(Debug)]
pub enum Content {
    /// A component that exports `weft:dag/tasks`.
    Component(Bytes),
    /// A packed manifest.
    Container {
        /// The DAG document, as JSON.
        document: String,
        /// The files that its tasks name.
        files: Vec<(String, Bytes)>,
    },
    /// A manifest.
    Manifest {
        /// The whole text.
        text: String,
        /// TOML or JSON.
        format: Format,
        /// Where the files that it names are.
        folder: PathBuf,
    },
}

impl OpenedFile {
    /// Opens a file, or the DAG of a folder.
    pub fn open(path: &Path) -> Result<Self, Problems> {
        let path = &find(path)?;
        let bytes = read(path)?;
        let name = path.display().to_string();
        let digest = Digest::of(&bytes);
        let content = if is_wasm(&bytes) {
            wasm(&name, &bytes)?
        } else {
            manifest(path, &name, bytes)?
        };
        Ok(Self {
            name,
            digest,
            content,
        })
    }

    /// A WebAssembly file that is in memory already.
    pub fn of_wasm(name: &str, bytes: &Bytes) -> Result<Self, Problem> {
        let content = wasm(name, bytes)?;
        Ok(Self {
            name: name.to_owned(),
            digest: Digest::of(bytes),
            content,
        })
    }
}

/// The file itself; for a folder its `dag.toml` or else its `dag.wasm`.
pub fn find(path: &Path) -> Result<PathBuf, Problem> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        let problem = Problem::io("open", path, &error);
        if error.kind() == std::io::ErrorKind::NotFound {
            problem.help(missing_help(path))
        } else {
            problem
        }
    })?;
    if !metadata.is_dir() {
        return Ok(path.to_owned());
    }
    // The current folder goes without saying.
    let folder = path.strip_prefix(".").unwrap_or(path);
    ["dag.toml", "dag.wasm"]
        .iter()
        .map(|name| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            let problem = Problem::new(
                Code::NoDagInFolder,
                format!(
                    "the folder {} holds neither dag.toml nor dag.wasm",
                    path.display()
                ),
            );
            if path.join("Cargo.toml").is_file() {
                problem.help("build it first: wfctl build")
            } else {
                problem.help("name a file, or begin with: wfctl new --lang rust NAME")
            }
        })
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Bytes, Problem> {
    std::fs::read(path)
        .map(Bytes::from)
        .map_err(|error| Problem::io("read", path, &error))
}

/// Whether bytes begin as WebAssembly does.
pub fn is_wasm(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm")
}

/// What the sandbox says of a WebAssembly file, or one problem.
pub fn inspected(name: &str, bytes: &[u8]) -> Result<Inspection, Problem> {
    inspect(bytes).map_err(|error| match error {
        InspectError::NotWasm(reason) => Problem::new(
            Code::WrongFileType,
            format!("{name} is not a WebAssembly file: {reason}"),
        )
        .help("give a dag.wasm, a dag.toml, or a folder that holds one"),
        InspectError::Malformed(reason) => Problem::new(
            Code::InvalidWasm,
            format!("{name} is malformed or cut off: {reason}"),
        )
        .help("build or download it again"),
    })
}

/// One problem for all imports that Weft does not offer.
pub fn check_imports(name: &str, imports: &[Import]) -> Result<(), Problem> {
    let unknown: Vec<&Import> = imports
        .iter()
        .filter(|import| import.not_offered.is_some())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let mut problem = Problem::new(
        Code::UnknownImport,
        format!(
            "{name} imports what Weft does not offer: {}",
            listed(unknown.iter().map(|import| import.name.as_str()))
        ),
    )
    .help(
        "build it for WASI 0.2 (or 0.1, for a program) and without host bindings of another kind",
    );
    for import in unknown.iter().take(5) {
        if let Some(why) = &import.not_offered {
            problem = problem.note(format!("{}: {why}", import.name));
        }
    }
    Err(problem)
}

fn wasm(name: &str, bytes: &Bytes) -> Result<Content, Problem> {
    let inspection = inspected(name, bytes)?;
    match inspection.kind {
        FileKind::Guest(GuestKind::Tasks | GuestKind::AsyncTasks) => {
            check_imports(name, &inspection.imports)?;
            Ok(Content::Component(bytes.clone()))
        }
        FileKind::Container(_) => {
            let container = container::unpack(bytes)
                .map_err(|error| Problem::new(Code::InvalidWasm, format!("{name}: {error}")).help("pack it again"))?;
            Ok(Content::Container {
                document: container.document.to_owned(),
                files: container.files.into_iter().map(|(file, content)| (file.to_owned(), bytes.slice_ref(content))).collect(),
            })
        }
        FileKind::Guest(GuestKind::Command | GuestKind::Module) => Err(Problem::new(
            Code::ProgramWithoutManifest,
            format!("{name} is a WASI program; on its own it says nothing about its DAG"),
        )
        .help(format!(
            "name it in a dag.toml beside it, and run that: [dag] id = \"example\", [tasks.main] program = {:?}",
            file_name(name)
        ))),
        FileKind::OtherComponent => Err(without_tasks(name, &inspection.exports)),
        FileKind::OtherModule => Err(without_start(name)),
    }
}

/// A component that Weft can't run.
pub fn without_tasks(name: &str, exports: &[String]) -> Problem {
    let problem = Problem::new(
        Code::ComponentWithoutTasks,
        format!("{name} is a component that exports neither weft:dag/tasks nor wasi:cli/run"),
    )
    .help("build it with an SDK of Weft (wfctl new shows how), or as a WASI program");
    if exports.is_empty() {
        problem.note("it exports nothing")
    } else {
        problem.note(format!(
            "it exports {}",
            listed(exports.iter().map(String::as_str))
        ))
    }
}

/// A module that Weft can't run.
pub fn without_start(name: &str) -> Problem {
    Problem::new(
        Code::ModuleWithoutStart,
        format!("{name} is a WebAssembly module without a _start function"),
    )
    .help("build it as a program (a WASI command with a main function), not as a library")
}

fn manifest(path: &Path, name: &str, bytes: Bytes) -> Result<Content, Problem> {
    let wrong = |reason: &str, help: &str| {
        Problem::new(Code::WrongFileType, format!("{name} is no DAG: {reason}")).help(help)
    };
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let format = match extension {
        "toml" => Format::Toml,
        "json" => Format::Json,
        "wat" => {
            return Err(wrong(
                "it is WebAssembly's text form",
                "translate it first: wasm-tools parse FILE.wat -o FILE.wasm",
            ));
        }
        "rs" | "py" | "js" | "ts" | "go" | "c" | "cpp" => {
            return Err(wrong("it is source code", "build it first: wfctl build"));
        }
        _ if bytes.is_empty() => return Err(wrong("it is empty", "build it again")),
        _ if extension == "wasm" => {
            return Err(wrong(
                "it does not begin as WebAssembly does, with the bytes 00 61 73 6d",
                "build it again",
            ));
        }
        _ => {
            return Err(wrong(
                "it is neither WebAssembly nor named *.toml or *.json",
                "give a dag.wasm, a dag.toml, or a folder that holds one",
            ));
        }
    };
    let text = String::from_utf8(bytes.into()).map_err(|error| {
        wrong(
            &format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()),
            "save it as UTF-8",
        )
    })?;
    // A path without a folder names one in the current folder.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Ok(Content::Manifest {
        text,
        format,
        folder: folder.to_owned(),
    })
}

/// What to do about a file that is not there: the nearest name in its folder.
pub(crate) fn missing_help(path: &Path) -> String {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let wanted = file_name(&path.display().to_string());
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("there is no folder {} either", folder.display());
    };
    let names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(near) => format!(
            "did you mean {}?",
            folder
                .strip_prefix(".")
                .unwrap_or(folder)
                .join(near)
                .display()
        ),
        None => "check the path; it is read from the current folder".to_owned(),
    }
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(
        || path.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}
