//! The bounds on a tree: its size, depth, number of tasks and memory.

use crate::document::{
    MAX_DAGS, MAX_DEPTH, MAX_READ_BYTES, MAX_TASKS, MAX_VALUES, ProblemCode, collect::Problems,
};

/// The part of the document that a value is, as far as counting distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Root,
    Dags,
    Dag,
    Tasks,
    Other,
}

impl Part {
    pub(super) fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "dags") => Self::Dags,
            (Self::Root | Self::Dag, "tasks") => Self::Tasks,
            (Self::Root | Self::Dags | Self::Dag | Self::Tasks | Self::Other, _) => Self::Other,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    values: usize,
    tasks: usize,
    dags: usize,
}

impl Counts {
    /// Counts one value below `part`, or returns the bound that it exceeds.
    pub(super) fn add(&mut self, parent: Part, depth: usize) -> Result<(), String> {
        let bound = |count: usize, most: usize, what: &str| {
            if count > most {
                Err(format!("the document has more than {most} {what}"))
            } else {
                Ok(())
            }
        };
        self.values += 1;
        match parent {
            Part::Tasks => self.tasks += 1,
            Part::Dags => self.dags += 1,
            Part::Root | Part::Dag | Part::Other => {}
        }
        bound(self.values, MAX_VALUES, "values")?;
        bound(self.tasks, MAX_TASKS, "tasks")?;
        bound(self.dags, MAX_DAGS, "DAGs")?;
        bound(depth, MAX_DEPTH, "levels of nesting")
    }
}

/// Reports that the document exceeds its memory.
pub(crate) fn too_large(problems: &Problems) {
    problems.add_at(
        None,
        ProblemCode::TooLarge,
        too_much_memory(),
        Some(split_help()),
    );
}

fn too_much_memory() -> String {
    format!(
        "the document takes more than {} MiB of memory to read",
        MAX_READ_BYTES >> 20
    )
}

pub(super) fn split_help() -> String {
    "split it into several DAGs or documents, or map one task over a list with `expand`".into()
}

/// An error if the document's memory is used up.
pub(super) fn check_memory(is_left: bool) -> Result<(), String> {
    if is_left {
        Ok(())
    } else {
        Err(too_much_memory())
    }
}
