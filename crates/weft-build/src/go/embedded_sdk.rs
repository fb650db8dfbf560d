//! The Go SDK that is embedded in this program: one module, which a build takes from the
//! data folder, and so do editors and `go test`.

use super::LANGUAGE;
use crate::{
    build_dir,
    embedded_sdk::{self, files},
};
use std::path::PathBuf;
use weft_api::problem::Problem;

files! {
    /// Paths below `sdk/go`, and their contents.
    FILES, "go",
    "asset.go",
    "attempt.go",
    "context.go",
    "dag.go",
    "doc.go",
    "document.go",
    "ending.go",
    "go.mod",
    "group.go",
    "guest.go",
    "guest.s",
    "host.go",
    "internal/bindings/exports/export_weft_dag_tasks/tasks.go",
    "internal/bindings/exports/wit_exports/wit_exports.go",
    "internal/bindings/imports/wasi_clocks_monotonic_clock/wit_bindings.go",
    "internal/bindings/imports/wasi_http_outgoing_handler/wit_bindings.go",
    "internal/bindings/imports/wasi_http_types/wit_bindings.go",
    "internal/bindings/imports/wasi_io_error/wit_bindings.go",
    "internal/bindings/imports/wasi_io_poll/wit_bindings.go",
    "internal/bindings/imports/wasi_io_streams/wit_bindings.go",
    "internal/bindings/imports/weft_artifacts_store/wit_bindings.go",
    "internal/bindings/imports/weft_dag_context/wit_bindings.go",
    "internal/bindings/imports/weft_dag_log/wit_bindings.go",
    "internal/bindings/imports/weft_dag_tasks/wit_bindings.go",
    "internal/bindings/imports/weft_dag_types/wit_bindings.go",
    "internal/bindings/imports/weft_dag_variables/wit_bindings.go",
    "internal/streams/streams.go",
    "internal/wit/LICENSE",
    "internal/wit/runtime/empty.s",
    "internal/wit/runtime/runtime.go",
    "internal/wit/types/option.go",
    "internal/wit/types/result.go",
    "internal/wit/types/tuple.go",
    "internal/wit/types/unit.go",
    "log.go",
    "main.go",
    "part.go",
    "place.go",
    "plain.go",
    "schema.go",
    "sensors/sensors.go",
    "settings.go",
    "task.go",
    "wefthttp/doc.go",
    "wefthttp/ready.go",
    "wefthttp/transport.go",
    "wefttest/context.go",
    "wire.go",
}

/// The folder of the module, unpacked if it is not there yet.
pub(super) fn unpack() -> Result<PathBuf, Problem> {
    let files: Vec<_> = FILES
        .iter()
        .map(|(path, contents)| ((*path).to_owned(), *contents))
        .collect();
    build_dir::absolute(&embedded_sdk::unpack(LANGUAGE, &files, |_| Ok(()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdk_is_embedded() {
        let mut found = embedded_sdk::found(LANGUAGE, "", &["go", "mod", "s"]);
        found.retain(|name| !name.ends_with("_test.go"));
        found.push("internal/wit/LICENSE".to_owned());
        found.sort();
        assert_eq!(embedded_sdk::names(&[FILES]), found);
    }
}
