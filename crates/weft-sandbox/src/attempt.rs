//! One attempt of a task: what is asked for, and what came of it.

mod execute;
mod outcome;
mod reading;
mod request;

pub(crate) use execute::{Setup, execute, store};

pub use outcome::{AttemptFailure, AttemptOutcome, AttemptReport, DeferUntil, FailureKind, Usage};
pub use request::{AttemptRequest, CancelSignal, Entry, ProgramEntry, Services};
