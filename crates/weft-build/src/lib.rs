//! Makes one `dag.wasm` of a Rust crate, of DAGs in Python, JavaScript, TypeScript,
//! Go, C or C++, or of a manifest: `wfctl build`, `new` and `test`.
//!
//! Each language has a module that finds the sources, gets the toolchain and makes the
//! component; [`build`] chooses among them, and checks what was made as every other
//! command will read it.
//!
//! A crate of its own, since toolchains, embedded SDKs and component encoding are
//! nothing that a server or a run needs. It knows no server, and parses no arguments.

pub mod airflow;
mod build_dir;
mod c;
mod component_cache;
pub mod doctor;
mod embedded_sdk;
mod encode;
mod environment;
mod go;
mod js;
pub mod new_project;
pub mod own_tests;
mod pack;
mod project;
mod python;
mod rust;
mod sdk;
mod source_folder;
pub mod sources;
mod test_command;
mod toolchain;

pub use go::sdk as go_sdk;
pub use js::sdk as js_sdk;
pub use project::{Built, build, lock, packed};
pub use python::{Lock, LockChange, sdk as python_sdk};
