//! Makes a component of tasks in C and C++: each source is compiled with the
//! SDK's header by Zig's clang, linked with the SDK, and adapted.
//!
//! The compiler's messages go where ours do, as they are. Objects are kept in
//! the compiler's own cache, so that only what changed is compiled again. The
//! same sources give the same bytes wherever they lie: paths are given as they
//! are in the folder, and nothing for a debugger is kept.

mod compiler;

use super::{
    build_dir,
    embedded_sdk::{self, files},
    encode,
};
use compiler::{Compiler, Dialect};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};

/// The folder of the cache, and of the unpacked SDK.
const LANGUAGE: &str = "c";
/// The most sources of one component.
const MAX_SOURCES: usize = 2000;
/// Where sources stand, besides the folder itself.
const SOURCE_FOLDER: &str = "src";
/// Where headers stand, besides beside the sources.
const HEADER_FOLDER: &str = "include";

files! {
    /// The SDK: a header, and a library that is compiled along.
    SDK, "c",
    "include/weft.h",
    "src/weft.c",
    "src/weft_json.c",
    "src/weft_json.h",
}

/// A folder with sources, or one source.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    folder: PathBuf,
    /// Relative to the folder, in order.
    sources: Vec<PathBuf>,
}

impl Project {
    /// The folder, if it holds sources.
    pub(crate) fn in_folder(folder: &Path) -> Result<Option<Self>, Problem> {
        let mut sources = Vec::new();
        for within in ["", SOURCE_FOLDER] {
            find(folder, Path::new(within), &mut sources)?;
        }
        sources.sort();
        Ok((!sources.is_empty()).then(|| Self {
            folder: folder.to_owned(),
            sources,
        }))
    }

    /// One source, if it is one.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        Dialect::of(file)?;
        let parent = file
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        Some(Self {
            folder: parent.unwrap_or(Path::new(".")).to_owned(),
            sources: vec![PathBuf::from(file.file_name()?)],
        })
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Adds the sources of `folder/within`.
fn find(folder: &Path, within: &Path, sources: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let place = folder.join(within);
    let entries = match fs::read_dir(&place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Problem::io("read", &place, &error)),
    };
    for entry in entries {
        let path = entry
            .map_err(|error| Problem::io("read", &place, &error))?
            .path();
        if Dialect::of(&path).is_none() || !path.is_file() {
            continue;
        }
        if sources.len() == MAX_SOURCES {
            return Err(Problem::new(
                Code::BuildFailed,
                format!("{} holds more than {MAX_SOURCES} sources", folder.display()),
            )
            .help("compile libraries by themselves, and name a smaller folder"));
        }
        let name = path.file_name().expect("an entry has a name");
        sources.push(within.join(name));
    }
    Ok(())
}

/// Builds the project and answers with the component's bytes.
pub(super) fn build(project: &Project) -> Result<Vec<u8>, Problem> {
    let compiler = Compiler::find()?;
    let sdk = sdk()?;
    let stage = build_dir::temporary(LANGUAGE)?;
    // Compilers run in the author's folder, whose paths messages show.
    let room = build_dir::absolute(stage.path())?;
    let mut objects = Vec::new();
    let own = SDK.iter().map(|(path, _)| Path::new(path));
    for source in own.filter(|path| Dialect::of(path).is_some()) {
        let object = room.join(format!("{}.o", objects.len()));
        compiler.compile(&sdk, source, &[Path::new(HEADER_FOLDER)], &object)?;
        objects.push(object);
    }
    let include = sdk.join(HEADER_FOLDER);
    let headers = [include.as_path(), Path::new(HEADER_FOLDER), Path::new(".")];
    for source in &project.sources {
        let object = room.join(format!("{}.o", objects.len()));
        compiler.compile(&project.folder, source, &headers, &object)?;
        objects.push(object);
    }
    let dialect = project
        .sources
        .iter()
        .filter_map(|source| Dialect::of(source))
        .max()
        .unwrap_or(Dialect::C);
    let module = room.join("tasks.wasm");
    compiler.link(dialect, &objects, &module)?;
    let module = fs::read(&module).map_err(|error| Problem::io("read", &module, &error))?;
    encode::component(module)
}

/// The SDK, unpacked: `include` is for editors too.
fn sdk() -> Result<PathBuf, Problem> {
    let files: Vec<_> = SDK
        .iter()
        .map(|(path, contents)| ((*path).to_owned(), *contents))
        .collect();
    build_dir::absolute(&embedded_sdk::unpack(LANGUAGE, &files, |_| Ok(()))?)
}

/// What is there to build C and C++ with, or what is missing and the line that gets it.
pub(super) fn doctor() -> Result<String, Problem> {
    Compiler::describe()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdk_is_embedded() {
        let mut found = embedded_sdk::found(LANGUAGE, "src", &["c", "h"]);
        found.extend(embedded_sdk::found(LANGUAGE, "include", &["h"]));
        found.sort();
        assert_eq!(embedded_sdk::names(&[SDK]), found);
    }

    #[test]
    fn sources_stand_in_the_folder_and_in_src() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(
            Project::in_folder(folder.path())
                .expect("it is read")
                .is_none()
        );
        fs::create_dir_all(folder.path().join("src/deeper")).expect("a folder");
        for name in ["a.c", "a.h", "src/b.cpp", "src/deeper/c.c", "notes.txt"] {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        let project = Project::in_folder(folder.path()).expect("it is read");
        let sources = project.expect("there are sources").sources;
        assert_eq!(sources, [Path::new("a.c"), Path::new("src/b.cpp")]);
    }
}
