//! What a deferred task instance waits for besides a point in time, the runs that it calls, and the
//! document that tells the next attempt what woke it.
//!
//! A wait is stored as its text, `kind/key`, beside the instance. A kind is never given another
//! meaning.

use crate::{
    approval::Decision,
    asset::{AssetName, AssetNameError},
    id::{DagId, EventName, IdError, OptionName, TaskId},
    run::{Counts, RunState},
    run_id::{RunId, RunIdError},
    time::Timestamp,
};
use serde_json::{Map, Value, json};
use std::{fmt, str::FromStr, sync::Arc};

/// The longest payload of an event, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 64 << 10;

/// The longest parameters of a call, in bytes of JSON.
pub const MAX_CALL_BYTES: usize = 64 << 10;

/// The longest outputs that a called run returns to its caller, in bytes of JSON: all of its last
/// tasks together.
pub const MAX_CALL_OUTPUT_BYTES: usize = 256 << 10;

/// What ends a deferral, unless its timeout comes first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wait {
    /// An event of this name that is sent to the instance's own run.
    Event(EventName),
    /// The end of this run of the tenant.
    Run(RunId),
    /// The end of the scheduled or backfilled run of a DAG for a date, which there need not be yet.
    Dag {
        /// A DAG of the tenant.
        dag: DagId,
        /// The date of its run.
        logical_date: Timestamp,
    },
    /// The end of a task of this run of the tenant, or of the run.
    RunTask {
        /// The run.
        run: RunId,
        /// Its task.
        task: TaskId,
    },
    /// The end of a task of the run that [`Wait::Dag`] names, or of that run.
    DagTask {
        /// A DAG of the tenant.
        dag: DagId,
        /// The date of its run.
        logical_date: Timestamp,
        /// The run's task.
        task: TaskId,
    },
    /// An update of an asset of the tenant.
    Asset {
        /// The asset.
        asset: AssetName,
        /// The partition that was updated; none if any will do.
        partition: Option<Arc<str>>,
        /// Earlier updates don't count.
        since: Timestamp,
    },
    /// The end of the run that the instance called. Its outputs come with it.
    Call(RunId),
    /// The answer to what the instance asks people. The request is stored beside it.
    Approval {
        /// The answer where no one gave one within the timeout.
        default: Option<OptionName>,
    },
}

impl Wait {
    /// What it is for, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Event(name) => format!("the event {name}"),
            Self::Run(run) => format!("the end of run {run}"),
            Self::Dag { dag, logical_date } => {
                format!("the end of the run of DAG {dag} for {logical_date}")
            }
            Self::RunTask { run, task } => format!("the end of task {task} of run {run}"),
            Self::DagTask {
                dag,
                logical_date,
                task,
            } => format!("the end of task {task} of the run of DAG {dag} for {logical_date}"),
            Self::Asset {
                asset,
                partition: None,
                since,
            } => format!("an update of the asset {asset} since {since}"),
            Self::Asset {
                asset,
                partition: Some(partition),
                since,
            } => format!("an update of {partition} of the asset {asset} since {since}"),
            Self::Call(run) => format!("the end of run {run}, which it called"),
            Self::Approval { .. } => "an approval".into(),
        }
    }

    /// Whether the scheduler looks up what ends it. The others are ended by commands.
    pub const fn is_looked_up(&self) -> bool {
        match self {
            Self::Run(_)
            | Self::Dag { .. }
            | Self::RunTask { .. }
            | Self::DagTask { .. }
            | Self::Asset { .. }
            | Self::Call(_) => true,
            Self::Event(_) | Self::Approval { .. } => false,
        }
    }

    /// The task that it is for, of another run.
    pub const fn task(&self) -> Option<&TaskId> {
        match self {
            Self::RunTask { task, .. } | Self::DagTask { task, .. } => Some(task),
            Self::Event(_)
            | Self::Run(_)
            | Self::Dag { .. }
            | Self::Asset { .. }
            | Self::Call(_)
            | Self::Approval { .. } => None,
        }
    }

    /// What wakes the instance if nothing else does within its timeout.
    pub fn timed_out(&self) -> Woken {
        match self {
            Self::Approval {
                default: Some(default),
            } => Woken::Approval(Decision::by_timeout(default.clone())),
            Self::Approval { default: None }
            | Self::Event(_)
            | Self::Run(_)
            | Self::Dag { .. }
            | Self::RunTask { .. }
            | Self::DagTask { .. }
            | Self::Asset { .. }
            | Self::Call(_) => Woken::Timeout,
        }
    }
}

