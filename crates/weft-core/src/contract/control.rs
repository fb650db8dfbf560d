//! Answers of a guest instead of an output (`control`), and the details of its failure
//! (`failure.more`).
//!
//! The shape is published as `wit/control.schema.json`.

use crate::{
    document::MAX_TASKS,
    id::{EventName, IdError, TaskId},
    time::{DurationMs, TimeError, Timestamp},
    wait::Wait,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::{collections::HashSet, fmt};

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
        /// What the branching task returns as well, as JSON; `null` where it returns nothing.
        output: String,
    },
    /// The attempt ends and holds no slot; another one is woken later with the state.
    Defer {
        /// When the task is woken.
        wake: Wake,
        /// JSON, given to the attempt that is woken as `context.resumed`; what woke it is `woken` of
        /// its attempt document.
        state: String,
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
    /// A branch names more tasks than a DAG can have.
    #[error("the branch names more than {MAX_TASKS} tasks")]
    TooManyTasks,
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

/// The kind, by which the other fields are read.
#[derive(Deserialize)]
struct Kinded {
    kind: Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Skip,
    Branch,
    Defer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Branch<'a> {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    tasks: TaskNames,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Defer<'a> {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    until: Option<String>,
    after_ms: Option<u64>,
    event: Option<String>,
    timeout_ms: Option<u64>,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
}

impl Control {
    /// Reads a control document, without a tree of what it carries: that would take up to a hundred
    /// times its length.
    ///
    /// # Errors
    /// See [`ControlError`]; all are the author's.
    pub fn parse(text: &str) -> Result<Self, ControlError> {
        cap(text, MAX_CONTROL_BYTES)?;
        let Kinded { kind } = serde_json::from_str(text)?;
        match kind {
            Kind::Skip => {
                let Skip { reason, .. } = serde_json::from_str(text)?;
                Ok(Self::Skip {
                    reason: reason.map(|reason| cut(reason, MAX_REASON_BYTES)),
                })
            }
            Kind::Branch => {
                let Branch { tasks, output, .. } = serde_json::from_str(text)?;
                Ok(Self::Branch {
                    tasks: tasks.0?,
                    output: json(output),
                })
            }
            Kind::Defer => serde_json::from_str::<Defer<'_>>(text)?.control(),
        }
    }
}

impl Defer<'_> {
    fn control(self) -> Result<Control, ControlError> {
        let timeout = self.timeout_ms.map(DurationMs);
        let wake = match (self.until, self.after_ms, self.event) {
            (Some(until), None, None) => Wake::At(until.parse().map_err(ControlError::Until)?),
            (None, Some(after), None) => Wake::After(DurationMs(after)),
            (None, None, Some(event)) => Wake::On {
                wait: Wait::Event(event_name(&event)?),
                timeout,
            },
            _ => return Err(ControlError::Wake),
        };
        match (&wake, timeout) {
            (Wake::At(_) | Wake::After(_), Some(_)) => Err(ControlError::Timeout),
            _ => Ok(Control::Defer {
                wake,
                state: json(self.state),
            }),
        }
    }
}

/// The text of a value that may be left out.
fn json(value: Option<&RawValue>) -> String {
    value.map_or("null", RawValue::get).to_owned()
}

fn event_name(name: &str) -> Result<EventName, ControlError> {
    name.parse().map_err(ControlError::Event)
}

/// The tasks of a branch, or the first mistake in the list.
struct TaskNames(Result<Vec<TaskId>, ControlError>);

impl<'de> Deserialize<'de> for TaskNames {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(TaskNamesVisitor)
    }
}

struct TaskNamesVisitor;

impl<'de> Visitor<'de> for TaskNamesVisitor {
    type Value = TaskNames;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tasks")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<TaskNames, A::Error> {
        let (mut tasks, mut seen) = (Vec::new(), HashSet::new());
        let mut mistake = None;
        while let Some(name) = names.next_element::<String>()? {
            match task_id(name, &mut seen) {
                Ok(task) => tasks.push(task),
                Err(error) => {
                    mistake = Some(error);
                    break;
                }
            }
        }
        while names.next_element::<IgnoredAny>()?.is_some() {}
        Ok(TaskNames(mistake.map_or(Ok(tasks), Err)))
    }
}

fn task_id(name: String, seen: &mut HashSet<TaskId>) -> Result<TaskId, ControlError> {
    if seen.len() >= MAX_TASKS {
        return Err(ControlError::TooManyTasks);
    }
    let id: TaskId = match name.parse() {
        Ok(id) => id,
        Err(error) => {
            return Err(ControlError::Task {
                task: cut(name, 100),
                error,
            });
        }
    };
    if seen.insert(id.clone()) {
        Ok(id)
    } else {
        Err(ControlError::TwiceNamed(id))
    }
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
