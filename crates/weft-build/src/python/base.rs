//! The base of components in Python: what is linked, with the SDK, the packages, and what the author's modules
//! import of them loaded.
//!
//! That takes seconds for large packages, and is the same as long as these lines are. So the state of memory
//! after it stays in the cache, and each build goes on from there.

use super::{
    LANGUAGE, STEP_MOUNT, fingerprint, imports,
    installed::{Installed, PREFIX, libraries},
    lay_out_sdk, linked,
    project::Sources,
    reported, step, taken_problem, write,
};
use crate::{build_dir, component_cache::ComponentCache};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use weft_api::problem::{Code, Problem};
use weft_sandbox::snapshot::State;

/// How many are cached, the last used ones; each has up to a hundred megabytes.
const MAX_BASES: usize = 6;
/// The packages' archive in the folder of a step.
const ARCHIVE: &str = "packages.zip";

/// The state to go on from for these sources.
pub(super) fn find_or_build(
    linked: &[u8],
    sources: &Sources,
    packages: Option<&Installed>,
) -> Result<State, Problem> {
    let imports = packages
        .map(|packages| imports::of_packages(sources, &packages.path()))
        .unwrap_or_default();
    if let Some(state) = find_or_take(linked, packages, &imports)? {
        return Ok(state);
    }
    // A package that can't be imported: the author's modules show where they ask for it.
    let state = find_or_take(linked, packages, &BTreeSet::new())?;
    state.ok_or_else(|| Problem::new(Code::BuildFailed, "the SDK does not load"))
}

/// The state that has these modules loaded; `None` where one of them can't be imported.
fn find_or_take(
    linked: &[u8],
    packages: Option<&Installed>,
    imports: &BTreeSet<String>,
) -> Result<Option<State>, Problem> {
    let cache = ComponentCache::of_states(LANGUAGE, "bases", MAX_BASES);
    let key = key(linked, packages, imports);
    if let Some(state) = cache.find(&key) {
        return Ok((!state.is_empty()).then(|| State::from_bytes(state)));
    }
    let stage = build_dir::temporary(LANGUAGE)?;
    lay_out_sdk(stage.path())?;
    let plan = json!({
        "packages": packages.map(|packages| add_packages(packages, stage.path())).transpose()?,
        "imports": imports,
    });
    write(
        &stage.path().join("build.json"),
        plan.to_string().as_bytes(),
    )?;
    match step(linked, None, stage.path()) {
        Ok(snapshot) => {
            cache.store(&key, snapshot.state.as_bytes());
            Ok(Some(snapshot.state))
        }
        Err(_) if reported(stage.path()).is_some() => {
            cache.store(&key, &[]);
            Ok(None)
        }
        Err(error) => Err(taken_problem(&error)),
    }
}

/// Puts the packages' archive into the folder of a step; answers with what `prepare` has to know of it.
fn add_packages(packages: &Installed, stage: &Path) -> Result<Value, Problem> {
    let archive = packages.archive();
    fs::copy(&archive, stage.join(ARCHIVE))
        .map_err(|error| Problem::io("copy", &archive, &error))?;
    let libraries: BTreeMap<String, String> = libraries(&packages.path())?
        .into_iter()
        .map(|(name, _path)| (format!("{PREFIX}{name}"), linked::library_name(&name)))
        .collect();
    Ok(json!({
        "archive": format!("{STEP_MOUNT}/{ARCHIVE}"),
        "root": PREFIX.trim_end_matches('/'),
        "libraries": libraries,
    }))
}

/// The key of the state of this linked component that has these modules loaded.
fn key(linked: &[u8], packages: Option<&Installed>, imports: &BTreeSet<String>) -> String {
    let mut fingerprint = fingerprint::of_packages(packages);
    fingerprint.add("linked", linked);
    for module in imports {
        fingerprint.add("import", module.as_bytes());
    }
    fingerprint.key()
}
