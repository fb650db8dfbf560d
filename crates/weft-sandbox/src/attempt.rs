//! One attempt of a task: what is asked for, and what came of it.

mod outcome;
mod request;

pub use outcome::{AttemptFailure, AttemptOutcome, AttemptReport, DeferUntil, FailureKind, Usage};
pub use request::{AttemptRequest, CancelSignal, Entry, ProgramEntry, Services};
