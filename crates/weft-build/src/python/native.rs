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
/// The ABI of `CPython` in the names of wheels.
pub(super) const ABI: &str = "cp314";
/// Names further wheels: a folder, or the address of a page that links to them.
const INDEX: &str = "WEFT_NATIVE_INDEX";
/// Where installed packages of Weft have the wheels, from the folder of the program.
const INSTALLED: &str = "../share/weft/python";
/// Where they lie in Weft's sources.
const SOURCES: &str = "sdk/python/native/wheels";
/// The list of them, which is beside them too.
const LIST_FILE: &str = "index.json";
/// Packages that only Weft publishes, by normalized name. They are never looked up on a package
/// index, where anybody could register the name with a higher version.
pub(super) const OWN: [&str; 1] = ["weft-parquet"];

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

/// Whether only Weft publishes the package of this name.
pub(super) fn is_own(name: &str) -> bool {
    OWN.contains(&normalized(name).as_str())
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

/// A wheel that is there for the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NativeWheel {
    pub(super) version: String,
    pub(super) path: PathBuf,
    /// In hexadecimal.
    pub(super) sha256: String,
}

impl NativeWheel {
    /// The file's name.
    pub(super) fn file(&self) -> String {
        file_name(&self.path)
    }
}

/// The wheels of a package: Weft's own, and those of the folder that the author names.
pub(super) fn wheels(name: &str) -> Vec<NativeWheel> {
    let own = own_folder().zip(package(name));
    let own = own.map(|(folder, package)| NativeWheel {
        version: package.version.clone(),
        path: folder.join(&package.file),
        sha256: package.sha256.clone(),
    });
    let further = further().map(|place| wheels_in(Path::new(&place), name));
    own.into_iter().chain(further.unwrap_or_default()).collect()
}

/// The wheels of a package in a folder; none where it is an address.
fn wheels_in(folder: &Path, name: &str) -> Vec<NativeWheel> {
    let wanted = normalized(name);
    let files = wheel_files(folder).into_iter().filter_map(|file| {
        let (name, version) = name_and_version(&file)?;
        if normalized(name) != wanted {
            return None;
        }
        let path = folder.join(&file);
        // One that can't be read is none.
        let sha256 = Digest::of(&fs::read(&path).ok()?).hex();
        Some(NativeWheel {
            version: version.to_owned(),
            path,
            sha256,
        })
    });
    files.collect()
}

/// The wheels in a folder, by name; none where it is an address.
pub(super) fn wheel_files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "whl"))
        .collect();
    names.sort();
    names
}

/// What the name of a wheel begins with.
pub(super) fn name_and_version(wheel: &str) -> Option<(&str, &str)> {
    let mut parts = wheel.split('-');
    Some((parts.next()?, parts.next()?))
}

/// The platform in the name of a wheel, if it is for one.
pub(super) fn platform(wheel: &str) -> Option<&str> {
    let tag = wheel.strip_suffix(".whl")?.rsplit('-').next()?;
    (tag != "any").then_some(tag)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
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
    // A program that was built is somewhere in the target folder of the sources.
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
    fn every_package_of_weft_itself_is_kept_off_the_index() {
        let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/python/native/recipes");
        let mut own = Vec::new();
        for entry in fs::read_dir(recipes).expect("the recipes are there") {
            let path = entry.expect("the folder can be read").path();
            let recipe = fs::read_to_string(&path).expect("the recipe can be read");
            if recipe.lines().any(|line| line.starts_with("folder = ")) {
                let name = path.file_stem().expect("it has a name");
                own.push(normalized(&name.to_string_lossy()));
            }
        }
        own.sort();
        assert_eq!(own, OWN);
    }

    #[test]
    fn names_are_compared_as_the_package_index_does() {
        assert_eq!(normalized("Pydantic__Core"), "pydantic-core");
        assert_eq!(normalized("ruamel.yaml"), "ruamel-yaml");
        assert!(package("NumPy").is_some());
        assert!(package("no-such-package").is_none());
    }

    #[test]
    fn the_name_of_a_wheel_says_what_it_is_for() {
        let native = format!("numpy-2.4.6-cp314-cp314-{PLATFORM}.whl");
        assert_eq!(platform(&native), Some(PLATFORM));
        assert_eq!(platform("idna-3.10-py3-none-any.whl"), None);
        assert_eq!(name_and_version(&native), Some(("numpy", "2.4.6")));
    }

    #[test]
    fn further_wheels_of_a_package_are_found_with_their_digests() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in [
            "Some_Thing-1.2-cp314-cp314-any.whl",
            "other-1-py3-none-any.whl",
            "some_thing.txt",
        ] {
            fs::write(folder.path().join(file), "x").expect("a file");
        }
        let [found] = &wheels_in(folder.path(), "some-thing")[..] else {
            panic!("there is one");
        };
        assert_eq!(found.version, "1.2");
        assert_eq!(found.file(), "Some_Thing-1.2-cp314-cp314-any.whl");
        assert_eq!(found.sha256, Digest::of(b"x").hex());
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