/// A run that a task asks for as it defers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The DAG to run, of the same tenant.
    pub dag: DagId,
    /// A JSON object of at most [`MAX_CALL_BYTES`], checked against the DAG's parameters when the
    /// run is created.
    pub params: Arc<str>,
    /// The date that the run is for; none means the time of the call.
    pub logical_date: Option<Timestamp>,
    /// Whether the task goes on without waiting for the run's end.
    pub is_detached: bool,
}

/// Why a text is no wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// Of another version, or damaged.
    #[error("{0:?} is no kind of wait that this version knows")]
    Kind(String),
    /// The name of the event, DAG or option is none.
    #[error(transparent)]
    Name(#[from] IdError),
    /// The run's id is none.
    #[error(transparent)]
    Run(#[from] RunIdError),
    /// A DAG without a date.
    #[error("{0:?} is no DAG with a date")]
    Date(String),
    /// A run or DAG without a task.
    #[error("{0:?} names no task")]
    Task(String),
    /// An asset without the time since when it counts.
    #[error("{0:?} is no asset with a time")]
    Since(String),
    /// The name of the asset is none.
    #[error(transparent)]
    Asset(#[from] AssetNameError),
}

const EVENT: &str = "event";
const RUN: &str = "run";
const DAG: &str = "dag";
const RUN_TASK: &str = "run_task";
const DAG_TASK: &str = "dag_task";
const ASSET: &str = "asset";
const CALL: &str = "call";
const APPROVAL: &str = "approval";

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(name) => write!(f, "{EVENT}/{name}"),
            Self::Run(run) => write!(f, "{RUN}/{run}"),
            Self::Dag { dag, logical_date } => write!(f, "{DAG}/{dag}/{}", logical_date.0),
            Self::RunTask { run, task } => write!(f, "{RUN_TASK}/{run}/{task}"),
            Self::DagTask {
                dag,
                logical_date,
                task,
            } => write!(f, "{DAG_TASK}/{dag}/{}/{task}", logical_date.0),
            // No name of an asset has a space.
            Self::Asset {
                asset,
                partition,
                since,
            } => match partition {
                None => write!(f, "{ASSET}/{}/{asset}", since.0),
                Some(partition) => write!(f, "{ASSET}/{}/{asset} {partition}", since.0),
            },
            Self::Call(run) => write!(f, "{CALL}/{run}"),
            Self::Approval { default } => {
                let default = default.as_ref().map_or("", OptionName::as_str);
                write!(f, "{APPROVAL}/{default}")
            }
        }
    }
}

impl FromStr for Wait {
    type Err = WaitError;

    fn from_str(text: &str) -> Result<Self, WaitError> {
        match text.split_once('/') {
            Some((EVENT, name)) => Ok(Self::Event(name.parse()?)),
            Some((RUN, run)) => Ok(Self::Run(run.parse()?)),
            Some((CALL, run)) => Ok(Self::Call(run.parse()?)),
            Some((APPROVAL, "")) => Ok(Self::Approval { default: None }),
            Some((APPROVAL, default)) => Ok(Self::Approval {
                default: Some(default.parse()?),
            }),
            Some((DAG, key)) => {
                let (dag, logical_date) = dated(key)?;
                Ok(Self::Dag { dag, logical_date })
            }
            Some((RUN_TASK, key)) => {
                let (run, task) = with_task(key)?;
                let run = run.parse()?;
                Ok(Self::RunTask { run, task })
            }
            Some((DAG_TASK, key)) => {
                let (key, task) = with_task(key)?;
                let (dag, logical_date) = dated(key)?;
                Ok(Self::DagTask {
                    dag,
                    logical_date,
                    task,
                })
            }
            Some((ASSET, key)) => {
                let refuse = || WaitError::Since(key.into());
                let (since, asset) = key.split_once('/').ok_or_else(refuse)?;
                let (asset, partition) = match asset.split_once(' ') {
                    Some((asset, partition)) => (asset, Some(partition.into())),
                    None => (asset, None),
                };
                Ok(Self::Asset {
                    asset: asset.parse()?,
                    partition,
                    since: Timestamp(since.parse().map_err(|_| refuse())?),
                })
            }
            Some((kind, _)) => Err(WaitError::Kind(kind.into())),
            None => Err(WaitError::Kind(text.into())),
        }
    }
}

