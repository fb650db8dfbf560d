//! Runs one DAG in this process, without any server.
//!
//! [`Runner`] owns all state and is driven by one loop: it waits for the next
//! `driver::Event`, passes it to the state machine (`weft_core::run`), carries
//! out what that asks for, and hands ready instances to the sandbox while there
//! are slots. Nothing else touches the state, so nothing is locked.
//!
//! What always holds: attempts run as tasks of the runtime and report once;
//! whatever grows with what guests do (log lines, outputs) is bounded; nothing
//! in the loop waits for a disk to synchronise or for a terminal.

pub(crate) mod attempt;
pub(crate) mod driver;
pub(crate) mod folder;
pub(crate) mod ready;
pub(crate) mod step;
pub(crate) mod timers;

pub use driver::RunResult;
pub(crate) use driver::{Runner, Setup};
