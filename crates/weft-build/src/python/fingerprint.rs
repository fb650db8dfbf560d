//! The fingerprints of a Python component and of what it is made of: everything that they are built from, as one key.

use super::{embedded_sdk, installed::Installed, linked, project::Sources, tools::COMPONENTIZE_PY};
use crate::{component_cache::Fingerprint, embedded_sdk::WIT};
use std::collections::BTreeSet;

/// The key of a component.
pub(super) fn key(sources: &Sources, packages: Option<&Installed>) -> String {
    let mut fingerprint = of_linked(packages);
    fingerprint.add("root", sources.root.as_bytes());
    for (name, contents) in &sources.files {
        fingerprint.add(name, contents);
    }
    fingerprint.key()
}

/// The key of the component that packages are linked into.
pub(super) fn linked_key(packages: Option<&Installed>) -> String {
    of_linked(packages).key()
}

/// The key of the state of this linked component that has these modules loaded.
pub(super) fn base_key(linked: &[u8], imports: &BTreeSet<String>) -> String {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("linked", linked);
    for module in imports {
        fingerprint.add("import", module.as_bytes());
    }
    fingerprint.key()
}

fn of_linked(packages: Option<&Installed>) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("componentize-py", COMPONENTIZE_PY.as_bytes());
    fingerprint.add("entry", linked::ENTRY_TEXT.as_bytes());
    fingerprint.add("form", linked::FORM.as_bytes());
    for (name, text) in embedded_sdk::SDK.iter().chain(WIT) {
        fingerprint.add(name, text.as_bytes());
    }
    if let Some(packages) = packages {
        fingerprint.add("packages", packages.text().as_bytes());
    }
    fingerprint
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
        let key_of = |files: &[(&str, &str)]| key(&sources(files), None);
        let one = key_of(&[("a.py", "x"), ("b.py", "y")]);
        assert_eq!(one, key_of(&[("b.py", "y"), ("a.py", "x")]));
        assert_ne!(one, key_of(&[("a.py", "xb"), ("b.py", "y")]));
        assert_ne!(one, key_of(&[("a.py", "x"), ("c.py", "y")]));
    }
}