fn dated(key: &str) -> Result<(DagId, Timestamp), WaitError> {
    let refuse = || WaitError::Date(key.into());
    let (dag, date) = key.rsplit_once('/').ok_or_else(refuse)?;
    let date = date.parse().map_err(|_| refuse())?;
    Ok((dag.parse()?, Timestamp(date)))
}

fn with_task(key: &str) -> Result<(&str, TaskId), WaitError> {
    let refuse = || WaitError::Task(key.into());
    let (key, task) = key.rsplit_once('/').ok_or_else(refuse)?;
    Ok((key, task.parse()?))
}

/// What woke an instance that waited: `woken` of the attempt document.
#[derive(Debug, Clone, PartialEq)]
pub enum Woken {
    /// The event that it waited for.
    Event {
        /// The event's name.
        name: EventName,
        /// What was sent with it; null where nothing was.
        payload: Value,
    },
    /// What it waited for did not come in time.
    Timeout,
    /// A person or program resumed it by a command.
    Command,
    /// The run that it waited for, called or not.
    Run(AwaitedRun),
    /// The task of another run that it waited for.
    Task(AwaitedTask),
    /// The update of an asset that it waited for.
    Update(SeenUpdate),
    /// The answer to what it asked.
    Approval(Decision),
    /// The run that it called was not created.
    CallRefused {
        /// A stable name of the reason.
        code: &'static str,
        /// For the author.
        message: String,
    },
}

/// A run that an instance waited for.
#[derive(Debug, Clone, PartialEq)]
pub struct AwaitedRun {
    /// Its id; none where there is no such run.
    pub run: Option<RunId>,
    /// Its DAG, where that is known.
    pub dag: Option<DagId>,
    /// Its state: that of an ended run, or of one that was called and goes on by itself. None where
    /// there is no such run.
    pub state: Option<RunState>,
    /// What its last tasks returned, by task, of a run that was called.
    pub outputs: Option<Map<String, Value>>,
}

/// A task of another run that an instance waited for.
#[derive(Debug, Clone, PartialEq)]
pub struct AwaitedTask {
    /// The run; none where there is no such run.
    pub run: Option<RunId>,
    /// The run's DAG, where that is known.
    pub dag: Option<DagId>,
    /// The task.
    pub task: TaskId,
    /// How it ended; none where the run has no such task, or there is no such run.
    pub end: Option<TaskEnd>,
}

/// How a task of a run ended, of all of its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// Some succeeded, and the others were skipped.
    Success,
    /// Some failed, or could not run since something upstream did.
    Failed,
    /// All were skipped.
    Skipped,
    /// Some were cancelled, and none failed.
    Cancelled,
}

impl TaskEnd {
    /// The end by the states of the task's instances; none while some have not ended, and where there are none.
    pub const fn of(counts: &Counts) -> Option<Self> {
        if counts.unfinished() > 0 {
            None
        } else if counts.failed + counts.upstream_failed > 0 {
            Some(Self::Failed)
        } else if counts.cancelled > 0 {
            Some(Self::Cancelled)
        } else if counts.success > 0 {
            Some(Self::Success)
        } else if counts.skipped > 0 {
            Some(Self::Skipped)
        } else {
            None
        }
    }

    /// As users read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An update of an asset that an instance waited for: the last one that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenUpdate {
    /// The asset.
    pub asset: AssetName,
    /// The partition; none for the whole asset.
    pub partition: Option<String>,
    /// What was said of it: a JSON object.
    pub metadata: Option<Value>,
    /// When.
    pub at: Timestamp,
    /// The run whose task made it; none if it was reported from outside.
    pub run: Option<RunId>,
}

/// The state of what there is not.
const MISSING: &str = "missing";

impl Woken {
    /// The document.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Event { name, payload } => json!({ "event": name.as_str(), "payload": payload }),
            Self::Timeout => json!({ "timeout": true }),
            Self::Command => json!({ "command": true }),
            Self::Run(awaited) => awaited.to_value(),
            Self::Task(awaited) => awaited.to_value(),
            Self::Update(update) => json!({ "update": update.to_value() }),
            Self::Approval(decision) => json!({ "approval": decision.to_value() }),
            Self::CallRefused { code, message } => {
                json!({ "error": { "code": code, "message": message } })
            }
        }
    }

    /// The document as JSON text.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }
}

