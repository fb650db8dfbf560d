//! The Rust SDK that this program carries: authors' crates are built against a
//! copy of it in the data folder.

use super::embedded_sdk::{self, files};
use std::path::{Path, PathBuf};
use weft_api::problem::Problem;

files! {
    /// Paths below `sdk/rust`, and their contents.
    FILES, "rust",
    "weft-sdk-macros/Cargo.toml",
    "weft-sdk-macros/src/check.rs",
    "weft-sdk-macros/src/condition.rs",
    "weft-sdk-macros/src/dag.rs",
    "weft-sdk-macros/src/dag/calls.rs",
    "weft-sdk-macros/src/lib.rs",
    "weft-sdk-macros/src/settings.rs",
    "weft-sdk-macros/src/signature.rs",
    "weft-sdk-macros/src/task.rs",
    "weft-sdk/Cargo.toml",
    "weft-sdk/src/approval.rs",
    "weft-sdk/src/artifact.rs",
    "weft-sdk/src/asset.rs",
    "weft-sdk/src/branch.rs",
    "weft-sdk/src/context.rs",
    "weft-sdk/src/dag.rs",
    "weft-sdk/src/dag/argument.rs",
    "weft-sdk/src/dag/builder.rs",
    "weft-sdk/src/dag/call.rs",
    "weft-sdk/src/dag/document.rs",
    "weft-sdk/src/dag/edge.rs",
    "weft-sdk/src/dag/group.rs",
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
    "weft-sdk/src/sensors.rs",
    "weft-sdk/src/task.rs",
    "weft-sdk/src/wait.rs",
    "weft-sdk/src/woken.rs",
}

/// The packages of the SDK are a workspace of their own wherever they lie.
const WORKSPACE: (&str, &str) = (
    "Cargo.toml",
    "[workspace]\nresolver = \"3\"\nmembers = [\"weft-sdk\", \"weft-sdk-macros\"]\n",
);

/// The folder of the package `weft-sdk`, unpacked if it isn't there yet.
pub(crate) fn unpack() -> Result<PathBuf, Problem> {
    let files: Vec<_> = FILES
        .iter()
        .chain([&WORKSPACE])
        .map(|(path, contents)| ((*path).to_owned(), *contents))
        .collect();
    let folder = embedded_sdk::unpack("rust", &files, |_| Ok(()))?;
    Ok(folder.join("weft-sdk"))
}

/// Makes cargo find the SDK in this crate, for editors and plain `cargo` too,
/// unless the author wrote a configuration there.
pub(crate) fn configure(project: &Path, sdk: &Path) -> Result<(), Problem> {
    embedded_sdk::offer(
        &project.join(".cargo/config.toml"),
        "#",
        &format!(
            "[patch.crates-io]\nweft-sdk = {{ path = {:?} }}\n",
            sdk.display().to_string()
        ),
    )
}

/// Arguments for cargo that override the author's own configuration.
pub(crate) fn cargo_config(sdk: &Path) -> String {
    format!(
        "patch.crates-io.weft-sdk.path={:?}",
        sdk.display().to_string()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_file_of_the_sdk_is_embedded() {
        let mut found = Vec::new();
        for package in ["weft-sdk-macros", "weft-sdk"] {
            found.push(format!("{package}/Cargo.toml"));
            found.extend(embedded_sdk::found(
                "rust",
                &format!("{package}/src"),
                &["rs"],
            ));
        }
        found.sort();
        assert_eq!(embedded_sdk::names(&[FILES]), found);
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
