//! How Weft's types are encoded in columns: the numbers of states, the JSON of small parts.
//!
//! A number or a key that was released is never given another meaning.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::{DagId, TaskId},
    run::{Counts, Instance, Marked, RunState, Selection},
    run_id::RunId,
};
use weft_store::{Arrival, Caller, CommandKind, FileEntry, InstanceTag, RunKind, StoreError};

pub(crate) const fn encode_run_state(state: RunState) -> i64 {
    match state {
        RunState::Pending => 1,
        RunState::Running => 2,
        RunState::Success => 10,
        RunState::Failed => 11,
        RunState::Cancelled => 14,
    }
}

pub(crate) fn decode_run_state(number: i64) -> Result<RunState, StoreError> {
    Ok(match number {
        1 => RunState::Pending,
        2 => RunState::Running,
        10 => RunState::Success,
        11 => RunState::Failed,
        14 => RunState::Cancelled,
        other => return Err(unknown_number("run state", other)),
    })
}

pub(crate) const fn encode_run_kind(kind: RunKind) -> i64 {
    match kind {
        RunKind::Manual => 1,
        RunKind::Scheduled => 2,
        RunKind::Backfill => 3,
        RunKind::Called => 4,
        RunKind::Assets => 5,
    }
}

pub(crate) fn decode_run_kind(number: i64) -> Result<RunKind, StoreError> {
    Ok(match number {
        1 => RunKind::Manual,
        2 => RunKind::Scheduled,
        3 => RunKind::Backfill,
        4 => RunKind::Called,
        5 => RunKind::Assets,
        other => return Err(unknown_number("kind of run", other)),
    })
}

pub(crate) fn decode_instance_state(number: i64) -> Result<InstanceTag, StoreError> {
    InstanceTag::ALL
        .into_iter()
        .find(|state| *state as i64 == number)
        .ok_or_else(|| unknown_number("instance state", number))
}

pub(crate) fn unknown_number(what: &str, number: i64) -> StoreError {
    StoreError::Corrupt(format!("the {what} {number} is unknown"))
}

fn damaged(what: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt(format!("{what} can't be read: {error}"))
}

fn encode<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("its keys are texts and its numbers finite")
}

pub(crate) fn encode_counts(counts: &Counts) -> String {
    encode(counts)
}

pub(crate) fn decode_counts(text: Option<&str>) -> Result<Counts, StoreError> {
    text.map_or(Ok(Counts::default()), |text| {
        serde_json::from_str(text).map_err(|error| damaged("counts", &error))
    })
}

/// [`FileEntry`] as JSON.
#[derive(Serialize, Deserialize)]
struct StoredFile {
    name: String,
    /// 64 hexadecimal digits.
    digest: String,
}

pub(crate) fn encode_files(files: &[FileEntry]) -> String {
    let files: Vec<StoredFile> = files
        .iter()
        .map(|file| StoredFile {
            name: file.name.clone(),
            digest: file.digest.hex(),
        })
        .collect();
    encode(&files)
}

pub(crate) fn decode_files(text: &str) -> Result<Vec<FileEntry>, StoreError> {
    let files: Vec<StoredFile> =
        serde_json::from_str(text).map_err(|error| damaged("the files of a version", &error))?;
    files
        .into_iter()
        .map(|file| {
            Ok(FileEntry {
                digest: Digest::from_hex(&file.digest)
                    .ok_or_else(|| StoreError::Corrupt("a file's digest is none".into()))?,
                name: file.name,
            })
        })
        .collect()
}

/// [`CommandKind`] as JSON.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredCommand {
    Cancel,
    CancelTree,
    Fail,
    Clear {
        tasks: Vec<String>,
        downstream: bool,
    },
    /// A kind of its own, since a version that doesn't know it must not clear more.
    ClearSelection(StoredSelection),
    Mark {
        task: String,
        index: u32,
        state: StoredMark,
    },
    Wake {
        task: String,
        index: u32,
    },
    EndWait {
        task: u32,
        index: u32,
        number: u32,
        woken: String,
    },
}

/// A [`Selection`] of more or less than tasks and their downstreams, as JSON.
#[derive(Serialize, Deserialize)]
struct StoredSelection {
    tasks: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    indexes: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    upstream: bool,
    downstream: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    only_failed: bool,
}

impl StoredSelection {
    fn of(selection: &Selection<TaskId>) -> Self {
        Self {
            tasks: selection.tasks.iter().map(ToString::to_string).collect(),
            indexes: selection.indexes.as_ref().map(ToString::to_string),
            upstream: selection.upstream,
            downstream: selection.downstream,
            only_failed: selection.only_failed,
        }
    }

    fn selection(self) -> Result<Selection<TaskId>, StoreError> {
        let indexes = self.indexes.map(|text| {
            text.parse().map_err(|error| {
                StoreError::Corrupt(format!("the map indexes of a clear: {error}"))
            })
        });
        Ok(Selection {
            tasks: self
                .tasks
                .into_iter()
                .map(|task| task_id(&task))
                .collect::<Result<_, _>>()?,
            indexes: indexes.transpose()?,
            upstream: self.upstream,
            downstream: self.downstream,
            only_failed: self.only_failed,
        })
    }
}

