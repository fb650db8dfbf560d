//! The JavaScript SDK that this program carries.

use super::tools::Tools;
use crate::embedded_sdk::{self, files};
use std::path::PathBuf;
use weft_api::problem::Problem;

files! {
    /// The package `@weft/sdk`.
    SDK, "js",
    "package.json",
    "src/artifact.ts",
    "src/asset.ts",
    "src/attempt.ts",
    "src/context.ts",
    "src/dag.ts",
    "src/document.ts",
    "src/each.ts",
    "src/edge.ts",
    "src/ending.ts",
    "src/group.ts",
    "src/guest/body.ts",
    "src/guest/component.ts",
    "src/guest/console.ts",
    "src/guest/events.ts",
    "src/guest/fetch.ts",
    "src/guest/headers.ts",
    "src/guest/host.ts",
    "src/guest/imports.d.ts",
    "src/guest/inspect.ts",
    "src/guest/install.ts",
    "src/guest/loop.ts",
    "src/guest/promise.ts",
    "src/guest/random.ts",
    "src/guest/refusal.ts",
    "src/guest/text.ts",
    "src/guest/trace.ts",
    "src/guest/web.ts",
    "src/host.ts",
    "src/index.ts",
    "src/local/host.ts",
    "src/local/lists.ts",
    "src/local/rules.ts",
    "src/log.ts",
    "src/node.ts",
    "src/schema.ts",
    "src/sensors.ts",
    "src/settings.ts",
    "src/task.ts",
    "src/testing.ts",
    "src/variable.ts",
    "src/wire.ts",
}

files! {
    /// What a component of JavaScript imports and exports; beside the contract's own interfaces.
    WIT, "js/wit",
    "deps/random.wit",
    "guest.wit",
}

/// The SDK as a package that npm installs, unpacked and compiled if it isn't there yet.
pub(super) fn unpack(tools: &Tools) -> Result<PathBuf, Problem> {
    let files: Vec<_> = SDK
        .iter()
        .map(|(path, contents)| ((*path).to_owned(), *contents))
        .collect();
    embedded_sdk::unpack("js", &files, |folder| tools.compile_sdk(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdk_is_embedded() {
        let mut found = embedded_sdk::found("js", "src", &["ts"]);
        found.insert(0, "package.json".to_owned());
        assert_eq!(embedded_sdk::names(&[SDK]), found);
        assert_eq!(
            embedded_sdk::names(&[WIT]),
            embedded_sdk::found("js/wit", "", &["wit"])
        );
    }
}
