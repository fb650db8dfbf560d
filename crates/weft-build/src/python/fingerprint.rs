//! Fingerprints of Python components: everything that they are built from, as one key.

use super::{embedded_sdk, installed::Installed, linked, project::Sources};
use crate::component_cache::Fingerprint;

/// What all components with these packages are built from.
pub(super) fn of_packages(packages: Option<&Installed>) -> Fingerprint {
    let mut fingerprint = linked::fingerprint(packages);
    for (name, text) in embedded_sdk::SDK {
        fingerprint.add(name, text.as_bytes());
    }
    fingerprint
}

/// The key of a component.
pub(super) fn key(sources: &Sources, packages: Option<&Installed>) -> String {
    let mut fingerprint = of_packages(packages);
    fingerprint.add("root", sources.root.as_bytes());
    for (name, contents) in &sources.files {
        fingerprint.add(name, contents);
    }
    fingerprint.key()
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
