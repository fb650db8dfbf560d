//! The fingerprint of a Python component: everything that it is built from, as one key.

use super::{embedded_sdk, project::Sources, tools::COMPONENTIZE_PY};
use crate::{component_cache::Fingerprint, embedded_sdk::WIT};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::Problem;

/// The key of a component.
pub(super) fn key(sources: &Sources, packages: Option<&Path>) -> Result<String, Problem> {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("componentize-py", COMPONENTIZE_PY.as_bytes());
    fingerprint.add("entry", super::ENTRY_TEXT.as_bytes());
    for (name, text) in embedded_sdk::SDK.iter().chain(WIT) {
        fingerprint.add(name, text.as_bytes());
    }
    fingerprint.add("root", sources.root.as_bytes());
    for (name, contents) in &sources.files {
        fingerprint.add(name, contents);
    }
    if let Some(folder) = packages {
        for path in files(folder).map_err(|error| Problem::io("read", folder, &error))? {
            let contents = fs::read(&path).map_err(|error| Problem::io("read", &path, &error))?;
            let name = path.strip_prefix(folder).unwrap_or(&path);
            fingerprint.add(&name.to_string_lossy(), &contents);
        }
    }
    Ok(fingerprint.key())
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_key_covers_names_and_contents() {
        let sources = |files: &[(&str, &str)]| Sources {
            files: files
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
                .collect::<BTreeMap<_, _>>(),
            root: "dags".to_owned(),
            modules: Vec::new(),
        };
        let key_of =
            |files: &[(&str, &str)]| key(&sources(files), None).expect("no package is read");
        let one = key_of(&[("a.py", "x"), ("b.py", "y")]);
        assert_eq!(one, key_of(&[("b.py", "y"), ("a.py", "x")]));
        assert_ne!(one, key_of(&[("a.py", "xb"), ("b.py", "y")]));
        assert_ne!(one, key_of(&[("a.py", "x"), ("c.py", "y")]));
    }
}
