//! Python, the SDK and the libraries of a project's packages, linked into one component.
//!
//! componentize-py links them, starts Python and imports the SDK. It compiles everything for that run, with all
//! optimisations, so it gets the libraries of packages without the code that they don't start with. Their code
//! is put into what it made, and all libraries become one module, so that no instance links them again.

use super::{
    LANGUAGE, LAST_CALLS, does_not_load, embedded_sdk,
    installed::{Installed, is_library},
    reported,
    tools::{COMPONENTIZE_PY, Tools},
    write,
};
use crate::{
    build_dir::{self, run_tool},
    component_cache::{ComponentCache, Fingerprint},
    embedded_sdk::WIT,
};
use serde_json::json;
use std::{fs, io, path::Path};
use weft_api::problem::{Code, Problem};
use weft_sandbox::{
    merge,
    stub::{self, Stub},
};

/// How many are cached, the last used ones; each has up to a hundred megabytes.
const MAX_LINKED: usize = 6;
/// The module that Python starts with.
const ENTRY: &str = "weft_component";
/// Its text.
const ENTRY_TEXT: &str = "from weft.guest.prepare import prepare_linked\n\nprepare_linked(\"/0\")\n\nfrom weft.guest.component import Tasks\n";
/// What is done with what componentize-py makes.
const FORM: &str = "one module";
/// Where packages are mounted: the second folder.
const PACKAGES_MOUNT: &str = "/1";
/// What packages are called in tracebacks.
const PACKAGES_PREFIX: &str = "site-packages/";

/// The component that these packages are linked into.
pub(super) fn find_or_build(
    tools: &Tools,
    packages: Option<&Installed>,
) -> Result<Vec<u8>, Problem> {
    let cache = ComponentCache::of(LANGUAGE, "linked", MAX_LINKED);
    let key = fingerprint(packages).key();
    if let Some(linked) = cache.find(&key) {
        return Ok(linked);
    }
    let packages = packages.map(Installed::path);
    let linked = match &packages {
        Some(folder) => with_stubs(tools, folder)?,
        None => None,
    };
    let linked = match linked {
        Some(linked) => linked,
        None => build(tools, packages.as_deref())?.map_err(Failure::into_problem)?,
    };
    // A form that the merge does not know works as it is, and starts more slowly.
    let linked = merge::merge(&linked, &LAST_CALLS).unwrap_or(linked);
    cache.store(&key, &linked);
    Ok(linked)
}

/// Everything that it is made of.
pub(super) fn fingerprint(packages: Option<&Installed>) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("componentize-py", COMPONENTIZE_PY.as_bytes());
    fingerprint.add("entry", ENTRY_TEXT.as_bytes());
    fingerprint.add("form", FORM.as_bytes());
    for (name, text) in embedded_sdk::SDK.iter().chain(WIT) {
        fingerprint.add(name, text.as_bytes());
    }
    if let Some(packages) = packages {
        fingerprint.add("packages", packages.text().as_bytes());
    }
    fingerprint
}

/// Links stubs of the libraries, then puts their code in. `None` where there are no libraries, or one does not
/// start without all of its code.
fn with_stubs(tools: &Tools, packages: &Path) -> Result<Option<Vec<u8>>, Problem> {
    let folder = build_dir::temporary(LANGUAGE)?;
    let mut stubs = Vec::new();
    lay_out_stubs(packages, folder.path(), &mut stubs)
        .map_err(|error| Problem::io("copy", packages, &error))?;
    if stubs.is_empty() {
        return Ok(None);
    }
    let linked = build(tools, Some(folder.path()))?.ok();
    Ok(linked.and_then(|linked| stub::complete(&linked, &stubs)))
}

/// The files of a folder in another one, with stubs in place of libraries.
fn lay_out_stubs(from: &Path, to: &Path, stubs: &mut Vec<Stub>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            lay_out_stubs(&path, &copy, stubs)?;
            continue;
        }
        if is_library(&path) {
            let number = u32::try_from(stubs.len()).unwrap_or(u32::MAX);
            if let Some(stub) = stub::stub(&fs::read(&path)?, number) {
                fs::write(&copy, &stub.library)?;
                stubs.push(stub);
                continue;
            }
        }
        // The cache is on the same disk, usually.
        fs::hard_link(&path, &copy).or_else(|_| fs::copy(&path, &copy).map(|_| ()))?;
    }
    Ok(())
}

/// Why there is no component.
enum Failure {
    /// In Python's words.
    Reported(String),
    /// In the tool's words.
    Failed(String),
}

impl Failure {
    fn into_problem(self) -> Problem {
        match self {
            Self::Reported(words) => does_not_load(&words),
            // Not the author's fault, so that whatever there is should be seen.
            Self::Failed(words) => {
                let words = words.split("Stack backtrace:").next();
                anstream::eprintln!("{}", words.unwrap_or_default().trim_end());
                Problem::new(
                    Code::BuildFailed,
                    "componentize-py did not make a component",
                )
            }
        }
    }
}

/// Has componentize-py link Python with the packages in a folder.
fn build(tools: &Tools, packages: Option<&Path>) -> Result<Result<Vec<u8>, Failure>, Problem> {
    let stage = build_dir::temporary(LANGUAGE)?;
    let app = stage.path().join("app");
    for (name, text) in embedded_sdk::SDK {
        write(&app.join(name), text.as_bytes())?;
    }
    for (name, text) in WIT {
        write(&stage.path().join("wit").join(name), text.as_bytes())?;
    }
    let plan = json!({
        "packages": packages.map(|_| PACKAGES_MOUNT),
        "prefix": PACKAGES_PREFIX,
    });
    write(&app.join("build.json"), plan.to_string().as_bytes())?;
    write(&app.join(format!("{ENTRY}.py")), ENTRY_TEXT.as_bytes())?;
    // Without one componentize-py takes the packages of whatever Python runs it.
    fs::create_dir_all(stage.path().join("environment/lib/python3/site-packages"))
        .map_err(|error| Problem::io("write", stage.path(), &error))?;
    componentize(tools, stage.path(), packages)
}

/// Runs componentize-py.
fn componentize(
    tools: &Tools,
    stage: &Path,
    packages: Option<&Path>,
) -> Result<Result<Vec<u8>, Failure>, Problem> {
    let (app, output) = (stage.join("app"), stage.join("linked.wasm"));
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
    command.arg(ENTRY).arg("--output").arg(&output);
    let done = run_tool(&mut command)?;
    if done.success {
        let linked = fs::read(&output).map_err(|error| Problem::io("read", &output, &error))?;
        return Ok(Ok(linked));
    }
    Ok(Err(match reported(&app) {
        Some(words) => Failure::Reported(words),
        None => Failure::Failed(done.stderr),
    }))
}
