//! The host side of `weft:dag`: one module for each of its interfaces.

mod context;
mod log;
mod tasks;
mod variables;

pub(crate) use tasks::{RawFailure, RawOutcome, Tasks, TasksError};

use crate::{CancelSignal, Variables, state::HostState};
use std::sync::Arc;
use wasmtime::component::Linker;
use weft_core::policy::Granted;

/// What the guest is told about its attempt.
pub(crate) struct DagState {
    /// What `context.attempt` answers.
    pub(crate) attempt: Arc<str>,
    /// What `context.resumed` answers.
    pub(crate) resumed: Option<Arc<str>>,
    /// What `context.cancelled` answers.
    pub(crate) cancel: CancelSignal,
    /// Where granted variables come from.
    pub(crate) variables: Arc<dyn Variables>,
    /// What may be read of them.
    pub(crate) granted: Arc<Granted>,
    /// The first refusal, in words that name the grant to add.
    pub(crate) denied: Option<String>,
}

/// Offers `weft:dag/context`, `log` and `variables` (`types` holds no functions).
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.instance("weft:dag/types@0.1.0")?;
    context::add_to_linker(linker)?;
    log::add_to_linker(linker)?;
    variables::add_to_linker(linker)
}
