//! The compiler of C and C++: Zig's clang, which comes with libraries for WASI.
//! The machine's own `zig`, or one from Python's package index.

use crate::{
    build_dir,
    environment::{self, Environment, Package},
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use weft_api::problem::Problem;

const PACKAGE: Package = Package {
    name: "ziglang",
    version: "0.17.1",
};
const TARGET: &str = "wasm32-wasi";
/// Small files; exceptions can't be thrown in WASI.
const FLAGS: [&str; 7] = [
    "-Os",
    "-g0",
    "-Wall",
    "-Wextra",
    "-fno-exceptions",
    "-target",
    TARGET,
];

/// What a source is written in; the greater one decides how all are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dialect {
    C,
    Cpp,
}

impl Dialect {
    /// By the end of its name.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "c" => Some(Self::C),
            "cpp" | "cc" | "cxx" => Some(Self::Cpp),
            _ => None,
        }
    }

    const fn driver(self) -> &'static str {
        match self {
            Self::C => "cc",
            Self::Cpp => "c++",
        }
    }
}

/// A compiler that makes WASI modules.
#[derive(Debug)]
pub(super) enum Compiler {
    /// `zig` of the path.
    Installed,
    /// In an environment in the cache folder.
    Package(Environment),
}

impl Compiler {
    /// The machine's, or one of its own, got if it isn't there yet.
    pub(super) fn find() -> Result<Self, Problem> {
        if version().is_some() {
            return Ok(Self::Installed);
        }
        Environment::find(PACKAGE).map(Self::Package)
    }

    /// In a few words, for `doctor`.
    pub(super) fn describe() -> Result<String, Problem> {
        if let Some(version) = version() {
            return Ok(format!("zig {version}"));
        }
        let Package { name, version } = PACKAGE;
        if Environment::installed(PACKAGE).is_some() {
            return Ok(format!("{name} {version}"));
        }
        let python = environment::python()?;
        Ok(format!("{python}; the first build gets {name} {version}"))
    }

    /// Compiles a source of this folder.
    pub(super) fn compile(
        &self,
        folder: &Path,
        source: &Path,
        headers: &[&Path],
        object: &Path,
    ) -> Result<(), Problem> {
        let dialect = Dialect::of(source).expect("it was found by the end of its name");
        let mut command = self.command(dialect)?;
        command.current_dir(folder).arg("-c").arg(source);
        for header in headers {
            command.arg("-I").arg(header);
        }
        build_dir::run_compiler(command.arg("-o").arg(object), || {
            format!("{} does not compile", source.display())
        })
    }

    /// Links objects to a module that exports functions, and has no `main`.
    pub(super) fn link(
        &self,
        dialect: Dialect,
        objects: &[PathBuf],
        module: &Path,
    ) -> Result<(), Problem> {
        let mut command = self.command(dialect)?;
        command
            .args(["-mexec-model=reactor", "-s"])
            .args(objects)
            .arg("-o")
            .arg(module);
        build_dir::run_compiler(&mut command, || "the tasks do not link".to_owned())
    }

    fn command(&self, dialect: Dialect) -> Result<Command, Problem> {
        let cache = build_dir::cache_dir(super::LANGUAGE)?.join("zig");
        let mut command = match self {
            Self::Installed => Command::new("zig"),
            Self::Package(environment) => {
                let mut python = environment.python();
                python.args(["-m", PACKAGE.name]);
                python
            }
        };
        for variable in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"] {
            // A cache folder that the environment names is kept.
            if std::env::var_os(variable).is_none() {
                command.env(variable, &cache);
            }
        }
        command.arg(dialect.driver()).args(FLAGS);
        Ok(command)
    }
}

/// What the `zig` of the path says it is, if it works.
fn version() -> Option<String> {
    let output = Command::new("zig").arg("version").output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(said)
}
