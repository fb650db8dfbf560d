//! The Python SDK and the contract's interfaces that this program carries:
//! what components of Python DAGs are made with.

use crate::{
    error::{Code, Problem},
    place,
};
use std::{fs, io, path::Path, path::PathBuf};
use weft_sandbox::Digest;

macro_rules! files {
    ($name:ident, $folder:literal, $($path:literal,)*) => {
        pub(super) const $name: &[(&str, &str)] = &[
            $(($path, include_str!(concat!("../../../../../sdk/", $folder, "/", $path))),)*
        ];
    };
}

// The package `weft`, as it is imported.
files! {
    SDK, "python/src",
    "weft/__init__.py",
    "weft/artifact.py",
    "weft/attempt.py",
    "weft/building.py",
    "weft/context.py",
    "weft/dags.py",
    "weft/document.py",
    "weft/edge.py",
    "weft/ending.py",
    "weft/exceptions.py",
    "weft/group.py",
    "weft/guest/__init__.py",
    "weft/guest/archive.py",
    "weft/guest/component.py",
    "weft/guest/files.py",
    "weft/guest/imports.py",
    "weft/guest/logs.py",
    "weft/guest/loop.py",
    "weft/guest/prepare.py",
    "weft/guest/sockets.py",
    "weft/guest/tls.py",
    "weft/guest/warm.py",
    "weft/guest/web.py",
    "weft/host.py",
    "weft/local/__init__.py",
    "weft/local/host.py",
    "weft/local/rules.py",
    "weft/local/run.py",
    "weft/node.py",
    "weft/param.py",
    "weft/pendulum.py",
    "weft/poke.py",
    "weft/settings.py",
    "weft/shape/__init__.py",
    "weft/shape/base.py",
    "weft/shape/containers.py",
    "weft/shape/read.py",
    "weft/shape/records.py",
    "weft/shape/scalars.py",
    "weft/shape/schema.py",
    "weft/signature.py",
    "weft/tasks.py",
    "weft/testing.py",
    "weft/variable.py",
}

// What a component made with an SDK imports and exports, whatever its language.
files! {
    WIT, "rust/weft-sdk/wit",
    "deps/artifacts.wit",
    "deps/clocks.wit",
    "deps/http.wit",
    "deps/io.wit",
    "deps/weft.wit",
    "guest.wit",
}

// What pip needs besides.
files! {
    PROJECT, "python",
    "pyproject.toml",
    "README.md",
    "src/weft/py.typed",
}

/// The SDK as a project that pip installs, unpacked if it isn't there yet. A
/// folder is named for what is in it and never changed once it is whole.
pub(super) fn unpacked() -> Result<PathBuf, Problem> {
    let base = place::data()
        .ok_or_else(|| {
            Problem::new(
                Code::DataUnavailable,
                "there is no home folder to unpack the SDK in",
            )
        })
        .map_err(|problem| problem.help("name a folder with WEFT_DATA_DIR"))?
        .join("sdk/python");
    let folder = base.join(name());
    if !folder.is_dir() {
        unpack(&base, &folder).map_err(|error| {
            Problem::new(
                Code::DataUnavailable,
                format!("can't unpack the SDK in {}: {error}", base.display()),
            )
            .help("free or fix it, or name another folder with WEFT_DATA_DIR")
        })?;
    }
    Ok(folder)
}

/// Version and contents, as a folder's name.
fn name() -> String {
    const DIGITS: usize = 12;
    let all: String = SDK
        .iter()
        .chain(PROJECT)
        .flat_map(|(path, contents)| [*path, "\0", *contents, "\0"])
        .collect();
    let digest = Digest::of(all.as_bytes()).to_string();
    let hex = digest.rsplit(':').next().unwrap_or(&digest);
    format!(
        "{}-{}",
        env!("CARGO_PKG_VERSION"),
        &hex[..DIGITS.min(hex.len())]
    )
}

/// Writes beside the final name and renames, so that a folder of that name is whole.
fn unpack(base: &Path, folder: &Path) -> io::Result<()> {
    let draft = base.join(format!(".draft-{}", std::process::id()));
    let modules = SDK
        .iter()
        .map(|(path, contents)| (format!("src/{path}"), contents));
    let others = PROJECT
        .iter()
        .map(|(path, contents)| ((*path).to_owned(), contents));
    for (path, contents) in modules.chain(others) {
        let path = draft.join(path);
        fs::create_dir_all(path.parent().expect("every file stands in a folder"))?;
        fs::write(path, contents)?;
    }
    match fs::rename(&draft, folder) {
        Ok(()) => Ok(()),
        // Another process was faster, with the same contents.
        Err(_) if folder.is_dir() => fs::remove_dir_all(&draft),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_sdk_is_carried() {
        fn walk(folder: &Path, base: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).expect("the folder is there") {
                let path = entry.expect("the entry is readable").path();
                if path.is_dir() {
                    walk(&path, base, found);
                } else if path.extension().is_some_and(|end| end == "py") {
                    let within = path.strip_prefix(base).expect("it lies below");
                    found.push(within.display().to_string());
                }
            }
        }
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/python/src");
        let mut found = Vec::new();
        walk(&base.join("weft"), &base, &mut found);
        found.sort();
        let mut carried: Vec<String> = SDK.iter().map(|(path, _)| (*path).to_owned()).collect();
        carried.sort();
        assert_eq!(carried, found);
    }
}
