//! The Rust SDK that this program carries: authors' crates are built against a
//! copy of it in the data folder, since it stands on no registry.
//!
//! A copy is named for its version and contents and never changed once it is
//! complete, so that two versions of `wfctl` don't disturb each other.

use crate::{
    error::{Code, Problem},
    place,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use weft_sandbox::Digest;

/// The first line of a file that `wfctl` may write again.
const MARK: &str = "# Written by wfctl, and again whenever it is missing; not for version control.";

macro_rules! files {
    ($($path:literal,)*) => {
        /// Paths below `sdk/rust`, and what stands in them.
        const FILES: &[(&str, &str)] = &[
            $(($path, include_str!(concat!("../../../../sdk/rust/", $path))),)*
        ];
    };
}

files! {
    "weft-sdk-macros/Cargo.toml",
    "weft-sdk-macros/src/check.rs",
    "weft-sdk-macros/src/dag.rs",
    "weft-sdk-macros/src/dag/calls.rs",
    "weft-sdk-macros/src/lib.rs",
    "weft-sdk-macros/src/settings.rs",
    "weft-sdk-macros/src/signature.rs",
    "weft-sdk-macros/src/task.rs",
    "weft-sdk/Cargo.toml",
    "weft-sdk/src/artifact.rs",
    "weft-sdk/src/branch.rs",
    "weft-sdk/src/context.rs",
    "weft-sdk/src/dag.rs",
    "weft-sdk/src/dag/argument.rs",
    "weft-sdk/src/dag/builder.rs",
    "weft-sdk/src/dag/call.rs",
    "weft-sdk/src/dag/document.rs",
    "weft-sdk/src/dag/edge.rs",
    "weft-sdk/src/data.rs",
    "weft-sdk/src/error.rs",
    "weft-sdk/src/host.rs",
    "weft-sdk/src/host/bindings.rs",
    "weft-sdk/src/host/double.rs",
    "weft-sdk/src/host/imports.rs",
    "weft-sdk/src/host/web.rs",
    "weft-sdk/src/http.rs",
    "weft-sdk/src/lib.rs",
    "weft-sdk/src/logging.rs",
    "weft-sdk/src/prelude.rs",
    "weft-sdk/src/private.rs",
    "weft-sdk/src/registry.rs",
    "weft-sdk/src/task.rs",
}

/// The folder of the package `weft-sdk`, unpacked if it isn't there yet.
pub(crate) fn unpacked() -> Result<PathBuf, Problem> {
    let base = place::data()
        .ok_or_else(|| {
            Problem::new(
                Code::DataUnavailable,
                "there is no home folder to unpack the SDK in",
            )
        })
        .map_err(|problem| problem.help("name a folder with WEFT_DATA_DIR"))?
        .join("sdk/rust");
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
    Ok(folder.join("weft-sdk"))
}

/// Version and contents, as a folder's name.
fn name() -> String {
    const DIGITS: usize = 12;
    let mut all = String::new();
    for (path, contents) in FILES {
        all.push_str(path);
        all.push('\0');
        all.push_str(contents);
        all.push('\0');
    }
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
    for (path, contents) in FILES {
        let path = draft.join(path);
        fs::create_dir_all(path.parent().expect("every file stands in a package"))?;
        fs::write(path, contents)?;
    }
    // The packages of the SDK are a workspace of their own wherever they lie.
    fs::write(
        draft.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"weft-sdk\", \"weft-sdk-macros\"]\n",
    )?;
    match fs::rename(&draft, folder) {
        Ok(()) => Ok(()),
        // Another process was faster, with the same contents.
        Err(_) if folder.is_dir() => fs::remove_dir_all(&draft),
        Err(error) => Err(error),
    }
}

/// Makes cargo find the SDK in this crate, for editors and plain `cargo` too,
/// unless the author wrote a configuration there.
pub(crate) fn configure(project: &Path, sdk: &Path) -> Result<(), Problem> {
    let folder = project.join(".cargo");
    let path = folder.join("config.toml");
    let text = format!(
        "{MARK}\n[patch.crates-io]\nweft-sdk = {{ path = {:?} }}\n",
        sdk.display().to_string()
    );
    match fs::read_to_string(&path) {
        Ok(found) if found == text || !found.starts_with(MARK) => return Ok(()),
        Ok(_) | Err(_) => {}
    }
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&path, text))
        .map_err(|error| Problem::io("write", &path, &error))
}

/// What cargo is told on its command line, where the author's own configuration stands in the way.
pub(crate) fn cargo_config(sdk: &Path) -> String {
    format!(
        "patch.crates-io.weft-sdk.path={:?}",
        sdk.display().to_string()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdk_is_carried() {
        fn walk(folder: &Path, base: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).expect("the folder is there") {
                let path = entry.expect("the entry is readable").path();
                if path.is_dir() {
                    walk(&path, base, found);
                } else {
                    found.push(
                        path.strip_prefix(base)
                            .expect("it lies below")
                            .display()
                            .to_string(),
                    );
                }
            }
        }
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/rust");
        let mut found = vec![
            "weft-sdk/Cargo.toml".to_owned(),
            "weft-sdk-macros/Cargo.toml".to_owned(),
        ];
        for package in ["weft-sdk", "weft-sdk-macros"] {
            walk(&base.join(package).join("src"), &base, &mut found);
        }
        found.sort();
        let mut carried: Vec<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        carried.sort();
        assert_eq!(carried, found);
    }

    #[test]
    fn an_authors_configuration_is_left_alone() {
        let project = tempfile::tempdir().expect("a folder");
        let file = project.path().join(".cargo/config.toml");
        configure(project.path(), Path::new("/sdk/one")).expect("it is written");
        configure(project.path(), Path::new("/sdk/two")).expect("it is written again");
        assert!(
            fs::read_to_string(&file)
                .expect("it is there")
                .contains("/sdk/two")
        );
        fs::write(&file, "[build]\njobs = 1\n").expect("the author writes");
        configure(project.path(), Path::new("/sdk/three")).expect("it is left");
        assert_eq!(
            fs::read_to_string(&file).expect("it is there"),
            "[build]\njobs = 1\n"
        );
    }
}
