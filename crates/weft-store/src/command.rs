//! Commands that people give for runs.

use crate::CommandId;
use std::sync::Arc;
use weft_core::{
    id::TaskId,
    run::{Instance, Marked, Selection},
    run_id::RunId,
};

/// A command that a person or program gives for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its row; commands are carried out in this order.
    pub id: CommandId,
    /// The run.
    pub run: RunId,
    /// What it does.
    pub kind: CommandKind,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandKind {
    /// Cancels the run, the runs that it called, those that these called, and so on. The turn that
    /// carries it out gives the same command to each run that this one called and that has not ended.
    CancelTree,
    /// End it as cancelled.
    Cancel,
    /// End it as failed without the state machine; only one that no scheduler can continue.
    Fail,
    /// Run tasks or instances again.
    Clear(Selection<TaskId>),
    /// Give an instance a state by hand.
    Mark {
        /// Task of the instance.
        task: TaskId,
        /// Its map index; 0 of a task that isn't mapped.
        index: u32,
        /// The state.
        as_state: Marked,
    },
    /// A deferred instance goes on before its time.
    Wake {
        /// Task of the instance.
        task: TaskId,
        /// Its map index; 0 of a task that isn't mapped.
        index: u32,
    },
    /// What a deferred instance waits for has come; the database writes it.
    EndWait {
        /// The instance, of the version that the run is pinned to.
        instance: Instance,
        /// What came.
        by: Arrival,
    },
}

/// What came that a deferred instance waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The number of the attempt that deferred; the command is refused if another one came since.
    pub number: u32,
    /// What woke it, as [`weft_core::wait::Woken`] writes it.
    pub woken: Arc<str>,
}
