//! The host side of `weft:dag`: one module for each of its interfaces.

mod context;
mod log;
mod state;
mod tasks;
mod variables;

pub(crate) use state::DagState;
pub(crate) use tasks::{INTERFACE, RawFailure, RawOutcome, Tasks, TasksError};

use crate::state::HostState;
use wasmtime::component::Linker;

/// Offers `weft:dag/context`, `log` and `variables` (`types` holds no functions).
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.instance("weft:dag/types@0.1.0")?;
    context::add_to_linker(linker)?;
    log::add_to_linker(linker)?;
    variables::add_to_linker(linker)
}
