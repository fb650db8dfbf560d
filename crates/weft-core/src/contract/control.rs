//! Answers of a guest instead of an output (`control`), and the details of its failure
//! (`failure.more`).
//!
//! The shape is published as `wit/control.schema.json`.

use crate::{
    approval::{ApprovalRequest, RequestError},
    asset::{
        AssetName, AssetNameError, AssetUpdate, MAX_PARTITION_BYTES, UpdateError, Updates,
        is_partition,
    },
    document::MAX_TASKS,
    id::{DagId, EventName, IdError, TaskId},
    run_id::{RunId, RunIdError},
    time::{DurationMs, TimeError, Timestamp},
    wait::{Call, MAX_CALL_BYTES, Wait},
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::{collections::HashSet, fmt, sync::Arc};

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
    /// Success, and consumers of the task's outlets learn more of it.
    Update {
        /// One for each partition of an asset, at most [`crate::asset::MAX_UPDATES`].
        assets: Vec<AssetUpdate>,
        /// What the task returns as well, as JSON; `null` where it returns nothing.
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
    /// When an asset is updated.
    Updated {
        /// The asset.
        asset: AssetName,
        /// The partition that is updated; none if any will do.
        partition: Option<Arc<str>>,
        /// Earlier updates don't count; none means those before the attempt started.
        since: Option<Timestamp>,
        /// As of [`Wake::On`].
        timeout: Option<DurationMs>,
    },
    /// When the run that it calls has ended, or at once if it doesn't wait for that.
    Called {
        /// The run that it calls.
        call: Call,
        /// As of [`Wake::On`].
        timeout: Option<DurationMs>,
    },
    /// When somebody answers what it asks.
    Asked {
        /// What it asks.
        request: ApprovalRequest,
        /// As of [`Wake::On`].
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
    /// What is said of an asset can't be said.
    #[error("`assets`: {0}")]
    Asset(#[from] UpdateError),
    /// A deferral that names nothing to wake it, or two things.
    #[error(
        "a deferral has exactly one of `until`, `after_ms`, `event`, `run`, `dag` (with `logical_date`), `asset`, `call` and `approval`"
    )]
    Wake,
    /// A deferral by time has no timeout.
    #[error(
        "`timeout_ms` goes with `event`, `run`, `dag`, `asset`, `call` and `approval`; `until` and `after_ms` say themselves when the wait is over"
    )]
    Timeout,
    /// The name of an event is none.
    #[error("`event`: {0}")]
    Event(IdError),
    /// The id of a run is none.
    #[error("`run`: {0}")]
    Run(RunIdError),
    /// The id of a DAG is none.
    #[error("`dag`: {0}")]
    Dag(IdError),
    /// A DAG to wait for comes with the date of its run, and nothing else does.
    #[error("`dag` and `logical_date` go together")]
    Date,
    /// `logical_date` is no point in time.
    #[error("`logical_date`: {0}")]
    LogicalDate(TimeError),
    /// The id of a task is none.
    #[error("`task`: {0}")]
    AwaitedTask(IdError),
    /// A task to wait for comes with its run, and nothing else does.
    #[error("`task` goes with `run`, or with `dag` and `logical_date`")]
    TaskAlone,
    /// The name of an asset to wait for is none.
    #[error("`asset`: {0}")]
    AwaitedAsset(AssetNameError),
    /// What narrows the updates of an asset comes with the asset.
    #[error("`partition` and `since` go with `asset`")]
    NoAsset,
    /// The partition key of an asset to wait for is none.
    #[error(
        "`partition` has 1 to {MAX_PARTITION_BYTES} bytes in one line, without control characters"
    )]
    Partition,
    /// `since` is no point in time.
    #[error("`since`: {0}")]
    Since(TimeError),
    /// The parameters of a call are no JSON object, or too long.
    #[error("`call.params` is a JSON object of at most {MAX_CALL_BYTES} bytes")]
    Params,
    /// What is asked can't be asked.
    #[error("`approval`: {0}")]
    Approval(#[from] RequestError),
    /// A default comes after a timeout.
    #[error("`approval.default` is the answer after the timeout: it goes with `timeout_ms`")]
    EndlessDefault,
    /// A run that isn't waited for has no timeout.
    #[error("`timeout_ms` goes with a call that waits: leave it out, or `\"wait\": false`")]
    DetachedTimeout,
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
    Update,
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
struct Update<'a> {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    assets: Updates,
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
    run: Option<String>,
    dag: Option<String>,
    logical_date: Option<String>,
    task: Option<String>,
    asset: Option<String>,
    partition: Option<String>,
    since: Option<String>,
    #[serde(borrow)]
    call: Option<CallField<'a>>,
    #[serde(borrow)]
    approval: Option<&'a RawValue>,
    timeout_ms: Option<u64>,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallField<'a> {
    dag: String,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    logical_date: Option<String>,
    wait: Option<bool>,
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
            Kind::Update => {
                let Update { assets, output, .. } = serde_json::from_str(text)?;
                Ok(Self::Update {
                    assets: assets.0?,
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
        let on = |wait| Wake::On { wait, timeout };
        let date = self.logical_date.as_deref().map(logical_date).transpose()?;
        if self.dag.is_some() != date.is_some() {
            return Err(ControlError::Date);
        }
        let task = self.task.as_deref().map(awaited_task).transpose()?;
        if task.is_some() && self.dag.is_none() && self.run.is_none() {
            return Err(ControlError::TaskAlone);
        }
        if self.asset.is_none() && (self.partition.is_some() || self.since.is_some()) {
            return Err(ControlError::NoAsset);
        }
        let wake = match (
            self.until,
            self.after_ms,
            self.event,
            self.run,
            self.dag,
            self.asset,
            self.call,
            self.approval,
        ) {
            (Some(until), None, None, None, None, None, None, None) => {
                Wake::At(until.parse().map_err(ControlError::Until)?)
            }
            (None, Some(after), None, None, None, None, None, None) => {
                Wake::After(DurationMs(after))
            }
            (None, None, Some(event), None, None, None, None, None) => {
                on(Wait::Event(event_name(&event)?))
            }
            (None, None, None, Some(run), None, None, None, None) => {
                let run = run_id(&run)?;
                on(match task {
                    None => Wait::Run(run),
                    Some(task) => Wait::RunTask { run, task },
                })
            }
            (None, None, None, None, Some(dag), None, None, None) => {
                let dag = dag_id(&dag)?;
                let logical_date = date.ok_or(ControlError::Date)?;
                on(match task {
                    None => Wait::Dag { dag, logical_date },
                    Some(task) => Wait::DagTask {
                        dag,
                        logical_date,
                        task,
                    },
                })
            }
            (None, None, None, None, None, Some(asset), None, None) => Wake::Updated {
                asset: asset.parse().map_err(ControlError::AwaitedAsset)?,
                partition: self.partition.map(partition).transpose()?,
                since: self.since.as_deref().map(since).transpose()?,
                timeout,
            },
            (None, None, None, None, None, None, Some(call), None) => Wake::Called {
                call: call.call()?,
                timeout,
            },
            (None, None, None, None, None, None, None, Some(request)) => Wake::Asked {
                request: ApprovalRequest::parse(request.get())?,
                timeout,
            },
            _ => return Err(ControlError::Wake),
        };
        match (&wake, timeout) {
            (Wake::At(_) | Wake::After(_), Some(_)) => Err(ControlError::Timeout),
            (Wake::Called { call, .. }, Some(_)) if call.is_detached => {
                Err(ControlError::DetachedTimeout)
            }
            (Wake::Asked { request, .. }, None) if request.default.is_some() => {
                Err(ControlError::EndlessDefault)
            }
            _ => Ok(Control::Defer {
                wake,
                state: json(self.state),
            }),
        }
    }
}

impl CallField<'_> {
    fn call(self) -> Result<Call, ControlError> {
        let params = self.params.map_or("{}", RawValue::get);
        // A raw value begins with its first character.
        if !params.starts_with('{') || params.len() > MAX_CALL_BYTES {
            return Err(ControlError::Params);
        }
        let date = self.logical_date.as_deref().map(logical_date).transpose()?;
        Ok(Call {
            dag: dag_id(&self.dag)?,
            params: params.into(),
            logical_date: date,
            is_detached: self.wait == Some(false),
        })
    }
}

/// The text of a value that may be left out.
fn json(value: Option<&RawValue>) -> String {
    value.map_or("null", RawValue::get).to_owned()
}

fn event_name(name: &str) -> Result<EventName, ControlError> {
    name.parse().map_err(ControlError::Event)
}

fn run_id(run: &str) -> Result<RunId, ControlError> {
    run.parse().map_err(ControlError::Run)
}

fn dag_id(dag: &str) -> Result<DagId, ControlError> {
    dag.parse().map_err(ControlError::Dag)
}

fn awaited_task(task: &str) -> Result<TaskId, ControlError> {
    task.parse().map_err(ControlError::AwaitedTask)
}

fn partition(text: String) -> Result<Arc<str>, ControlError> {
    if is_partition(&text) {
        Ok(text.into())
    } else {
        Err(ControlError::Partition)
    }
}

fn since(time: &str) -> Result<Timestamp, ControlError> {
    time.parse().map_err(ControlError::Since)
}

fn logical_date(date: &str) -> Result<Timestamp, ControlError> {
    date.parse().map_err(ControlError::LogicalDate)
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
