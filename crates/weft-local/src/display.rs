//! Shows a run while it goes on: live on a terminal, as lines in a pipe, as
//! JSON for programs.
//!
//! The runner sends notices and never waits for a drawing: displays keep what they
//! need and draw at most `DRAWS_PER_SECOND` times a second. Nothing here decides anything.

mod ending;
mod json;
mod live;
mod plain;
pub mod screen;

pub(crate) use json::write_report;

use crate::{
    clock::Micros,
    history::{History, State},
    outputs::Outputs,
};
use serde_json::{Map, Value};
use std::{path::PathBuf, sync::Arc};
use weft_core::{
    document::{Dag, TaskIndex},
    run::{Attempt, Instance, RunState},
    time::Timestamp,
};
use weft_sandbox::{AttemptFailure, FolderArtifacts, GuestEvent, Usage};

/// How often a terminal is redrawn at most.
pub(crate) const DRAWS_PER_SECOND: u32 = 12;

/// What a run is, as far as displays need it.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) run: String,
    pub(crate) dag: String,
    /// The file, as the user named it.
    pub(crate) file: String,
    pub(crate) digest: String,
    pub(crate) folder: PathBuf,
    /// The folder of all runs.
    pub(crate) runs: PathBuf,
    pub(crate) artifacts: FolderArtifacts,
    pub(crate) params: Map<String, Value>,
    pub(crate) logical_date: Timestamp,
    pub(crate) tasks: Vec<TaskFacts>,
}

/// One task.
#[derive(Debug)]
pub(crate) struct TaskFacts {
    pub(crate) id: String,
    pub(crate) mapped: bool,
    /// Whether it is a part of this run.
    pub(crate) included: bool,
    /// No other included task waits for it, so its output is a result of the run.
    pub(crate) leaf: bool,
}

impl Facts {
    /// The tasks of a DAG.
    pub(crate) fn tasks(dag: &Dag, included: &[bool]) -> Vec<TaskFacts> {
        let mut leaf = vec![true; dag.tasks.len()];
        let parts = dag
            .tasks
            .iter()
            .zip(included)
            .filter(|(_, included)| **included);
        for upstream in parts.flat_map(|(task, _)| &task.upstreams) {
            leaf[upstream.as_usize()] = false;
        }
        dag.tasks
            .iter()
            .zip(included.iter().zip(leaf))
            .map(|(task, (included, leaf))| TaskFacts {
                id: task.id.to_string(),
                mapped: !task.expand.is_empty(),
                included: *included,
                leaf: *included && leaf,
            })
            .collect()
    }

    /// How many tasks this run has.
    pub(crate) fn count(&self) -> usize {
        self.tasks.iter().filter(|task| task.included).count()
    }

    /// The task of an instance.
    pub(crate) fn task(&self, task: TaskIndex) -> &TaskFacts {
        &self.tasks[task.as_usize()]
    }

    /// `null` in JSON for a task that is not mapped.
    pub(crate) fn map_index(&self, instance: Instance) -> Option<u32> {
        self.task(instance.task).mapped.then_some(instance.index)
    }

    /// `extract`, or `parse[7]` for an instance of a mapped task.
    pub(crate) fn label(&self, instance: Instance) -> String {
        let task = self.task(instance.task);
        if task.mapped {
            format!("{}[{}]", task.id, instance.index)
        } else {
            task.id.clone()
        }
    }
}

/// What happens in a run, in order.
#[derive(Debug)]
pub(crate) enum Notice<'a> {
    /// Nothing has started yet.
    RunStarted { at: Micros },
    /// The mapped task has so many instances.
    Expanded {
        at: Micros,
        task: TaskIndex,
        instances: u32,
    },
    /// An attempt started in the sandbox.
    AttemptStarted { at: Micros, attempt: Attempt },
    /// A line, or progress.
    Guest {
        attempt: Attempt,
        event: &'a GuestEvent,
    },
    /// An attempt is over.
    AttemptEnded {
        at: Micros,
        started: Micros,
        attempt: Attempt,
        end: AttemptEnd<'a>,
        usage: &'a Usage,
    },
    /// An instance ended without an attempt of its own: it was skipped, or never could run.
    Settled {
        at: Micros,
        instance: Instance,
        state: State,
    },
    /// Ctrl-C was pressed, and the run is being cancelled.
    Cancelling { at: Micros },
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum AttemptEnd<'a> {
    Success,
    Skipped {
        reason: Option<&'a str>,
    },
    Deferred {
        until: Option<Timestamp>,
    },
    /// `retry_at` says that another attempt follows.
    Failed {
        failure: &'a AttemptFailure,
        retry_at: Option<Timestamp>,
    },
    /// It was stopped, and its outcome does not count.
    Stopped,
}

/// What a display may look at when the run is over.
pub(crate) struct Ended<'a> {
    pub(crate) state: RunState,
    pub(crate) started: Micros,
    /// When it ended.
    pub(crate) at: Micros,
    pub(crate) history: &'a History,
    pub(crate) outputs: &'a mut Outputs,
    /// Whether any log line was kept.
    pub(crate) logged: bool,
}

/// Shows one run.
pub(crate) trait Display: Send {
    /// Takes note of something; must return at once.
    fn notice(&mut self, notice: &Notice<'_>);

    /// The run has nothing to do at the moment, or it is time to draw.
    fn refresh(&mut self);

    /// Whether `refresh` has to be called by the clock as well.
    fn animated(&self) -> bool;

    /// Shows the result, after the last notice.
    fn end(&mut self, ended: Ended<'_>);

    /// Makes room for a question to the user.
    fn ask(&mut self, question: &str);
}

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: live on a terminal, lines in a pipe.
    Text,
    /// One JSON line for each event; the last one is the run with every task's state and output.
    Json,
}

/// The display that fits.
pub(crate) fn choose(format: Format, facts: Arc<Facts>, terminal: bool) -> Box<dyn Display> {
    match (format, terminal) {
        (Format::Json, _) => Box::new(json::JsonLines::new(facts)),
        (Format::Text, false) => Box::new(plain::PlainLines::new(facts)),
        (Format::Text, true) => Box::new(live::LiveTree::new(facts)),
    }
}
