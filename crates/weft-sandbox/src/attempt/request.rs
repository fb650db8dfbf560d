//! What [`crate::Sandbox::run`] is asked to execute.

use crate::{ArtifactRef, Artifacts, EventSink, Guest, Variables};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use weft_core::{
    contract, document::OutputFormat, inputs::Invocation, limit::Limits, policy::Granted,
};

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
        inputs: Vec<(String, String)>,
    },
    /// A WASI program: a command component or a WASI 0.1 module.
    Program(ProgramEntry),
}

/// How a program is started and how its end is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramEntry {
    /// Everything after the program's name, which the host puts in front.
    pub args: Vec<String>,
    /// Environment variables; nothing of the host's own environment is visible.
    pub env: Vec<(String, String)>,
    /// What standard input holds.
    pub stdin: Vec<u8>,
    /// How standard output becomes the output.
    pub output: OutputFormat,
    /// Exit codes that fail the task for good.
    pub fail_on_exit: Vec<u8>,
    /// Exit codes that skip the task.
    pub skip_on_exit: Vec<u8>,
    /// Artifacts that stand as files under `/in`, by file name.
    pub files_in: Vec<(String, ArtifactRef)>,
}

impl From<Invocation> for ProgramEntry {
    fn from(invocation: Invocation) -> Self {
        let file = |(name, reference): (String, contract::ArtifactRef)| {
            (name, ArtifactRef(reference.as_str().to_owned()))
        };
        Self {
            args: invocation.args,
            env: invocation.env,
            stdin: invocation.stdin,
            output: invocation.output,
            fail_on_exit: invocation.fail_on_exit,
            skip_on_exit: invocation.skip_on_exit,
            files_in: invocation.files_in.into_iter().map(file).collect(),
        }
    }
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

/// Asks a running attempt to stop. Cheap to clone; every clone is the same signal.
#[derive(Debug, Clone, Default)]
pub struct CancelSignal(Arc<AtomicBool>);

impl CancelSignal {
    /// A signal that nobody has given yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `context.cancelled()` is true from now on. It can't be taken back.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