/// What the audit says of a selection.
pub(crate) fn selection_json(selection: &Selection<TaskId>) -> serde_json::Value {
    serde_json::to_value(StoredSelection::of(selection)).expect("texts and booleans are JSON")
}

fn task_id(text: &str) -> Result<TaskId, StoreError> {
    text.parse()
        .map_err(|error| StoreError::Corrupt(format!("a command names no task: {error}")))
}

/// [`Marked`] as JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredMark {
    Success,
    Failed,
    Skipped,
}

pub(crate) fn encode_command(kind: &CommandKind) -> String {
    encode(&match kind {
        CommandKind::Cancel => StoredCommand::Cancel,
        CommandKind::CancelTree => StoredCommand::CancelTree,
        CommandKind::Fail => StoredCommand::Fail,
        CommandKind::Clear(selection) if selection.is_plain() => StoredCommand::Clear {
            tasks: selection.tasks.iter().map(ToString::to_string).collect(),
            downstream: selection.downstream,
        },
        CommandKind::Clear(selection) => {
            StoredCommand::ClearSelection(StoredSelection::of(selection))
        }
        CommandKind::Mark {
            task,
            index,
            as_state,
        } => StoredCommand::Mark {
            task: task.to_string(),
            index: *index,
            state: match as_state {
                Marked::Success => StoredMark::Success,
                Marked::Failed => StoredMark::Failed,
                Marked::Skipped => StoredMark::Skipped,
            },
        },
        CommandKind::Wake { task, index } => StoredCommand::Wake {
            task: task.to_string(),
            index: *index,
        },
        CommandKind::EndWait { instance, by } => StoredCommand::EndWait {
            task: instance.task.0,
            index: instance.index,
            number: by.number,
            woken: by.woken.to_string(),
        },
    })
}

pub(crate) fn decode_command(text: &str) -> Result<CommandKind, StoreError> {
    let stored = serde_json::from_str(text).map_err(|error| damaged("a command", &error))?;
    Ok(match stored {
        StoredCommand::Cancel => CommandKind::Cancel,
        StoredCommand::CancelTree => CommandKind::CancelTree,
        StoredCommand::Fail => CommandKind::Fail,
        StoredCommand::Clear { tasks, downstream } => CommandKind::Clear(Selection::of(
            tasks
                .into_iter()
                .map(|task| task_id(&task))
                .collect::<Result<_, _>>()?,
            downstream,
        )),
        StoredCommand::ClearSelection(stored) => CommandKind::Clear(stored.selection()?),
        StoredCommand::Mark {
            task: of,
            index,
            state,
        } => CommandKind::Mark {
            task: task_id(&of)?,
            index,
            as_state: match state {
                StoredMark::Success => Marked::Success,
                StoredMark::Failed => Marked::Failed,
                StoredMark::Skipped => Marked::Skipped,
            },
        },
        StoredCommand::Wake { task: of, index } => CommandKind::Wake {
            task: task_id(&of)?,
            index,
        },
        StoredCommand::EndWait {
            task,
            index,
            number,
            woken,
        } => CommandKind::EndWait {
            instance: Instance {
                task: TaskIndex(task),
                index,
            },
            by: Arrival {
                number,
                woken: woken.into(),
            },
        },
    })
}

/// The DAGs of [`Caller`] as JSON.
pub(crate) fn encode_dags(dags: &[DagId]) -> String {
    encode(&dags.iter().map(DagId::as_str).collect::<Vec<_>>())
}

/// [`Caller`] of its columns: run, task, map index, DAGs.
pub(crate) fn decode_caller(
    run: Option<RunId>,
    task: Option<u32>,
    index: Option<u32>,
    dags: Option<&str>,
) -> Result<Option<Caller>, StoreError> {
    let (Some(run), Some(task), Some(index), Some(dags)) = (run, task, index, dags) else {
        return Ok(None);
    };
    let dags: Vec<String> =
        serde_json::from_str(dags).map_err(|error| damaged("the callers of a run", &error))?;
    let dags = dags.into_iter().map(|dag| {
        dag.parse()
            .map_err(|error| StoreError::Corrupt(format!("a caller's DAG: {error}")))
    });
    Ok(Some(Caller {
        run,
        instance: Instance {
            task: TaskIndex(task),
            index,
        },
        dags: dags.collect::<Result<_, _>>()?,
    }))
}

/// A list of texts as JSON.
/// Where the value of a variable is kept, if that is not the database.
pub(crate) fn decode_reference(about: &str) -> Result<Option<String>, StoreError> {
    #[derive(Deserialize)]
    struct About {
        from: Option<String>,
    }
    let about: About =
        serde_json::from_str(about).map_err(|error| damaged("a variable", &error))?;
    Ok(about.from)
}

pub(crate) fn encode_texts<T: Serialize>(texts: &[T]) -> String {
    encode(&texts)
}

pub(crate) fn decode_texts(text: &Arc<str>) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged("a list of texts", &error))
}
