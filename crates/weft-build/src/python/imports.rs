//! What an author's modules import of packages, for a base that has it loaded.
//!
//! Only a hint: what is missing here is imported with the author's modules, as is whatever they import
//! in a way that no line shows. So lines are enough, and Python's grammar is left to Python.

use super::project::Sources;
use std::{collections::BTreeSet, path::Path};

/// The modules of packages below a folder that lines of the sources name.
pub(super) fn of_packages(sources: &Sources, packages: &Path) -> BTreeSet<String> {
    let modules = sources
        .files
        .iter()
        .filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "py"));
    modules
        .flat_map(|(_, text)| named(&String::from_utf8_lossy(text)))
        .filter(|name| !is_of_author(sources, name) && is_module(packages, name))
        .collect()
}

/// What lines of this text import.
fn named(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(rest) = line.strip_prefix("from ") {
            names.extend(rest.split_whitespace().next());
        } else if let Some(rest) = line.strip_prefix("import ") {
            let modules = rest.split([';', '#']).next().unwrap_or_default();
            names.extend(
                modules
                    .split(',')
                    .filter_map(|module| module.split_whitespace().next()),
            );
        }
    }
    let is_name = |name: &&str| {
        name.split('.').all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '_')
        })
    };
    names
        .into_iter()
        .filter(is_name)
        .map(str::to_owned)
        .collect()
}

/// Whether the author has a module of this name, which comes first.
fn is_of_author(sources: &Sources, name: &str) -> bool {
    let top = name.split('.').next().unwrap_or(name);
    sources
        .modules
        .iter()
        .any(|module| module.split('.').next() == Some(top))
}

/// Whether a folder has this module, in Python or as a library.
fn is_module(packages: &Path, name: &str) -> bool {
    let path = packages.join(name.replace('.', "/"));
    if path.is_dir() || path.with_extension("py").is_file() {
        return true;
    }
    let Some((folder, file)) = path.parent().zip(path.file_name()) else {
        return false;
    };
    let begin = format!("{}.", file.to_string_lossy());
    folder.read_dir().is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let file = entry.path();
            let is_library = file.extension().is_some_and(|end| end == "so");
            is_library && entry.file_name().to_string_lossy().starts_with(&begin)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, fs};

    #[test]
    fn lines_name_modules() {
        let text = "import a, b.c as d  # e\nfrom f.g import (\n    h,\n)\n\timport i;x = 1\nfrom . import j\nfrom .k import l\nimportant = 1\nimport\n\"from the\"\n";
        assert_eq!(named(text), ["a", "b.c", "f.g", "i"]);
    }

    #[test]
    fn modules_of_packages_are_found_and_others_left_out() {
        let packages = tempfile::tempdir().unwrap();
        for file in [
            "pandas/__init__.py",
            "pandas/io/__init__.py",
            "six.py",
            "fast.cpython-314-wasm32-wasi.so",
            "own/__init__.py",
        ] {
            let path = packages.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let text = "import pandas.io, six, fast, json, pandas.missing, own";
        let sources = Sources {
            files: BTreeMap::from([
                ("dags/x.py".to_owned(), text.into()),
                ("dags/x.sql".to_owned(), "import pandas".into()),
            ]),
            root: "dags".to_owned(),
            modules: vec!["x".to_owned(), "own.part".to_owned()],
        };
        let found = of_packages(&sources, packages.path());
        assert_eq!(Vec::from_iter(found), ["fast", "pandas.io", "six"]);
    }
}
