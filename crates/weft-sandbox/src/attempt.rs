//! One attempt of a task: its request, its execution and its outcome.

mod cancel;
mod execute;
mod outcome;
mod program_entry;
mod reading;
mod request;

pub(crate) use execute::{Setup, execute, store};

pub use cancel::CancelSignal;
pub use outcome::{AttemptFailure, AttemptOutcome, AttemptReport, DeferUntil, FailureKind, Usage};
pub use program_entry::ProgramEntry;
pub use request::{AttemptRequest, Entry, Services};
