//! The Python SDK that this program carries: what components of Python DAGs are made with.

use crate::embedded_sdk::{self, files};
use std::path::PathBuf;
use weft_api::problem::Problem;

files! {
    /// The package `weft`, as it is imported.
    SDK, "python/src",
    "weft/__init__.py",
    "weft/artifact.py",
    "weft/asset.py",
    "weft/attempt.py",
    "weft/building.py",
    "weft/context.py",
    "weft/dags.py",
    "weft/document.py",
    "weft/duration.py",
    "weft/edge.py",
    "weft/elements.py",
    "weft/ending.py",
    "weft/exceptions.py",
    "weft/group.py",
    "weft/guest/__init__.py",
    "weft/guest/absent.py",
    "weft/guest/archive.py",
    "weft/guest/component.py",
    "weft/guest/files.py",
    "weft/guest/imports.py",
    "weft/guest/logs.py",
    "weft/guest/loop.py",
    "weft/guest/prepare.py",
    "weft/guest/randomness.py",
    "weft/guest/sockets.py",
    "weft/guest/tls.py",
    "weft/guest/warm.py",
    "weft/guest/web.py",
    "weft/host.py",
    "weft/local/__init__.py",
    "weft/local/elements.py",
    "weft/local/host.py",
    "weft/local/rules.py",
    "weft/local/run.py",
    "weft/mapped_group.py",
    "weft/node.py",
    "weft/param.py",
    "weft/pendulum.py",
    "weft/poke.py",
    "weft/rate_limit.py",
    "weft/sensors.py",
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

files! {
    /// The module that Python is linked with.
    RUNTIME, "python/runtime",
    "weft_component.py",
}

files! {
    /// What pip needs besides.
    PROJECT, "python",
    "pyproject.toml",
    "README.md",
    "src/weft/py.typed",
}

/// The SDK as a project that pip installs, unpacked if it isn't there yet.
pub(super) fn unpack() -> Result<PathBuf, Problem> {
    let modules = SDK
        .iter()
        .map(|(path, contents)| (format!("src/{path}"), *contents));
    let others = PROJECT
        .iter()
        .map(|(path, contents)| ((*path).to_owned(), *contents));
    let files: Vec<_> = modules.chain(others).collect();
    embedded_sdk::unpack("python", &files, |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_sdk_is_embedded() {
        assert_eq!(
            embedded_sdk::names(&[SDK]),
            embedded_sdk::found("python/src", "weft", &["py"])
        );
    }
}
