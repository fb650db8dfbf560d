//! The outputs of a run's instances: small ones in memory, the rest of a large
//! run in one file.
//!
//! What always holds: at most [`MEMORY_BYTES`] of outputs are held; beyond
//! that, what does not fit is appended to the spill file and read back when a
//! downstream asks for it. The file is removed with this value.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use weft_core::{document::TaskIndex, inputs, run::Instance};

/// The most that is held in memory.
const MEMORY_BYTES: usize = 128 << 20;
/// Outputs up to this size always stay in memory: writing them out costs more than it frees.
const ALWAYS_HELD_BYTES: usize = 64;

/// Outputs by instance.
#[derive(Debug)]
pub(crate) struct Outputs {
    tasks: Vec<Vec<Option<Kept>>>,
    held_bytes: usize,
    /// `null` is the commonest output of all and is held once.
    null: Arc<str>,
    spill: Spill,
}

#[derive(Debug, Clone)]
enum Kept {
    Held(Arc<str>),
    Spilled { from: u64, bytes: usize },
}

#[derive(Debug)]
struct Spill {
    path: PathBuf,
    file: Option<File>,
    end: u64,
}

impl Outputs {
    /// For a DAG of this many tasks; `spill` is the file that may be written.
    pub(crate) fn new(tasks: usize, spill: PathBuf) -> Self {
        Self {
            tasks: vec![Vec::new(); tasks],
            held_bytes: 0,
            null: Arc::from("null"),
            spill: Spill {
                path: spill,
                file: None,
                end: 0,
            },
        }
    }

    /// Keeps the output of an instance.
    ///
    /// # Errors
    /// The spill file can't be written.
    pub(crate) fn put(&mut self, instance: Instance, output: String) -> io::Result<()> {
        let kept = if output == "null" {
            Kept::Held(Arc::clone(&self.null))
        } else if output.len() <= ALWAYS_HELD_BYTES
            || self.held_bytes + output.len() <= MEMORY_BYTES
        {
            self.held_bytes += output.len();
            Kept::Held(output.into())
        } else {
            self.spill.append(&output)?
        };
        let task = &mut self.tasks[instance.task.0 as usize];
        let index = instance.index as usize;
        if task.len() <= index {
            task.resize(index + 1, None);
        }
        task[index] = Some(kept);
        Ok(())
    }
}

impl inputs::Outputs for Outputs {
    /// The spill file can't be read.
    type Error = io::Error;

    fn known_bytes(&mut self, task: TaskIndex) -> u64 {
        let outputs = self.tasks[task.0 as usize].iter().flatten();
        let bytes = outputs.map(|output| match output {
            Kept::Held(output) => output.len() as u64,
            Kept::Spilled { from: _, bytes } => *bytes as u64,
        });
        bytes.sum()
    }

    fn get(&mut self, instance: Instance) -> io::Result<Option<Arc<str>>> {
        match self.tasks[instance.task.0 as usize].get(instance.index as usize) {
            None | Some(None) => Ok(None),
            Some(Some(Kept::Held(output))) => Ok(Some(Arc::clone(output))),
            Some(Some(Kept::Spilled { from, bytes })) => self.spill.read(*from, *bytes).map(Some),
        }
    }

    fn gather(&mut self, task: TaskIndex) -> io::Result<Arc<str>> {
        let count = u32::try_from(self.tasks[task.0 as usize].len()).expect("indexes are u32");
        let mut list = String::from("[");
        for index in 0..count {
            if let Some(output) = self.get(Instance { task, index })? {
                if list.len() > 1 {
                    list.push(',');
                }
                list.push_str(&output);
            }
        }
        list.push(']');
        Ok(list.into())
    }
}

impl Spill {
    fn append(&mut self, output: &str) -> io::Result<Kept> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(
                File::options()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .open(&self.path)?,
            ),
        };
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(output.as_bytes())?;
        let kept = Kept::Spilled {
            from: self.end,
            bytes: output.len(),
        };
        self.end += output.len() as u64;
        Ok(kept)
    }

    fn read(&mut self, from: u64, bytes: usize) -> io::Result<Arc<str>> {
        let file = self
            .file
            .as_mut()
            .expect("the file has every spilled output");
        file.seek(SeekFrom::Start(from))?;
        let mut text = vec![0; bytes];
        file.read_exact(&mut text)?;
        String::from_utf8(text)
            .map(Into::into)
            .map_err(io::Error::other)
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        if self.file.is_some() {
            remove(&self.path);
        }
    }
}

fn remove(path: &Path) {
    // A file that stays behind costs space in a folder that is swept anyway.
    drop(std::fs::remove_file(path));
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::inputs::Outputs as _;

    fn at(task: u32, index: u32) -> Instance {
        Instance {
            task: TaskIndex(task),
            index,
        }
    }

    #[test]
    fn what_does_not_fit_into_memory_comes_back_from_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let spill = folder.path().join("outputs.spill");
        let mut outputs = Outputs::new(2, spill.clone());
        let large = |fill: &str| format!("\"{}\"", fill.repeat(MEMORY_BYTES / 3));
        for (index, fill) in ["a", "b", "c", "d"].into_iter().enumerate() {
            outputs
                .put(at(0, u32::try_from(index).expect("small")), large(fill))
                .expect("room");
        }
        outputs.put(at(1, 0), "1".into()).expect("room");
        assert!(spill.exists());
        for (index, fill) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let index = u32::try_from(index).expect("small");
            assert_eq!(
                outputs.get(at(0, index)).expect("readable").as_deref(),
                Some(&*large(fill))
            );
        }
        assert!(outputs.held_bytes <= MEMORY_BYTES);
        drop(outputs);
        assert!(!spill.exists());
    }

    #[test]
    fn gathering_leaves_out_instances_without_an_output() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut outputs = Outputs::new(2, folder.path().join("spill"));
        outputs.put(at(0, 0), "1".into()).expect("room");
        outputs.put(at(0, 2), "[3]".into()).expect("room");
        assert_eq!(&*outputs.gather(TaskIndex(0)).expect("readable"), "[1,[3]]");
        assert_eq!(&*outputs.gather(TaskIndex(1)).expect("readable"), "[]");
        assert_eq!(outputs.get(at(0, 1)).expect("readable"), None);
    }
}
