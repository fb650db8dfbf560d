//! Outputs of active runs that downstream tasks may need.
//!
//! An uncommitted output is always in memory. A committed one may be dropped, and is then read
//! from the database again. This module does no I/O: [`Outputs::missing`] says what to read. A
//! read ends later than it began: what changed meanwhile is never replaced by what it read.

use crate::output_memory::{Charge, OutputMemory};
use std::{collections::HashMap, sync::Arc};
use weft_core::{digest::Digest, document::TaskIndex, inputs, run::Instance};
use weft_store::Output;

/// The outputs of one run.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    tasks: HashMap<TaskIndex, TaskOutputs>,
    /// Rises when outputs are dropped: rows that were requested before may be outdated.
    generation: u64,
    /// The bytes of the texts in memory.
    charge: Charge,
}

/// The outputs of one task, by map index.
#[derive(Debug, Default)]
struct TaskOutputs {
    /// Whether the database has no output that is not here.
    complete: bool,
    /// Up to which map index the database's rows were read.
    read_until: u32,
    by_index: Vec<Option<Cached>>,
    /// The sizes of all outputs, those in the blob store included.
    known_bytes: u64,
}

#[derive(Debug, Clone)]
enum Cached {
    Text(Arc<str>),
    /// In the blob store, and not read yet.
    Blob(BlobOutput),
    /// There is none any more, whatever the database contains until the turn is committed.
    Void,
}

/// An output in the blob store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlobOutput {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

/// The output is not in memory: read it, then repeat the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the output is not in memory")]
pub(crate) struct NotInMemory;

/// What is to be read before all outputs of a task are in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MissingOutputs {
    /// The task's rows, from a map index on.
    Rows { from: u32 },
    /// Texts that the blob store has, by map index.
    Blobs(Vec<(u32, BlobOutput)>),
}

impl Outputs {
    /// The outputs of a run that has just started: the database has none.
    pub(crate) fn of_new_run(tasks: impl Iterator<Item = TaskIndex>) -> Self {
        Self {
            tasks: tasks
                .map(|task| (task, TaskOutputs::complete_and_empty()))
                .collect(),
            ..Self::default()
        }
    }

    /// Counts the outputs in this memory from now on.
    pub(crate) fn charge_to(&mut self, memory: &OutputMemory) {
        self.charge.move_to(memory);
    }

    /// The bytes that are counted.
    #[cfg(feature = "planted-bugs")]
    pub(crate) const fn charged_bytes(&self) -> usize {
        self.charge.bytes()
    }

    /// The bytes of the texts in memory, added up anew.
    #[cfg(any(test, feature = "planted-bugs"))]
    pub(crate) fn recount_bytes(&self) -> usize {
        let texts = self.tasks.values().flat_map(|task| &task.by_index);
        texts.flatten().map(Cached::held_bytes).sum()
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Adds an output.
    pub(crate) fn insert(&mut self, instance: Instance, output: &Output) {
        self.set(instance, Cached::of(output));
    }

    /// Voids an instance's output.
    pub(crate) fn void(&mut self, instance: Instance) {
        self.set(instance, Cached::Void);
    }

    /// Removes the outputs of a task that starts over.
    pub(crate) fn clear(&mut self, task: TaskIndex) {
        self.generation += 1;
        let cleared = self.tasks.insert(task, TaskOutputs::complete_and_empty());
        let freed = cleared.map_or(0, |task| task.held_bytes());
        self.charge.set(self.charge.bytes() - freed);
    }

    /// Drops everything that can be read again; only right after a commit.
    pub(crate) fn drop_committed(&mut self) {
        self.generation += 1;
        self.tasks.clear();
        self.charge.set(0);
    }

    /// What is to be read before all outputs of a task are in memory.
    pub(crate) fn missing(&self, task: TaskIndex) -> Option<MissingOutputs> {
        let Some(outputs) = self.tasks.get(&task) else {
            return Some(MissingOutputs::Rows { from: 0 });
        };
        if !outputs.complete {
            let from = outputs.read_until;
            return Some(MissingOutputs::Rows { from });
        }
        let blobs: Vec<(u32, BlobOutput)> = (0..)
            .zip(&outputs.by_index)
            .filter_map(|(index, cached)| match cached {
                Some(Cached::Blob(blob)) => Some((index, *blob)),
                Some(Cached::Text(_) | Cached::Void) | None => None,
            })
            .collect();
        (!blobs.is_empty()).then_some(MissingOutputs::Blobs(blobs))
    }

    /// Adds rows that were read, `last` with the task's last ones, if they were requested in this
    /// generation. An output that is in memory already is at least as new as its row.
    pub(crate) fn insert_rows(
        &mut self,
        generation: u64,
        task: TaskIndex,
        rows: Vec<(Instance, Output)>,
        last: bool,
    ) {
        if generation != self.generation {
            return;
        }
        for (instance, output) in rows {
            let outputs = self.tasks.entry(task).or_default();
            outputs.read_until = outputs.read_until.max(instance.index + 1);
            if outputs.get(instance.index).is_none() {
                self.set(instance, Cached::of(&output));
            }
        }
        let outputs = self.tasks.entry(task).or_default();
        outputs.complete |= last;
    }

    /// Adds a text that was read from the blob store, if it is still the output.
    pub(crate) fn insert_text(&mut self, instance: Instance, digest: Digest, text: Arc<str>) {
        let outputs = self.tasks.get(&instance.task);
        let current = outputs.and_then(|outputs| outputs.get(instance.index));
        if matches!(current, Some(Cached::Blob(blob)) if blob.digest == digest) {
            self.set(instance, Cached::Text(text));
        }
    }

    fn set(&mut self, instance: Instance, cached: Cached) {
        let outputs = self.tasks.entry(instance.task).or_default();
        let added = cached.held_bytes();
        let freed = outputs.set(instance.index, cached);
        self.charge.set(self.charge.bytes() + added - freed);
    }
}

impl Cached {
    fn of(output: &Output) -> Self {
        match output {
            Output::Inline(text) => Self::Text(Arc::clone(text)),
            Output::Blob { digest, bytes } => Self::Blob(BlobOutput {
                digest: *digest,
                bytes: *bytes,
            }),
        }
    }

