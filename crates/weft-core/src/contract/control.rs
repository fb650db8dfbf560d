//! Answers of a guest instead of an output (`control`), and the details of its failure
//! (`failure.more`).
//!
//! The shape is published as `wit/control.schema.json`.

use crate::{
    id::{EventName, IdError, TaskId},
    time::{DurationMs, TimeError, Timestamp},
    wait::Wait,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashSet;

/// The longest control document, in bytes; a branch's output counts in the attempt's output limit as well.
pub const MAX_CONTROL_BYTES: usize = 16 << 20;
/// The longest `failure.more`, in bytes.
pub const MAX_DETAILS_BYTES: usize = 256 << 10;
/// The longest reason of a skip, in bytes; a longer one is cut.
pub const MAX_REASON_BYTES: usize = 4 << 10;

/// What a task decided instead of returning an output.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// This instance is skipped.
    Skip {
        /// Shown with the run.
        reason: Option<String>,
    },
    /// Only these direct downstreams go on; the others are skipped.
    Branch {
        /// Once each; may be empty.
        tasks: Vec<TaskId>,
        /// What the branching task returns as well; null where it returns nothing.
        output: Value,
    },
    /// The attempt ends and holds no slot; another one is woken later with the state.
    Defer {
        /// When the task is woken.
        wake: Wake,
        /// Given to the attempt that is woken, as `context.resumed`; what woke it is `woken` of
        /// its attempt document.
        state: Value,
    },
}

/// When a deferred task is woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// At this point, at once if it has passed.
    At(Timestamp),
    /// So long after the deferral was recorded.
    After(DurationMs),
    /// When what it waits for comes.
    On {
        /// What it waits for.
        wait: Wait,
        /// The longest wait, after which it is woken as well; without one it waits for ever.
        timeout: Option<DurationMs>,
    },
}

/// Why a control document was refused: the author's mistake, so the attempt fails.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Refused before it was parsed.
    #[error("the document has {bytes} bytes; at most {most} are allowed")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The bound.
        most: usize,
    },
    /// No JSON, an unknown field or kind, or a wrong type.
    #[error("the document doesn't fit the contract: {0}")]
    Shape(#[from] serde_json::Error),
    /// A branch names something that can't be a task.
    #[error("{task:?} can't be a task: {error}")]
    Task {
        /// What was named.
        task: String,
        /// Why it is no id.
        error: IdError,
    },
    /// A branch names a task twice.
    #[error("the branch names task {0} twice")]
    TwiceNamed(TaskId),
    /// A deferral that names nothing to wake it, or two things.
    #[error("a deferral has exactly one of `until`, `after_ms` and `event`")]
    Wake,
    /// A deferral by time has no timeout.
    #[error(
        "`timeout_ms` goes with `event`; `until` and `after_ms` say themselves when the wait is over"
    )]
    Timeout,
    /// The name of an event is none.
    #[error("`event`: {0}")]
    Event(IdError),
    /// `until` is no point in time.
    #[error("`until`: {0}")]
    Until(TimeError),
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Raw {
    Skip {
        reason: Option<String>,
    },
    Branch {
        tasks: Vec<String>,
        #[serde(default)]
        output: Value,
    },
    Defer {
        until: Option<String>,
        after_ms: Option<u64>,
        event: Option<String>,
        timeout_ms: Option<u64>,
        #[serde(default)]
        state: Value,
    },
}

impl Control {
    /// Reads a control document.
    ///
    /// # Errors
    /// See [`ControlError`]; all are the author's.
    pub fn parse(text: &str) -> Result<Self, ControlError> {
        cap(text, MAX_CONTROL_BYTES)?;
        match serde_json::from_str(text)? {
            Raw::Skip { reason } => Ok(Self::Skip {
                reason: reason.map(|reason| cut(reason, MAX_REASON_BYTES)),
            }),
            Raw::Branch { tasks, output } => Ok(Self::Branch {
                tasks: task_ids(tasks)?,
                output,
            }),
            Raw::Defer {
                until,
                after_ms,
                event,
                timeout_ms,
                state,
            } => {
                let timeout = timeout_ms.map(DurationMs);
                let wake = match (until, after_ms, event) {
                    (Some(until), None, None) => {
                        Wake::At(until.parse().map_err(ControlError::Until)?)
                    }
                    (None, Some(after), None) => Wake::After(DurationMs(after)),
                    (None, None, Some(event)) => Wake::On {
                        wait: Wait::Event(event_name(&event)?),
                        timeout,
                    },
                    _ => return Err(ControlError::Wake),
                };
                match (&wake, timeout) {
                    (Wake::At(_) | Wake::After(_), Some(_)) => Err(ControlError::Timeout),
                    _ => Ok(Self::Defer { wake, state }),
                }
            }
        }
    }
}

fn event_name(name: &str) -> Result<EventName, ControlError> {
    name.parse().map_err(ControlError::Event)
}

fn task_ids(names: Vec<String>) -> Result<Vec<TaskId>, ControlError> {
    let mut seen = HashSet::with_capacity(names.len());
    let mut tasks = Vec::with_capacity(names.len());
    for task in names {
        let id: TaskId = task.parse().map_err(|error| ControlError::Task {
            task: cut(task, 100),
            error,
        })?;
        if !seen.insert(id.clone()) {
            return Err(ControlError::TwiceNamed(id));
        }
        tasks.push(id);
    }
    Ok(tasks)
}

/// What comes with a failure beyond its message.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureDetails {
    /// The next attempt starts no earlier than this after the failure, whatever the retry policy says.
    #[serde(default, rename = "retry_after_ms")]
    pub retry_after: Option<DurationMs>,
    /// Anything, shown with the failure.
    #[serde(default)]
    pub details: Option<Value>,
}

impl FailureDetails {
    /// Reads `failure.more`.
    ///
    /// # Errors
    /// Too large, no JSON, an unknown field, or a wrong type. The failure
    /// itself remains valid: a caller reports both.
    pub fn parse(text: &str) -> Result<Self, ControlError> {
        cap(text, MAX_DETAILS_BYTES)?;
        Ok(serde_json::from_str(text)?)
    }
}

fn cap(text: &str, most: usize) -> Result<(), ControlError> {
    if text.len() > most {
        Err(ControlError::TooLarge {
            bytes: text.len(),
            most,
        })
    } else {
        Ok(())
    }
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}
