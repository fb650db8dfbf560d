//! Outputs of active runs that downstream tasks may need.
//!
//! An uncommitted output is always in memory. A committed one may be dropped, and is then read
//! from the database again. This module does no I/O: [`Outputs::missing`] says what to read.

use std::{collections::HashMap, sync::Arc};
use weft_core::{digest::Digest, document::TaskIndex, inputs, run::Instance};
use weft_store::Output;

/// The outputs of one run.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    tasks: HashMap<TaskIndex, TaskOutputs>,
}

/// The outputs of one task, by map index.
#[derive(Debug, Default)]
struct TaskOutputs {
    /// Whether the database has no output that is not here.
    complete: bool,
    by_index: Vec<Option<Cached>>,
}

#[derive(Debug, Clone)]
enum Cached {
    Text(Arc<str>),
    /// In the blob store, and not read yet.
    Blob(Digest),
    /// There is none any more, whatever the database contains until the turn is committed.
    Void,
}

/// The output is not in memory: read it, then repeat the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the output is not in memory")]
pub(crate) struct NotInMemory;

/// What is to be read before all outputs of a task are in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MissingOutputs {
    /// The task's rows.
    Rows,
    /// Texts that the blob store has, by map index.
    Blobs(Vec<(u32, Digest)>),
}

impl Outputs {
    /// The outputs of a run that has just started: the database has none.
    pub(crate) fn of_new_run(tasks: impl Iterator<Item = TaskIndex>) -> Self {
        Self {
            tasks: tasks
                .map(|task| (task, TaskOutputs::complete_and_empty()))
                .collect(),
        }
    }

    /// Adds an output; returns the bytes that it takes.
    pub(crate) fn insert(&mut self, instance: Instance, output: &Output) -> usize {
        let (cached, bytes) = Cached::of(output);
        self.tasks
            .entry(instance.task)
            .or_default()
            .set(instance.index, cached);
        bytes
    }

    /// Voids an instance's output; returns the bytes that it took.
    pub(crate) fn void(&mut self, instance: Instance) -> usize {
        let outputs = self.tasks.entry(instance.task).or_default();
        let freed = outputs.get(instance.index).map_or(0, Cached::bytes);
        outputs.set(instance.index, Cached::Void);
        freed
    }

    /// Removes the outputs of a task that starts over.
    pub(crate) fn clear(&mut self, task: TaskIndex) {
        self.tasks.insert(task, TaskOutputs::complete_and_empty());
    }

    /// Drops everything that can be read again; only right after a commit. Returns the bytes
    /// that it took.
    pub(crate) fn drop_committed(&mut self) -> usize {
        let freed = self
            .tasks
            .values()
            .flat_map(|task| task.by_index.iter().flatten())
            .map(Cached::bytes)
            .sum();
        self.tasks.clear();
        freed
    }

    /// What is to be read before all outputs of a task are in memory.
    pub(crate) fn missing(&self, task: TaskIndex) -> Option<MissingOutputs> {
        let Some(outputs) = self.tasks.get(&task).filter(|outputs| outputs.complete) else {
            return Some(MissingOutputs::Rows);
        };
        let blobs: Vec<(u32, Digest)> = (0..)
            .zip(&outputs.by_index)
            .filter_map(|(index, cached)| match cached {
                Some(Cached::Blob(digest)) => Some((index, *digest)),
                Some(Cached::Text(_) | Cached::Void) | None => None,
            })
            .collect();
        (!blobs.is_empty()).then_some(MissingOutputs::Blobs(blobs))
    }

    /// Adds rows that were read, `last` with the task's last ones; returns the bytes that they
    /// take. An output that is in memory already is at least as new as its row.
    pub(crate) fn insert_rows(
        &mut self,
        task: TaskIndex,
        rows: Vec<(Instance, Output)>,
        last: bool,
    ) -> usize {
        let outputs = self.tasks.entry(task).or_default();
        let mut added = 0;
        for (instance, output) in rows {
            if outputs.get(instance.index).is_none() {
                let (cached, bytes) = Cached::of(&output);
                outputs.set(instance.index, cached);
                added += bytes;
            }
        }
        outputs.complete = last;
        added
    }

    /// Adds a text that was read from the blob store; returns the bytes that it takes.
    pub(crate) fn insert_text(&mut self, instance: Instance, text: Arc<str>) -> usize {
        let bytes = text.len();
        self.tasks
            .entry(instance.task)
            .or_default()
            .set(instance.index, Cached::Text(text));
        bytes
    }
}

impl Cached {
    /// How an output is kept, and how many bytes it takes.
    fn of(output: &Output) -> (Self, usize) {
        match output {
            Output::Inline(text) => (Self::Text(Arc::clone(text)), text.len()),
            Output::Blob { digest, bytes: _ } => (Self::Blob(*digest), 0),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Blob(_) | Self::Void => 0,
        }
    }
}

impl TaskOutputs {
    const fn complete_and_empty() -> Self {
        Self {
            complete: true,
            by_index: Vec::new(),
        }
    }

    fn set(&mut self, index: u32, cached: Cached) {
        let index = index as usize;
        if self.by_index.len() <= index {
            self.by_index.resize(index + 1, None);
        }
        self.by_index[index] = Some(cached);
    }

    fn get(&self, index: u32) -> Option<&Cached> {
        self.by_index.get(index as usize)?.as_ref()
    }
}

impl inputs::Outputs for Outputs {
    type Error = NotInMemory;

    fn get(&mut self, instance: Instance) -> Result<Option<Arc<str>>, NotInMemory> {
        let Some(task) = self.tasks.get(&instance.task) else {
            return Err(NotInMemory);
        };
        match task.get(instance.index) {
            Some(Cached::Text(text)) => Ok(Some(Arc::clone(text))),
            Some(Cached::Void) => Ok(None),
            None if task.complete => Ok(None),
            Some(Cached::Blob(_)) | None => Err(NotInMemory),
        }
    }

    fn gather(&mut self, task: TaskIndex) -> Result<Arc<str>, NotInMemory> {
        let outputs = self
            .tasks
            .get(&task)
            .filter(|task| task.complete)
            .ok_or(NotInMemory)?;
        let mut list = String::from("[");
        for cached in outputs.by_index.iter().flatten() {
            let text = match cached {
                Cached::Text(text) => text,
                Cached::Void => continue,
                Cached::Blob(_) => return Err(NotInMemory),
            };
            if list.len() > 1 {
                list.push(',');
            }
            list.push_str(text);
        }
        list.push(']');
        Ok(list.into())
    }
}
