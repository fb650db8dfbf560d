//! How Weft's types are encoded in columns: the numbers of states, the JSON of small parts.
//!
//! A number or a key that was released is never given another meaning.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TaskId,
    run::{Counts, Instance, Marked, RunState},
};
use weft_store::{Arrival, CommandKind, FileEntry, InstanceTag, RunKind, StoreError};

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
    }
}

pub(crate) fn decode_run_kind(number: i64) -> Result<RunKind, StoreError> {
    Ok(match number {
        1 => RunKind::Manual,
        2 => RunKind::Scheduled,
        3 => RunKind::Backfill,
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
    Fail,
    Clear {
        tasks: Vec<String>,
        downstream: bool,
    },
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
        CommandKind::Fail => StoredCommand::Fail,
        CommandKind::Clear { tasks, downstream } => StoredCommand::Clear {
            tasks: tasks.iter().map(ToString::to_string).collect(),
            downstream: *downstream,
        },
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
    let task = |text: String| -> Result<TaskId, StoreError> {
        text.parse()
            .map_err(|error| StoreError::Corrupt(format!("a command names no task: {error}")))
    };
    let stored = serde_json::from_str(text).map_err(|error| damaged("a command", &error))?;
    Ok(match stored {
        StoredCommand::Cancel => CommandKind::Cancel,
        StoredCommand::Fail => CommandKind::Fail,
        StoredCommand::Clear { tasks, downstream } => CommandKind::Clear {
            tasks: tasks.into_iter().map(task).collect::<Result<_, _>>()?,
            downstream,
        },
        StoredCommand::Mark {
            task: of,
            index,
            state,
        } => CommandKind::Mark {
            task: task(of)?,
            index,
            as_state: match state {
                StoredMark::Success => Marked::Success,
                StoredMark::Failed => Marked::Failed,
                StoredMark::Skipped => Marked::Skipped,
            },
        },
        StoredCommand::Wake { task: of, index } => CommandKind::Wake {
            task: task(of)?,
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

/// A list of texts as JSON.
pub(crate) fn encode_texts(texts: &[String]) -> String {
    encode(&texts)
}

pub(crate) fn decode_texts(text: &Arc<str>) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged("a list of texts", &error))
}