    /// The bytes in memory.
    fn held_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Blob(_) | Self::Void => 0,
        }
    }

    /// The bytes of the output, wherever it is.
    fn known_bytes(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Blob(blob) => blob.bytes,
            Self::Void => 0,
        }
    }
}

impl TaskOutputs {
    const fn complete_and_empty() -> Self {
        Self {
            complete: true,
            read_until: 0,
            by_index: Vec::new(),
            known_bytes: 0,
        }
    }

    /// Replaces an output; returns the bytes that the one before had in memory.
    fn set(&mut self, index: u32, cached: Cached) -> usize {
        let index = index as usize;
        if self.by_index.len() <= index {
            self.by_index.resize(index + 1, None);
        }
        self.known_bytes += cached.known_bytes();
        let Some(replaced) = self.by_index[index].replace(cached) else {
            return 0;
        };
        self.known_bytes -= replaced.known_bytes();
        replaced.held_bytes()
    }

    fn get(&self, index: u32) -> Option<&Cached> {
        self.by_index.get(index as usize)?.as_ref()
    }

    fn held_bytes(&self) -> usize {
        let texts = self.by_index.iter().flatten();
        texts.map(Cached::held_bytes).sum()
    }
}

impl inputs::Outputs for Outputs {
    type Error = NotInMemory;

    fn known_bytes(&mut self, task: TaskIndex) -> u64 {
        self.tasks.get(&task).map_or(0, |task| task.known_bytes)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: u32 = 3;

    /// One random change, as events, reads and commits make them.
    fn change(outputs: &mut Outputs, random: &mut fastrand::Rng) {
        let task = TaskIndex(random.u32(0..TASKS));
        let instance = Instance {
            task,
            index: random.u32(0..5),
        };
        let text: Arc<str> = "x".repeat(random.usize(0..50)).into();
        let digest = Digest::of(&[random.u8(0..3)]);
        let output = if random.bool() {
            Output::Inline(Arc::clone(&text))
        } else {
            let bytes = text.len() as u64;
            Output::Blob { digest, bytes }
        };
        match random.u32(0..7) {
            0 => outputs.clear(task),
            1 => outputs.void(instance),
            2 if random.u32(0..10) == 0 => outputs.drop_committed(),
            2 | 3 => {
                let generation = outputs.generation() - u64::from(random.u8(0..10) == 0);
                outputs.insert_rows(generation, task, vec![(instance, output)], random.bool());
            }
            4 => outputs.insert_text(instance, digest, text),
            _ => outputs.insert(instance, &output),
        }
    }

    #[test]
    fn the_bytes_in_memory_are_counted_exactly() {
        for seed in 0..50 {
            let mut random = fastrand::Rng::with_seed(seed);
            let memory = OutputMemory::default();
            let mut runs: Vec<Outputs> = Vec::new();
            for _ in 0..500 {
                if runs.is_empty() || random.u32(0..50) == 0 {
                    let mut outputs = Outputs::of_new_run((0..TASKS).map(TaskIndex));
                    outputs.generation = 1;
                    outputs.charge_to(&memory);
                    runs.push(outputs);
                } else if random.u32(0..60) == 0 {
                    runs.swap_remove(random.usize(0..runs.len()));
                } else {
                    let at = random.usize(0..runs.len());
                    change(&mut runs[at], &mut random);
                }
                let expected: usize = runs.iter().map(Outputs::recount_bytes).sum();
                assert_eq!(memory.total(), expected, "seed {seed}");
            }
            runs.clear();
            assert_eq!(memory.total(), 0, "seed {seed}");
        }
    }

    #[test]
    fn what_was_read_before_a_change_replaces_nothing() {
        let instance = Instance {
            task: TaskIndex(0),
            index: 0,
        };
        let old = Output::Inline("old".into());
        let mut outputs = Outputs::default();
        let generation = outputs.generation();
        outputs.clear(instance.task);
        outputs.insert_rows(generation, instance.task, vec![(instance, old)], true);
        assert_eq!(inputs::Outputs::get(&mut outputs, instance), Ok(None));
        let digest = Digest::of(b"old");
        outputs.insert(instance, &Output::Blob { digest, bytes: 3 });
        outputs.insert(instance, &Output::Inline("new".into()));
        outputs.insert_text(instance, digest, "old".into());
        let got = inputs::Outputs::get(&mut outputs, instance);
        assert_eq!(got, Ok(Some("new".into())));
    }
}
