//! Makes one component of the Python DAGs of a folder, with componentize-py.
//!
//! Python itself runs while the component is built: it imports the author's
//! modules, puts the DAGs together, and what is in its memory then becomes the
//! component. `weft.guest.prepare` of the SDK is what runs there, and reports
//! in Python's own words. All that is built or installed stays in the cache
//! folder; the author's folder is only read.
//!
//! componentize-py draws random numbers, looks at clocks and at the times of
//! files while it takes the snapshot, and has no switch against it. So what was
//! made of the same sources with the same tools is kept under their digest, and
//! is the answer when they come again.

mod embedded_sdk;
mod fingerprint;
mod foreign_lock;
mod installed;
mod lock;
mod lock_file;
mod locked;
mod native;
mod packages;
mod project;
mod refusals;
mod tools;

pub(crate) use lock::lock;
pub use lock::{Lock, LockChange};
pub(crate) use project::Project;

use super::{
    build_dir::{self, run_tool},
    component_cache,
    embedded_sdk::WIT,
    test_command::TestCommand,
};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tools::Tools;
use weft_api::problem::{Code, Problem};

/// What runs an author's tests.
const PYTHON: &str = "python3";
/// The folder of the cache.
const LANGUAGE: &str = "python";
/// The module that the component is made of.
const ENTRY: &str = "weft_component";
/// Its text; the folder of the build is the first that componentize-py mounts.
const ENTRY_TEXT: &str = "from weft.guest.prepare import prepare\n\nprepare(\"/0\")\n\nfrom weft.guest.component import Tasks\n";
/// Where the author's packages are mounted: the second folder.
const PACKAGES_MOUNT: &str = "/1";
/// What packages are called in tracebacks.
const PACKAGES_PREFIX: &str = "site-packages";

/// What `prepare` writes.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    error: Option<String>,
}

/// Builds the project and answers with the component's bytes.
pub(super) fn build(project: &Project) -> Result<Vec<u8>, Problem> {
    let sources = project.sources()?;
    let tools = Tools::find()?;
    let packages = packages::installed(project, &tools)?;
    if let Some(packages) = &packages {
        anstream::eprintln!("packages:\n{}", packages.lines().join("\n"));
    }
    let key = fingerprint::key(&sources, packages.as_ref());
    if let Some(component) = component_cache::find(LANGUAGE, &key) {
        return Ok(component);
    }
    let packages = packages.map(|packages| packages.path());
    let stage = build_dir::temporary(LANGUAGE)?;
    let app = stage.path().join("app");
    lay_out(&app, stage.path(), &sources, packages.is_some())?;
    let component = stage.path().join("dag.wasm");
    componentize(&tools, stage.path(), packages.as_deref(), &component)?;
    let bytes = fs::read(&component).map_err(|error| Problem::io("read", &component, &error))?;
    component_cache::store(LANGUAGE, &key, &bytes);
    Ok(bytes)
}

