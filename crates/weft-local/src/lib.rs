//! Runs a DAG in this process, without any server: `wfctl run`.
//!
//! [`run`] opens a file, works out what runs with which values and grants, and drives
//! the run ([`weft_core::run`]) over the sandbox, with a display of what goes on.
//!
//! Of a server, a database or a broker it knows nothing; `wfctl` names options and
//! exit codes.

pub mod call;
mod clock;
pub mod code;
pub mod display;
pub mod grants;
mod history;
pub mod interrupt;
mod log;
mod outputs;
pub mod params;
mod run;
mod runner;
mod selection;
mod variables;

pub use display::Format;
pub use run::{RunOptions, run};
pub use runner::RunResult;
pub use selection::Wanted;
