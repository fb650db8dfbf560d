//! Files that hold DAGs, as every command opens them: a `dag.wasm` component, a
//! packed container, a manifest, or a folder that holds one of them.
//!
//! [`OpenedFile`] is what can be said without running guest code; [`DagFile`] has the
//! document too. [`engine`] sets up the sandbox that describes and runs them.
//!
//! A crate of its own, since building (`weft-build`), running (`weft-local`), the
//! compiler role of a server (`weft-node`) and `wfctl` all open files, and none of
//! them should link the others. It knows no server.

mod dag_file;
mod document;
pub mod engine;
mod files;
mod open;
mod task_types;

pub use {
    dag_file::{DagFile, load},
    document::{document_problems, parse},
    files::{Files, named_files},
    open::{
        Content, OpenedFile, check_imports, find, inspected, is_wasm, read, without_start,
        without_tasks,
    },
};