/// The project's tests, by the Python that is active.
pub(super) fn tests(project: &Project) -> Result<TestCommand, Problem> {
    let has_pytest = Command::new(PYTHON)
        .args(["-c", "import pytest"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_pytest {
        return Err(Problem::new(
            Code::Missing,
            format!("{PYTHON} has no pytest, which runs tests in Python"),
        )
        .help("in a virtual environment, say: python3 -m venv .venv && . .venv/bin/activate && pip install pytest"));
    }
    let own = embedded_sdk::unpack()?.join("src");
    let paths = env::var_os("PYTHONPATH").unwrap_or_default();
    let paths = std::iter::once(own).chain(env::split_paths(&paths));
    let paths = env::join_paths(paths)
        .map_err(|error| Problem::new(Code::Usage, format!("PYTHONPATH can't be used: {error}")))?;
    let mut command = Command::new(PYTHON);
    command
        .current_dir(project.folder())
        .env("PYTHONPATH", paths)
        .args(["-m", "pytest"]);
    Ok(TestCommand {
        command,
        stage: None,
    })
}

/// The folder of everything about Python in the cache.
fn cache() -> Result<PathBuf, Problem> {
    build_dir::cache_dir(LANGUAGE)
}

/// Lays out what componentize-py is given.
fn lay_out(
    app: &Path,
    stage: &Path,
    sources: &project::Sources,
    packages: bool,
) -> Result<(), Problem> {
    let write = |path: PathBuf, contents: &[u8]| {
        fs::create_dir_all(path.parent().expect("every file is in a folder"))
            .and_then(|()| fs::write(&path, contents))
            .map_err(|error| Problem::io("write", &path, &error))
    };
    for (name, text) in embedded_sdk::SDK {
        write(app.join(name), text.as_bytes())?;
    }
    for (name, text) in WIT {
        write(stage.join("wit").join(name), text.as_bytes())?;
    }
    for (name, contents) in &sources.files {
        write(app.join("files").join(name), contents)?;
    }
    let mut folders = BTreeMap::from([(String::new(), "/0/files".to_owned())]);
    let mut roots = vec![sources.root.clone()];
    if packages {
        folders.insert(format!("{PACKAGES_PREFIX}/"), PACKAGES_MOUNT.to_owned());
        roots.push(PACKAGES_PREFIX.to_owned());
    }
    let plan = json!({ "roots": roots, "modules": sources.modules, "sources": folders });
    write(app.join("build.json"), plan.to_string().as_bytes())?;
    write(app.join(format!("{ENTRY}.py")), ENTRY_TEXT.as_bytes())?;
    // Without one componentize-py takes the packages of whatever Python runs it.
    fs::create_dir_all(stage.join("environment/lib/python3/site-packages"))
        .map_err(|error| Problem::io("write", stage, &error))
}

/// Runs componentize-py, and says what went wrong in Python's words.
fn componentize(
    tools: &Tools,
    stage: &Path,
    packages: Option<&Path>,
    output: &Path,
) -> Result<(), Problem> {
    let app = stage.join("app");
    let mut command = tools.componentize();
    command
        .current_dir(stage)
        .env("VIRTUAL_ENV", stage.join("environment"))
        .args(["--quiet", "--wit-path"])
        .arg(stage.join("wit"))
        .args(["--world", "guest", "componentize", "--python-path"])
        .arg(&app);
    if let Some(packages) = packages {
        command.arg("--python-path").arg(packages);
    }
    command.arg(ENTRY).arg("--output").arg(output);
    let done = run_tool(&mut command)?;
    if done.success {
        return Ok(());
    }
    let report = fs::read(app.join("report.json"))
        .ok()
        .and_then(|text| serde_json::from_slice::<Report>(&text).ok())
        .and_then(|report| report.error);
    let Some(words) = report else {
        // Not the author's fault, so that whatever there is should be seen.
        let said = done.stderr.split("Stack backtrace:").next();
        anstream::eprintln!("{}", said.unwrap_or_default().trim_end());
        return Err(Problem::new(
            Code::BuildFailed,
            "componentize-py did not make a component",
        ));
    };
    anstream::eprintln!("{words}");
    let problem = Problem::new(Code::BuildFailed, "the DAGs do not load");
    Err(match advice(&words) {
        Some(help) => problem.help(help),
        None => problem,
    })
}

/// What to do about an error that has a usual cause.
fn advice(words: &str) -> Option<String> {
    let last = words.lines().last().unwrap_or_default();
    let missing = last
        .strip_prefix("ModuleNotFoundError: No module named '")?
        .split(['\'', '.'])
        .next()?;
    Some(match missing {
        "airflow" => "change the import: from weft import dag, task".to_owned(),
        "_ssl" | "_lzma" | "_bz2" | "_zstd" | "fcntl" | "termios" => {
            format!("the Python of the sandbox has no {missing}")
        }
        name => format!("if {name} is a package, add it to requirements.txt"),
    })
}

/// What is there to build Python with, or what is missing and the line that gets it.
pub(crate) fn doctor() -> Result<String, Problem> {
    let found = super::environment::python()?;
    let version = tools::COMPONENTIZE_PY;
    Ok(match Tools::installed() {
        Some(_) => format!("{found}, componentize-py {version}"),
        None => format!("{found}; the first build gets componentize-py {version}"),
    })
}

/// The SDK as a package that pip installs, for tests and editors of the author.
pub fn sdk() -> Result<PathBuf, Problem> {
    embedded_sdk::unpack()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_module_is_explained() {
        let words =
            |name: &str| format!("Traceback\nModuleNotFoundError: No module named '{name}'");
        assert!(
            advice(&words("airflow.decorators"))
                .is_some_and(|help| help.contains("from weft import"))
        );
        assert!(advice(&words("yaml")).is_some_and(|help| help.contains("requirements.txt")));
        assert_eq!(advice("SyntaxError: invalid syntax"), None);
    }
}
