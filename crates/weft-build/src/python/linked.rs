//! Python and the libraries of a project's packages as one module, so that no instance links them again.

use super::{
    LANGUAGE, LAST_CALLS,
    installed::{Installed, libraries},
    runtime,
};
use crate::component_cache::{ComponentCache, Fingerprint};
use std::{collections::BTreeSet, fs};
use weft_api::problem::{Code, Problem};
use weft_sandbox::merge::{self, Library};

/// How many are cached, the last used ones; each has up to a hundred megabytes.
const MAX_LINKED: usize = 6;
/// The form of what is made.
const FORM: &str = "one module, linked after Python's start";
/// The folder that libraries seem to be in; there is none of that name.
const LIBRARIES: &str = "/packages";
/// What Python looks up in a library: the function that makes its module.
const LOOKED_UP: &str = "PyInit_";

/// The component that these packages are linked into.
pub(super) fn find_or_build(packages: Option<&Installed>) -> Result<Vec<u8>, Problem> {
    let cache = ComponentCache::of(LANGUAGE, "linked", MAX_LINKED);
    let key = fingerprint(packages).key();
    if let Some(linked) = cache.find(&key) {
        return Ok(linked);
    }
    let linked = link(&runtime::find_or_build()?, packages)?;
    cache.store(&key, &linked);
    Ok(linked)
}

/// Everything that it is made of.
pub(super) fn fingerprint(packages: Option<&Installed>) -> Fingerprint {
    let mut fingerprint = runtime::fingerprint();
    fingerprint.add("form", FORM.as_bytes());
    if let Some(packages) = packages {
        fingerprint.add("packages", packages.text().as_bytes());
    }
    fingerprint
}

/// What `dlopen` calls a library of the packages.
pub(super) fn library_name(path: &str) -> String {
    format!("{LIBRARIES}/{path}")
}

/// Links the packages' libraries, and those of the system that they need.
fn link(runtime: &[u8], packages: Option<&Installed>) -> Result<Vec<u8>, Problem> {
    let unlinked = |error: merge::MergeError| {
        let message = format!("the packages' libraries can't be linked: {error}");
        Problem::new(Code::BuildFailed, message).help(
            "what libraries in C++ need comes with Weft's native packages, in share/weft/python beside wfctl's folder",
        )
    };
    let mut own = Vec::new();
    for (name, path) in packages
        .map(|packages| libraries(&packages.path()))
        .transpose()?
        .unwrap_or_default()
    {
        let bytes = fs::read(&path).map_err(|error| Problem::io("read", &path, &error))?;
        own.push((library_name(&name), bytes));
    }
    // A form that the merge does not know works as it is, and starts more slowly.
    if own.is_empty() {
        return Ok(merge::merge(runtime, &LAST_CALLS).unwrap_or_else(|_| runtime.to_vec()));
    }
    let mut files = of_system(own.iter().map(|(_, bytes)| &bytes[..]))?;
    files.append(&mut own);
    let libraries: Vec<_> = files
        .iter()
        .map(|(name, bytes)| Library { name, bytes })
        .collect();
    merge::link(runtime, &libraries, LOOKED_UP, &LAST_CALLS).map_err(unlinked)
}

/// Libraries of the system that these need and Python does not have, each before those that need it.
fn of_system<'a>(
    libraries: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<(String, Vec<u8>)>, Problem> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for library in libraries {
        add_needed(library, &mut known, &mut found)?;
    }
    Ok(found)
}

fn add_needed(
    library: &[u8],
    known: &mut BTreeSet<String>,
    found: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Problem> {
    for name in merge::needed(library) {
        if known.insert(name.to_owned())
            && let Some(bytes) = runtime::library(name)?
        {
            add_needed(&bytes, known, found)?;
            found.push((name.to_owned(), bytes));
        }
    }
    Ok(())
}
