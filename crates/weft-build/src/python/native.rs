//! Weft's native packages: wheels with libraries for the sandbox's Python.
//!
//! Each is built for one version of componentize-py, which its platform's tag names, so that
//! pip never takes one that was made for another. The wheels lie beside the program or in its
//! sources, with a list of them; further ones are where `WEFT_NATIVE_INDEX` says. They are not
//! embedded: they would double the size of a program that most machines only run DAGs with.

use serde::Deserialize;
use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};
use weft_api::problem::{Code, Problem};
use weft_core::digest::Digest;

/// The tag of a platform that is componentize-py's version.
pub(super) const PLATFORM: &str = "weft_0_25_1_wasm32";
/// The ABI of the sandbox's Python in the names of wheels.
pub(super) const ABI: &str = "cp314";
/// Names further wheels: a folder, or the address of a page that links to them.
const INDEX: &str = "WEFT_NATIVE_INDEX";
/// Where installed packages of Weft have the wheels, from the folder of the program.
const INSTALLED: &str = "../share/weft/python";
/// Where they lie in Weft's sources.
const SOURCES: &str = "sdk/python/native/wheels";
/// The list of them, which is beside them too.
const LIST_FILE: &str = "index.json";

/// A native package that Weft has.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    /// As the package index writes it.
    pub(super) name: String,
    pub(super) version: String,
    /// The wheel's file name.
    file: String,
    /// Of the wheel, in hexadecimal.
    sha256: String,
}

#[derive(Deserialize)]
struct List {
    packages: Vec<Package>,
}

/// The list as text, empty where the wheels are missing: with another, other packages may be chosen.
pub(super) fn list_text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let list = own_folder().and_then(|folder| fs::read_to_string(folder.join(LIST_FILE)).ok());
        list.unwrap_or_default()
    });
    &TEXT
}

/// Every native package that this version of Weft has.
pub(super) fn packages() -> &'static [Package] {
    static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(|| {
        serde_json::from_str(list_text())
            .map(|list: List| list.packages)
            .unwrap_or_default()
    });
    &PACKAGES
}

/// The package of this name, however it is written.
pub(super) fn package(name: &str) -> Option<&'static Package> {
    let wanted = normalized(name);
    packages()
        .iter()
        .find(|package| normalized(&package.name) == wanted)
}

/// A name as the package index compares it.
pub(super) fn normalized(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        match letter {
            '-' | '_' | '.' if text.ends_with('-') => {}
            '-' | '_' | '.' => text.push('-'),
            letter => text.push(letter.to_ascii_lowercase()),
        }
    }
    text
}

/// Refuses a wheel that is not the one of the list.
pub(super) fn check_wheels(names: &[String]) -> Result<(), Problem> {
    let Some(folder) = own_folder() else {
        return Ok(());
    };
    for package in packages().iter().filter(|package| {
        let name = normalized(&package.name);
        names.iter().any(|other| normalized(other) == name)
    }) {
        let path = folder.join(&package.file);
        let Ok(bytes) = fs::read(&path) else {
            // It came from elsewhere.
            continue;
        };
        if !Digest::of(&bytes).to_string().ends_with(&package.sha256) {
            return Err(Problem::new(
                Code::BuildFailed,
                format!(
                    "{} is damaged: it has not the digest that the list beside it says",
                    path.display()
                ),
            )
            .help("install Weft again"));
        }
    }
    Ok(())
}

/// Places of wheels, as pip's `--find-links` takes them.
pub(super) fn places() -> Vec<String> {
    let own = own_folder().map(|folder| folder.display().to_string());
    let further = further();
    own.into_iter().chain(further).collect()
}

/// The further place that the author names.
pub(super) fn further() -> Option<String> {
    env::var(INDEX).ok().filter(|place| !place.is_empty())
}

/// The folder of Weft's own wheels.
pub(super) fn own_folder() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let program = program.canonicalize().unwrap_or(program);
    let folder = program.parent()?;
    folder_near(folder)
}

fn folder_near(folder: &Path) -> Option<PathBuf> {
    let installed = std::iter::once(folder.join(INSTALLED));
    // A program that was built stands somewhere in the target folder of the sources.
    let sources = folder.ancestors().map(|above| above.join(SOURCES));
    installed
        .chain(sources)
        .find(|place| place.join(LIST_FILE).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::tools::COMPONENTIZE_PY;

    #[test]
    fn every_wheel_of_the_list_is_there_and_has_its_digest() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(SOURCES);
        assert!(!packages().is_empty());
        for package in packages() {
            let bytes = fs::read(folder.join(&package.file)).expect("the wheel is there");
            let digest = Digest::of(&bytes).to_string();
            assert!(digest.ends_with(&package.sha256), "{}", package.file);
            assert!(
                package.file.ends_with(&format!("-{PLATFORM}.whl")),
                "{} is for another platform",
                package.file
            );
        }
    }

    #[test]
    fn the_tag_names_the_version_of_the_tool() {
        assert_eq!(
            PLATFORM,
            format!("weft_{}_wasm32", COMPONENTIZE_PY.replace('.', "_"))
        );
    }

    #[test]
    fn names_are_compared_as_the_package_index_does() {
        assert_eq!(normalized("Pydantic__Core"), "pydantic-core");
        assert_eq!(normalized("ruamel.yaml"), "ruamel-yaml");
        assert!(package("NumPy").is_some());
        assert!(package("no-such-package").is_none());
    }

    #[test]
    fn wheels_are_found_beside_an_installed_program() {
        let root = tempfile::tempdir().expect("a folder");
        let wheels = root.path().join("share/weft/python");
        fs::create_dir_all(&wheels).expect("a folder");
        fs::create_dir_all(root.path().join("bin")).expect("a folder");
        assert_eq!(folder_near(&root.path().join("bin")), None);
        fs::write(wheels.join(LIST_FILE), "{}").expect("a file");
        assert!(folder_near(&root.path().join("bin")).is_some());
    }
}