impl AwaitedRun {
    fn to_value(&self) -> Value {
        let run = self.run.map(|run| run.to_string());
        let dag = self.dag.as_ref().map(DagId::as_str);
        let state = self.state.map_or(MISSING, state_name);
        let mut value = json!({ "run": run, "dag": dag, "state": state });
        if let Some(outputs) = &self.outputs {
            value["outputs"] = Value::Object(outputs.clone());
        }
        value
    }
}

impl AwaitedTask {
    fn to_value(&self) -> Value {
        json!({
            "run": self.run.map(|run| run.to_string()),
            "dag": self.dag.as_ref().map(DagId::as_str),
            "task": self.task.as_str(),
            "state": self.end.map_or(MISSING, TaskEnd::as_str),
        })
    }
}

impl SeenUpdate {
    fn to_value(&self) -> Value {
        json!({
            "asset": self.asset.as_str(),
            "partition": self.partition,
            "metadata": self.metadata,
            "at": self.at.to_string(),
            "run": self.run.map(|run| run.to_string()),
        })
    }
}

/// A run's state as users read it: a pending run is queued.
const fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Pending => "queued",
        RunState::Running => "running",
        RunState::Success => "success",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunId {
        RunId::from_i64(7).unwrap()
    }

    fn asset_wait(partition: Option<&str>) -> Wait {
        Wait::Asset {
            asset: "s3://lake/orders".parse().unwrap(),
            partition: partition.map(Arc::from),
            since: Timestamp(7),
        }
    }

    #[test]
    fn a_wait_is_written_and_read_back() {
        let waits = [
            (Wait::Event("paid".parse().unwrap()), "event/paid"),
            (Wait::Run(run()), "run/0000000000007"),
            (Wait::Call(run()), "call/0000000000007"),
            (Wait::Approval { default: None }, "approval/"),
            (
                Wait::Approval {
                    default: Some("reject".parse().unwrap()),
                },
                "approval/reject",
            ),
            (
                Wait::Dag {
                    dag: "daily".parse().unwrap(),
                    logical_date: Timestamp(-5),
                },
                "dag/daily/-5",
            ),
            (
                Wait::RunTask {
                    run: run(),
                    task: "load".parse().unwrap(),
                },
                "run_task/0000000000007/load",
            ),
            (
                Wait::DagTask {
                    dag: "daily".parse().unwrap(),
                    logical_date: Timestamp(-5),
                    task: "load".parse().unwrap(),
                },
                "dag_task/daily/-5/load",
            ),
            (asset_wait(None), "asset/7/s3://lake/orders"),
            (
                asset_wait(Some("north / east")),
                "asset/7/s3://lake/orders north / east",
            ),
        ];
        for (wait, text) in waits {
            assert_eq!(wait.to_string(), text);
            assert_eq!(text.parse(), Ok(wait));
        }
    }

    #[test]
    fn an_unknown_kind_of_wait_is_refused_by_its_name() {
        assert_eq!(
            "moon/full".parse::<Wait>(),
            Err(WaitError::Kind("moon".into()))
        );
        assert_eq!("".parse::<Wait>(), Err(WaitError::Kind(String::new())));
        assert_eq!(
            "event/".parse::<Wait>(),
            Err(WaitError::Name(IdError::Empty))
        );
        assert!(matches!(
            "run/seven".parse::<Wait>(),
            Err(WaitError::Run(_))
        ));
        for text in ["dag/daily", "dag/daily/soon"] {
            assert!(matches!(text.parse::<Wait>(), Err(WaitError::Date(_))));
        }
        for text in ["run_task/0000000000007", "dag_task/daily"] {
            assert!(matches!(text.parse::<Wait>(), Err(WaitError::Task(_))));
        }
        for text in ["asset/orders", "asset/soon/orders"] {
            assert!(matches!(text.parse::<Wait>(), Err(WaitError::Since(_))));
        }
        assert!(matches!(
            "asset/7/".parse::<Wait>(),
            Err(WaitError::Asset(_))
        ));
    }

    #[test]
    fn a_task_has_ended_once_all_of_its_instances_have() {
        let of = |change: fn(&mut Counts)| {
            let mut counts = Counts::default();
            change(&mut counts);
            TaskEnd::of(&counts)
        };
        assert_eq!(of(|_| ()), None, "it is no part of the run");
        assert_eq!(of(|counts| counts.running = 1), None);
        assert_eq!(of(|counts| counts.success = 1), Some(TaskEnd::Success));
        assert_eq!(of(|counts| counts.skipped = 2), Some(TaskEnd::Skipped));
        let mixed = of(|counts| (counts.success, counts.skipped) = (1, 1));
        assert_eq!(mixed, Some(TaskEnd::Success));
        let failed = of(|counts| (counts.success, counts.upstream_failed) = (9, 1));
        assert_eq!(failed, Some(TaskEnd::Failed));
        let stopped = of(|counts| (counts.success, counts.cancelled) = (1, 1));
        assert_eq!(stopped, Some(TaskEnd::Cancelled));
        let unfinished = of(|counts| (counts.failed, counts.up_for_retry) = (1, 1));
        assert_eq!(unfinished, None);
    }

    #[test]
    fn what_woke_an_instance_is_given_as_json() {
        let event = Woken::Event {
            name: "paid".parse().unwrap(),
            payload: json!({ "by": "ada" }),
        };
        assert_eq!(
            event.to_json(),
            r#"{"event":"paid","payload":{"by":"ada"}}"#
        );
        assert_eq!(Woken::Timeout.to_json(), r#"{"timeout":true}"#);
        assert_eq!(Woken::Command.to_json(), r#"{"command":true}"#);
        let ended = Woken::Run(AwaitedRun {
            run: Some(run()),
            dag: Some("daily".parse().unwrap()),
            state: Some(RunState::Success),
            outputs: Some(Map::from_iter([("report".to_owned(), json!(3))])),
        });
        assert_eq!(
            ended.to_value(),
            json!({ "run": "0000000000007", "dag": "daily", "state": "success", "outputs": { "report": 3 } })
        );
        let decided = Decision {
            option: "approve".parse().unwrap(),
            comment: Some("fine".into()),
            fields: Map::new(),
            by: Some(("ada".into(), Timestamp(0))),
        };
        assert_eq!(
            Woken::Approval(decided).to_value(),
            json!({ "approval": { "option": "approve", "comment": "fine", "fields": {}, "by": "ada", "at": "1970-01-01T00:00:00Z" } })
        );
        let default = Some("reject".parse().unwrap());
        assert_eq!(
            Wait::Approval { default }.timed_out().to_value(),
            json!({ "approval": { "option": "reject", "comment": null, "fields": {}, "by": null, "at": null } })
        );
        assert_eq!(Wait::Call(run()).timed_out(), Woken::Timeout);
        let missing = Woken::Run(AwaitedRun {
            run: Some(run()),
            dag: None,
            state: None,
            outputs: None,
        });
        assert_eq!(
            missing.to_value(),
            json!({ "run": "0000000000007", "dag": null, "state": "missing" })
        );
        let ended = Woken::Task(AwaitedTask {
            run: Some(run()),
            dag: Some("daily".parse().unwrap()),
            task: "load".parse().unwrap(),
            end: Some(TaskEnd::Skipped),
        });
        assert_eq!(
            ended.to_value(),
            json!({ "run": "0000000000007", "dag": "daily", "task": "load", "state": "skipped" })
        );
        let missing = Woken::Task(AwaitedTask {
            run: None,
            dag: Some("daily".parse().unwrap()),
            task: "load".parse().unwrap(),
            end: None,
        });
        assert_eq!(
            missing.to_value(),
            json!({ "run": null, "dag": "daily", "task": "load", "state": "missing" })
        );
        let updated = Woken::Update(SeenUpdate {
            asset: "orders".parse().unwrap(),
            partition: None,
            metadata: Some(json!({ "rows": 3 })),
            at: Timestamp(0),
            run: Some(run()),
        });
        assert_eq!(
            updated.to_value(),
            json!({ "update": { "asset": "orders", "partition": null, "metadata": { "rows": 3 }, "at": "1970-01-01T00:00:00Z", "run": "0000000000007" } })
        );
        let refused = Woken::CallRefused {
            code: "dag_not_found",
            message: "there is no DAG daily".into(),
        };
        assert_eq!(
            refused.to_value(),
            json!({ "error": { "code": "dag_not_found", "message": "there is no DAG daily" } })
        );
    }
}
