//! The base of components in Python: Python, the SDK and the packages of a project, loaded.
//!
//! componentize-py links Python with the packages' libraries, and imports what the author's modules
//! import of packages. That takes a minute for large ones, and is the same as long as the packages are:
//! a base stays in the cache, and each build goes on from there.

use super::{
    LANGUAGE, does_not_load, embedded_sdk, fingerprint, imports, installed::Installed,
    project::Sources, reported, tools::Tools, write,
};
use crate::{
    build_dir::{self, run_tool},
    component_cache::ComponentCache,
    embedded_sdk::WIT,
};
use serde_json::json;
use std::{collections::BTreeSet, fs, path::Path};
use weft_api::problem::{Code, Problem};

/// How many are cached, the last used ones; each has up to a hundred megabytes.
const MAX_BASES: usize = 6;
/// The module that a base is made of.
const ENTRY: &str = "weft_component";
/// Its text.
pub(super) const ENTRY_TEXT: &str = "from weft.guest.prepare import prepare_base\n\nprepare_base(\"/0\")\n\nfrom weft.guest.component import Tasks\n";
/// Where packages are mounted: the second folder.
const PACKAGES_MOUNT: &str = "/1";
/// What packages are called in tracebacks.
const PACKAGES_PREFIX: &str = "site-packages/";

/// The base for these sources.
pub(super) fn find_or_build(
    tools: &Tools,
    sources: &Sources,
    packages: Option<&Installed>,
) -> Result<Vec<u8>, Problem> {
    let imports = packages
        .map(|packages| imports::of_packages(sources, &packages.path()))
        .unwrap_or_default();
    let cache = ComponentCache::of(LANGUAGE, "bases", MAX_BASES);
    let key = fingerprint::base_key(packages, &imports);
    if let Some(base) = cache.find(&key) {
        return Ok(base);
    }
    let base = match build(tools, packages, &imports)? {
        Ok(base) => base,
        // A package that can't be imported: the author's modules show where they ask for it.
        Err(_words) if !imports.is_empty() => {
            build(tools, packages, &BTreeSet::new())?.map_err(|words| does_not_load(&words))?
        }
        Err(words) => return Err(does_not_load(&words)),
    };
    cache.store(&key, &base);
    Ok(base)
}

/// Builds a base, or answers with what went wrong in Python's words.
fn build(
    tools: &Tools,
    packages: Option<&Installed>,
    imports: &BTreeSet<String>,
) -> Result<Result<Vec<u8>, String>, Problem> {
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
        "imports": imports,
    });
    write(&app.join("build.json"), plan.to_string().as_bytes())?;
    write(&app.join(format!("{ENTRY}.py")), ENTRY_TEXT.as_bytes())?;
    // Without one componentize-py takes the packages of whatever Python runs it.
    fs::create_dir_all(stage.path().join("environment/lib/python3/site-packages"))
        .map_err(|error| Problem::io("write", stage.path(), &error))?;
    let packages = packages.map(Installed::path);
    componentize(tools, stage.path(), packages.as_deref())
}

/// Runs componentize-py.
fn componentize(
    tools: &Tools,
    stage: &Path,
    packages: Option<&Path>,
) -> Result<Result<Vec<u8>, String>, Problem> {
    let (app, output) = (stage.join("app"), stage.join("base.wasm"));
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
        let base = fs::read(&output).map_err(|error| Problem::io("read", &output, &error))?;
        return Ok(Ok(base));
    }
    if let Some(words) = reported(&app) {
        return Ok(Err(words));
    }
    // Not the author's fault, so that whatever there is should be seen.
    let said = done.stderr.split("Stack backtrace:").next();
    anstream::eprintln!("{}", said.unwrap_or_default().trim_end());
    Err(Problem::new(
        Code::BuildFailed,
        "componentize-py did not make a component",
    ))
}
