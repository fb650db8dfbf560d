//! The deaths of workers that count against a task.

use weft_core::{
    document::TaskIndex,
    run_id::RunId,
    suspicion::{Blamed, Crash},
};

/// A change of what is known about crashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrashUpdate {
    /// This one counts.
    Counted(Blamed, Crash),
    /// An attempt of the task ended by itself.
    Absolved(Blamed),
    /// A task of a run is tried again: what it was absolved of is forgotten.
    Cleared {
        /// The run.
        run: RunId,
        /// The task.
        task: TaskIndex,
    },
}
