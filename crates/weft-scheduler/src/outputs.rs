//! Outputs of active runs that tasks downstream may ask for.
//!
//! What always holds: an output that isn't committed yet is here. What is
//! committed may be forgotten, and is then read from the database.

use std::{collections::HashMap, sync::Arc};
use weft_blob::{Blobs, Kind};
use weft_core::{document::TaskIndex, id::TenantId, inputs, run::Instance, run_id::RunId};
use weft_store::{Output, RunStore, StoreError};

/// Rows that are read at once.
const PAGE: u32 = 4096;

/// The outputs of one run.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    tasks: HashMap<TaskIndex, TaskOutputs>,
}

/// The outputs of one task, by map index.
#[derive(Debug, Default)]
struct TaskOutputs {
    /// Whether every output there is stands here.
    complete: bool,
    by_index: Vec<Option<Kept>>,
}

#[derive(Debug, Clone)]
enum Kept {
    Text(Arc<str>),
    /// In the blob store, and not read yet.
    Elsewhere(Output),
    /// There is none any more, whatever the database says until the turn is committed.
    Void,
}

/// The output is not in memory: fetch it, then ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the output is not in memory")]
pub(crate) struct NotHere;

/// Why an output can't be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the output of an upstream task can't be read: {0}")]
    Blob(#[from] weft_blob::BlobError),
    #[error("the output of an upstream task is not UTF-8")]
    Text,
}

impl Outputs {
    /// Of a run that has only just begun: nothing stands in the database.
    pub(crate) fn fresh(tasks: impl Iterator<Item = TaskIndex>) -> Self {
        Self {
            tasks: tasks
                .map(|task| {
                    let outputs = TaskOutputs {
                        complete: true,
                        by_index: Vec::new(),
                    };
                    (task, outputs)
                })
                .collect(),
        }
    }

    /// Keeps an output; returns how many bytes it takes.
    pub(crate) fn put(&mut self, instance: Instance, output: &Output) -> usize {
        let (kept, bytes) = match output {
            Output::Inline(text) => (Kept::Text(Arc::clone(text)), text.len()),
            Output::Blob { .. } => (Kept::Elsewhere(output.clone()), 0),
        };
        self.tasks
            .entry(instance.task)
            .or_default()
            .put(instance.index, kept);
        bytes
    }

    /// An instance has no output any more; returns how many bytes that frees.
    pub(crate) fn void(&mut self, instance: Instance) -> usize {
        let outputs = self.tasks.entry(instance.task).or_default();
        let freed = outputs.get(instance.index).map_or(0, Kept::bytes);
        outputs.put(instance.index, Kept::Void);
        freed
    }

    /// The task starts over; nothing of it counts any more.
    pub(crate) fn clear(&mut self, task: TaskIndex) {
        let outputs = TaskOutputs {
            complete: true,
            by_index: Vec::new(),
        };
        self.tasks.insert(task, outputs);
    }

    /// Forgets everything that can be read again; only right after a commit.
    /// Returns how many bytes that frees.
    pub(crate) fn forget(&mut self) -> usize {
        let freed = self
            .tasks
            .values()
            .flat_map(|task| task.by_index.iter().flatten())
            .map(Kept::bytes)
            .sum();
        self.tasks.clear();
        freed
    }

    /// Reads the outputs of a task that aren't here, all of them. Returns how
    /// many bytes they take.
    pub(crate) async fn fetch(
        &mut self,
        task: TaskIndex,
        run: RunId,
        tenant: &TenantId,
        store: &dyn RunStore,
        blobs: &Blobs,
    ) -> Result<usize, OutputError> {
        let outputs = self.tasks.entry(task).or_default();
        let mut bytes = 0;
        let mut from = 0;
        while !outputs.complete {
            let page = store.outputs_of_task(run, task, from, PAGE).await?;
            let last = page.len() < PAGE as usize;
            for (instance, output) in page {
                from = instance.index + 1;
                let kept = match output {
                    Output::Inline(text) => {
                        bytes += text.len();
                        Kept::Text(text)
                    }
                    output @ Output::Blob { .. } => Kept::Elsewhere(output),
                };
                // What is here already is at least as new.
                if outputs.get(instance.index).is_none() {
                    outputs.put(instance.index, kept);
                }
            }
            outputs.complete = last;
        }
        for kept in outputs.by_index.iter_mut().flatten() {
            if let Kept::Elsewhere(Output::Blob { digest, .. }) = kept {
                let read = blobs.get(Kind::Output, tenant, digest).await?;
                let text = std::str::from_utf8(&read).map_err(|_not_utf8| OutputError::Text)?;
                bytes += text.len();
                *kept = Kept::Text(text.into());
            }
        }
        Ok(bytes)
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Elsewhere(_) | Self::Void => 0,
        }
    }
}

impl TaskOutputs {
    fn put(&mut self, index: u32, kept: Kept) {
        let index = index as usize;
        if self.by_index.len() <= index {
            self.by_index.resize(index + 1, None);
        }
        self.by_index[index] = Some(kept);
    }

    fn get(&self, index: u32) -> Option<&Kept> {
        self.by_index.get(index as usize)?.as_ref()
    }
}

impl inputs::Outputs for Outputs {
    type Error = NotHere;

    fn get(&mut self, instance: Instance) -> Result<Option<Arc<str>>, NotHere> {
        let Some(task) = self.tasks.get(&instance.task) else {
            return Err(NotHere);
        };
        match task.get(instance.index) {
            Some(Kept::Text(text)) => Ok(Some(Arc::clone(text))),
            Some(Kept::Void) => Ok(None),
            None if task.complete => Ok(None),
            Some(Kept::Elsewhere(_)) | None => Err(NotHere),
        }
    }

    fn gather(&mut self, task: TaskIndex) -> Result<Arc<str>, NotHere> {
        let outputs = self
            .tasks
            .get(&task)
            .filter(|task| task.complete)
            .ok_or(NotHere)?;
        let mut list = String::from("[");
        for kept in outputs.by_index.iter().flatten() {
            let text = match kept {
                Kept::Text(text) => text,
                Kept::Void => continue,
                Kept::Elsewhere(_) => return Err(NotHere),
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
