//! The base of components in Python: what is linked, with what the author's modules import of packages loaded.
//!
//! That takes seconds for large packages, and is the same as long as these lines are. So the state of memory
//! after it stays in the cache, and each build goes on from there.

use super::{
    LANGUAGE, imports, installed::Installed, lay_out_sdk, project::Sources, reported, step,
    taken_problem, write,
};
use crate::{
    build_dir,
    component_cache::{ComponentCache, Fingerprint},
};
use serde_json::json;
use std::collections::BTreeSet;
use weft_api::problem::Problem;
use weft_sandbox::snapshot::State;

/// How many are cached, the last used ones; each has up to a hundred megabytes.
const MAX_BASES: usize = 6;

/// The state to go on from for these sources; `None` where it is that of the linked component.
pub(super) fn find_or_build(
    linked: &[u8],
    sources: &Sources,
    packages: Option<&Installed>,
) -> Result<Option<State>, Problem> {
    let imports = packages
        .map(|packages| imports::of_packages(sources, &packages.path()))
        .unwrap_or_default();
    if imports.is_empty() {
        return Ok(None);
    }
    let cache = ComponentCache::of_states(LANGUAGE, "bases", MAX_BASES);
    let key = key(linked, &imports);
    if let Some(state) = cache.find(&key) {
        return Ok((!state.is_empty()).then(|| State::from_bytes(state)));
    }
    let stage = build_dir::temporary(LANGUAGE)?;
    lay_out_sdk(stage.path())?;
    let plan = json!({ "imports": imports }).to_string();
    write(&stage.path().join("build.json"), plan.as_bytes())?;
    match step(linked, None, stage.path()) {
        Ok(snapshot) => {
            cache.store(&key, snapshot.state.as_bytes());
            Ok(Some(snapshot.state))
        }
        // A package that can't be imported: the author's modules show where they ask for it.
        Err(_) if reported(stage.path()).is_some() => {
            cache.store(&key, &[]);
            Ok(None)
        }
        Err(error) => Err(taken_problem(&error)),
    }
}

/// The key of the state of this linked component that has these modules loaded.
fn key(linked: &[u8], imports: &BTreeSet<String>) -> String {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("linked", linked);
    for module in imports {
        fingerprint.add("import", module.as_bytes());
    }
    fingerprint.key()
}
