//! The request for one attempt, for [`crate::Sandbox::run`].

use crate::{Artifacts, CancelSignal, ConnectionScope, EventSink, Guest, ProgramEntry, Variables};
use std::{path::PathBuf, sync::Arc};
use weft_core::{limit::Limits, policy::Granted};

/// One attempt, complete: nothing else reaches the guest.
pub struct AttemptRequest {
    /// What to run, from [`crate::Sandbox::load`].
    pub guest: Guest,
    /// Where to enter it, and with what.
    pub entry: Entry,
    /// What `context.attempt()` answers: the JSON of
    /// `weft_core::contract::AttemptDocument`. A deterministic attempt takes
    /// its clock (`logical_date`) and its seed (`idempotency_key`) from it.
    pub attempt: String,
    /// What `context.resumed()` answers: JSON, after a deferral.
    pub resumed: Option<String>,
    /// What the task may reach.
    pub grants: Granted,
    /// What the task may use up.
    pub limits: Limits,
    /// Runs on the deterministic engine with a fixed clock and seed.
    pub deterministic: bool,
    /// What the host offers to this attempt.
    pub services: Services,
    /// A fresh folder is made beneath it at the guest's first use of the file
    /// system, and removed with the attempt.
    pub scratch_root: PathBuf,
    /// Which attempts may reuse the connections of this one.
    pub connection_scope: ConnectionScope,
    /// Turns `context.cancelled()` true. Dropping the future of `run` kills.
    pub cancel: CancelSignal,
}

/// Where an attempt enters its guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// `weft:dag/tasks.run` of a component.
    Task {
        /// The task's name within the component.
        name: String,
        /// By parameter name; each value is JSON text.
        inputs: Vec<(String, Arc<str>)>,
    },
    /// A WASI program: a command component or a WASI 0.1 module.
    Program(ProgramEntry),
}

/// What the host offers to one attempt, behind the grants.
#[derive(Clone)]
pub struct Services {
    /// Takes log lines and progress.
    pub events: EventSink,
    /// Stores and opens artifacts.
    pub artifacts: Arc<dyn Artifacts>,
    /// Looks variables up.
    pub variables: Arc<dyn Variables>,
}
