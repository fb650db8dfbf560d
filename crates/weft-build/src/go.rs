//! Makes a component of tasks in Go: the standard compiler makes a module of the
//! program with the SDK in it, which is adapted.
//!
//! The compiler's messages go where ours do, as they are, and what it compiled
//! stays in its own cache, in Weft's folder. The author's folder is only read:
//! that the SDK lies elsewhere is said in a `go.work` of the build. The same
//! sources give the same bytes wherever they lie: paths are trimmed, and nothing
//! for a debugger is kept.

mod compiler;
mod embedded_sdk;

use super::{build_dir, embedded_sdk as shared, encode, test_command::TestCommand};
use compiler::Compiler;
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};

/// The folder of the cache, and of the unpacked SDK.
const LANGUAGE: &str = "go";
/// What makes a folder a module.
const MODULE: &str = "go.mod";
/// The version of the language that the SDK is written in.
const LANGUAGE_VERSION: &str = "1.24";
/// No names for debuggers and no digest of paths. The SDK names the author's `main`, and the runtime of
/// its bindings a function of Go's own, which the linker would refuse.
const LINKER: &str = "-ldflags=-s -w -buildid= -checklinkname=0";

/// A package `main`.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    folder: PathBuf,
}

impl Project {
    /// The folder, if it is a module.
    pub(crate) fn in_folder(folder: &Path) -> Option<Self> {
        folder.join(MODULE).is_file().then(|| Self {
            folder: folder.to_owned(),
        })
    }

    /// The package of a source, or of a go.mod, if it is one.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        let is_source = file.extension().is_some_and(|end| end == "go");
        let is_module = file.file_name().is_some_and(|name| name == MODULE);
        let parent = file
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        (is_source || is_module).then(|| Self {
            folder: parent.unwrap_or(Path::new(".")).to_owned(),
        })
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the module that the package belongs to.
    fn module(&self) -> Result<PathBuf, Problem> {
        let folder = build_dir::absolute(&self.folder)?;
        let found = folder
            .ancestors()
            .find(|folder| folder.join(MODULE).is_file());
        found.map(Path::to_owned).ok_or_else(|| {
            Problem::new(
                Code::BuildFailed,
                format!("{} is in no Go module", self.folder.display()),
            )
            .help(format!(
                "make it one: cd {} && go mod init example.com/dags",
                self.folder.display()
            ))
        })
    }
}

/// Builds the project and answers with the component's bytes.
pub(super) fn build(project: &Project) -> Result<Vec<u8>, Problem> {
    let module = project.module()?;
    let compiler = Compiler::find()?;
    let sdk = embedded_sdk::unpack()?;
    let stage = build_dir::temporary(LANGUAGE)?;
    let room = build_dir::absolute(stage.path())?;
    let workspace = room.join("go.work");
    fs::write(&workspace, used(&compiler.version(), &[&module, &sdk]))
        .map_err(|error| Problem::io("write", &workspace, &error))?;
    let made = room.join("tasks.wasm");
    let mut command = compiler.command()?;
    command
        .current_dir(&project.folder)
        .env("GOWORK", &workspace)
        .args(["build", "-buildmode=c-shared", "-trimpath"])
        .args(["-buildvcs=false", LINKER, "-o"])
        .arg(&made)
        .arg(".");
    build_dir::run_compiler(&mut command, || "the tasks do not compile".to_owned())?;
    let module = fs::read(&made).map_err(|error| Problem::io("read", &made, &error))?;
    encode::component(module)
}

/// The tests of the package's module, which are compiled for this machine.
pub(super) fn tests(project: &Project) -> Result<TestCommand, Problem> {
    let module = project.module()?;
    let compiler = Compiler::find()?;
    let stage = build_dir::temporary(LANGUAGE)?;
    let workspace = build_dir::absolute(stage.path())?.join("go.work");
    let modules: [&Path; 2] = [&module, &embedded_sdk::unpack()?];
    fs::write(&workspace, used(&compiler.version(), &modules))
        .map_err(|error| Problem::io("write", &workspace, &error))?;
    let mut command = compiler.command()?;
    command
        .current_dir(&module)
        .env("GOWORK", &workspace)
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .args(["test", "./..."]);
    Ok(TestCommand {
        command,
        stage: Some(stage),
    })
}

/// A workspace of modules, none of which is asked for elsewhere.
fn used(version: &str, modules: &[&Path]) -> String {
    // Go reads a quoted path as Rust writes it, but for what no path should hold.
    let modules: Vec<_> = modules
        .iter()
        .map(|module| format!("\t{:?}\n", module.display().to_string()))
        .collect();
    format!("go {version}\n\nuse (\n{})\n", modules.concat())
}

/// Makes `go` find the SDK in this module, for editors and tests, unless the author wrote a workspace.
pub(crate) fn configure(project: &Path) -> Result<(), Problem> {
    let sdk = embedded_sdk::unpack()?;
    shared::offer(
        &project.join("go.work"),
        "//",
        &used(LANGUAGE_VERSION, &[Path::new("."), &sdk]),
    )
}

/// What is there to build Go with, or what is missing and the line that gets it.
pub(super) fn doctor() -> Result<String, Problem> {
    Compiler::describe()
}

/// The SDK as a module that a go.work uses, for tests and editors of the author.
pub fn sdk() -> Result<PathBuf, Problem> {
    embedded_sdk::unpack()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_lies_in_a_module() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Project::in_folder(folder.path()).is_none());
        let within = folder.path().join("cmd/dags");
        fs::create_dir_all(&within).expect("a folder");
        let project = Project::of_file(&within.join("main.go")).expect("it is a source");
        let problem = project.module().expect_err("there is no go.mod");
        assert!(
            problem.message.contains("no Go module"),
            "{}",
            problem.message
        );
        fs::write(folder.path().join(MODULE), "module dags\n").expect("a file");
        assert_eq!(project.module().expect("there is one"), folder.path());
        assert!(Project::in_folder(folder.path()).is_some());
    }

    #[test]
    fn an_authors_workspace_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("go.work");
        for sdk in ["/sdk/one", "/sdk/two"] {
            let text = used(LANGUAGE_VERSION, &[Path::new("."), Path::new(sdk)]);
            shared::offer(&file, "//", &text).expect("it is written");
            let found = fs::read_to_string(&file).expect("it is there");
            assert!(found.ends_with(&text), "{found}");
        }
        fs::write(&file, "go 1.24\n").expect("the author writes");
        shared::offer(&file, "//", "go 1.25\n").expect("it is left");
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "go 1.24\n");
    }
}
