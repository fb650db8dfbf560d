//! The toolchain of JavaScript DAGs: the installed Node, and packages of fixed versions in a
//! folder of their own in the cache.

use super::LANGUAGE;
use crate::{
    build_dir::{cache_dir, run_tool},
    embedded_sdk::{self, files},
};
use serde_json::json;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use weft_api::problem::{Code, Problem};

files! {
    /// What Node runs, and the versions of its packages.
    BUILD, "js/build",
    "bundle.mjs",
    "component.mjs",
    "main.mjs",
    "map.mjs",
    "package.json",
}

/// What the first build gets; `sdk/js/build/package.json` says the versions.
pub(super) const VERSIONS: &str = "componentize-qjs 0.4.5, esbuild 0.28.2, typescript 7.0.2";
/// The oldest Node that the packages run on.
const OLDEST: u32 = 20;
/// The line that gets Node.
const GET_NODE: &str = if cfg!(target_os = "macos") {
    "brew install node"
} else {
    "curl -fsSL https://deb.nodesource.com/setup_24.x | sudo bash - && sudo apt-get install -y nodejs"
};

/// A folder with the packages and the scripts that use them.
#[derive(Debug)]
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// The folder, made if it isn't there yet.
    pub(super) fn find() -> Result<Self, Problem> {
        node()?;
        match Self::installed() {
            Some(tools) => Ok(tools),
            None => Self::install(),
        }
    }

    /// The folder, if it is there.
    pub(super) fn installed() -> Option<Self> {
        let folder = folder().ok()?;
        folder.is_dir().then_some(Self { folder })
    }

    /// Makes it beside its final name and renames it, so that one of that name is whole.
    fn install() -> Result<Self, Problem> {
        let folder = folder()?;
        let base = folder.parent().expect("it is in the cache folder");
        let write = |error: io::Error| Problem::io("write", base, &error);
        fs::create_dir_all(base).map_err(write)?;
        let draft = tempfile::Builder::new()
            .prefix("draft-")
            .tempdir_in(base)
            .map_err(write)?;
        let tools = Self {
            folder: draft.path().join("tools"),
        };
        embedded_sdk::write(&tools.folder, &files()).map_err(write)?;
        anstream::eprintln!("getting {VERSIONS}, once");
        let mut npm = Command::new("npm");
        npm.current_dir(&tools.folder).args([
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
            "--loglevel=error",
        ]);
        run_tool(&mut npm)
            .map_err(|_absent| missing("npm is not installed".to_owned()))?
            .check("npm can't get what components are built with", || {
                "npm needs the network, or a mirror: see npm's setting 'registry'".to_owned()
            })?;
        let plan = draft.path().join("plan.json");
        let text = json!({ "tools": tools.folder, "web": tools.web() });
        fs::write(&plan, text.to_string()).map_err(write)?;
        tools.finishes("web", &plan)?;
        match fs::rename(&tools.folder, &folder) {
            Ok(()) => {}
            // Another build was faster.
            Err(_) if folder.is_dir() => {}
            Err(error) => return Err(Problem::io("write", &folder, &error)),
        }
        Ok(Self { folder })
    }

    /// Compiles the SDK's sources, which lie in the folder, for Node and for compilers.
    pub(super) fn compile_sdk(&self, sdk: &Path) -> Result<(), Problem> {
        let plan = sdk.join("plan.json");
        let text =
            json!({ "tools": self.folder, "sdk": sdk.join("src"), "dist": sdk.join("dist") });
        fs::write(&plan, text.to_string()).map_err(|error| Problem::io("write", &plan, &error))?;
        self.finishes("dist", &plan)?;
        fs::remove_file(&plan).map_err(|error| Problem::io("write", &plan, &error))
    }

    /// Where they lie.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Their versions and scripts, as a name.
    pub(super) fn name() -> String {
        embedded_sdk::name(&files())
    }

    /// Globals that the engine lacks, from core-js.
    pub(super) fn web(&self) -> PathBuf {
        self.folder.join("web.js")
    }

    /// The compiler of TypeScript, to be given its arguments.
    pub(super) fn tsc(&self) -> Command {
        let mut tsc = Command::new("node");
        tsc.arg(self.folder.join("node_modules/typescript/bin/tsc"));
        tsc
    }

    /// Runs a step of `main.mjs`, which says by itself what is wrong; whether it succeeded.
    pub(super) fn step(&self, name: &str, plan: &Path) -> Result<bool, Problem> {
        let status = Command::new("node")
            .arg(self.folder.join("main.mjs"))
            .arg(name)
            .arg(plan)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| missing(format!("can't start node: {error}")))?;
        Ok(status.success())
    }

    /// A step that fails only where something is wrong with the tools.
    fn finishes(&self, name: &str, plan: &Path) -> Result<(), Problem> {
        if self.step(name, plan)? {
            return Ok(());
        }
        Err(Problem::new(
            Code::BuildFailed,
            format!("the tools for JavaScript do not work (step {name})"),
        )
        .help("their messages are above"))
    }
}

fn files() -> Vec<(String, &'static str)> {
    BUILD
        .iter()
        .map(|(path, contents)| ((*path).to_owned(), *contents))
        .collect()
}

/// Named for what is in it.
fn folder() -> Result<PathBuf, Problem> {
    Ok(cache_dir(LANGUAGE)?.join(format!("tools-{}", embedded_sdk::name(&files()))))
}

/// The installed Node's version, if it can be used.
pub(super) fn node() -> Result<String, Problem> {
    let output = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|_absent| missing("Node is not installed".to_owned()))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let version = said.trim_start_matches('v');
    let major = version
        .split('.')
        .next()
        .and_then(|part| part.parse::<u32>().ok());
    match major {
        Some(major) if major >= OLDEST => Ok(version.to_owned()),
        _ => Err(missing(format!(
            "node is {said:?}; Weft needs Node {OLDEST} or newer"
        ))),
    }
}

fn missing(why: String) -> Problem {
    Problem::new(Code::Missing, why).help(format!("install Node: {GET_NODE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_of_the_build_is_embedded() {
        assert_eq!(
            embedded_sdk::names(&[BUILD]),
            embedded_sdk::found("js/build", "", &["mjs", "json"])
        );
    }

    #[test]
    fn what_is_said_of_versions_is_what_is_pinned() {
        let pinned = BUILD
            .iter()
            .find(|(name, _)| *name == "package.json")
            .map(|(_, text)| text.replace("\": \"", " "))
            .expect("it is embedded");
        for version in VERSIONS.split(", ") {
            assert!(pinned.contains(version), "{version}");
        }
    }
}
