//! Deferrals until something other than a time: an event, the end of a run or of a task, an update of an asset,
//! the run that the deferral itself creates, an answer.

use crate::{
    approval::Approval,
    asset,
    error::{Ending, Error, Explain, Result},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{fmt, time::Duration};

/// What ends a deferral, unless its timeout comes first. Points in time are text already, so that a
/// component which names none carries no code for them.
#[derive(Debug)]
pub(crate) enum Wait {
    Event(String),
    /// The run, or this task of it.
    Run {
        run: String,
        task: Option<String>,
    },
    /// The run of the DAG, or this task of it.
    Dag {
        dag: String,
        logical_date: String,
        task: Option<String>,
    },
    Asset(AssetWait),
    Call(Call),
    Approval(Approval),
}

impl Wait {
    /// The fields of the control document.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Event(name) => json!({ "event": name }),
            Self::Run { run, task: None } => json!({ "run": run }),
            Self::Run { run, task } => json!({ "run": run, "task": task }),
            Self::Dag {
                dag,
                logical_date,
                task: None,
            } => json!({ "dag": dag, "logical_date": logical_date }),
            Self::Dag {
                dag,
                logical_date,
                task,
            } => json!({ "dag": dag, "logical_date": logical_date, "task": task }),
            Self::Asset(wait) => wait.to_json(),
            Self::Call(call) => json!({ "call": call.to_json() }),
            Self::Approval(question) => json!({ "approval": question.to_json() }),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(name) => write!(f, "the event {name}"),
            Self::Run { run, task } => {
                f.write_str("the end of ")?;
                write_task(f, task.as_deref())?;
                write!(f, "run {run}")
            }
            Self::Dag {
                dag,
                logical_date,
                task,
            } => {
                f.write_str("the end of ")?;
                write_task(f, task.as_deref())?;
                write!(f, "the run of DAG {dag} for {logical_date}")
            }
            Self::Asset(wait) => {
                write!(f, "an update of {}", wait.describe())?;
                wait.since
                    .as_ref()
                    .map_or(Ok(()), |since| write!(f, " since {since}"))
            }
            Self::Call(call) => write!(f, "the end of a run of DAG {}", call.dag),
            Self::Approval(question) => write!(f, "an answer to {:?}", question.subject),
        }
    }
}

fn write_task(f: &mut fmt::Formatter<'_>, task: Option<&str>) -> fmt::Result {
    task.map_or(Ok(()), |task| write!(f, "task {task} of "))
}

/// The updates of an asset that a task waits for, for [`defer_until_asset`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing is waited for before `defer_until_asset` is returned"]
pub struct AssetWait {
    pub(crate) asset: String,
    partition: Option<String>,
    since: Option<String>,
}

impl AssetWait {
    /// Any update of this asset since the attempt started.
    pub fn new(asset: impl Into<String>) -> Self {
        Self {
            asset: asset.into(),
            partition: None,
            since: None,
        }
    }

    /// Only updates of this partition.
    pub fn partition(mut self, partition: impl Into<String>) -> Self {
        self.partition = Some(partition.into());
        self
    }

    /// Updates since this time. One that came before the deferral wakes the task at once.
    pub fn since(mut self, time: Timestamp) -> Self {
        self.since = Some(time.to_string());
        self
    }

    /// The asset, and its partition if only that counts.
    pub(crate) fn describe(&self) -> String {
        match &self.partition {
            Some(partition) => format!("the partition {partition} of the asset {}", self.asset),
            None => format!("the asset {}", self.asset),
        }
    }

    fn to_json(&self) -> Value {
        json!({ "asset": self.asset, "partition": self.partition, "since": self.since })
    }
}

impl From<&str> for AssetWait {
    fn from(asset: &str) -> Self {
        Self::new(asset)
    }
}

impl From<String> for AssetWait {
    fn from(asset: String) -> Self {
        Self::new(asset)
    }
}

/// A run of another DAG of the same tenant, for [`call`].
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is called before `call` is returned"]
pub struct Call {
    dag: String,
    params: Map<String, Value>,
    logical_date: Option<String>,
    is_detached: bool,
    /// What went wrong while it was put together; said when it is called.
    fault: Option<String>,
}

impl Call {
    /// A call of this DAG, without parameters, for the date of the call.
    pub fn new(dag: impl Into<String>) -> Self {
        Self {
            dag: dag.into(),
            params: Map::new(),
            logical_date: None,
            is_detached: false,
            fault: None,
        }
    }

    /// With these parameters: a map or a struct.
    pub fn params(mut self, params: impl Serialize) -> Self {
        match serde_json::to_value(params) {
            Ok(Value::Object(params)) => self.params.extend(params),
            Ok(other) => self.fault = Some(format!("they are no JSON object, but {other}")),
            Err(error) => self.fault = Some(format!("they are no JSON: {error}")),
        }
        self
    }

    /// With this parameter.
    pub fn param(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let name = name.into();
        match serde_json::to_value(value) {
            Ok(value) => drop(self.params.insert(name, value)),
            Err(error) => self.fault = Some(format!("`{name}` is no JSON: {error}")),
        }
        self
    }

    /// The date that the run is for.
    pub fn logical_date(mut self, date: Timestamp) -> Self {
        self.logical_date = Some(date.to_string());
        self
    }

    /// The task goes on at once, and the run by itself.
    pub fn detached(mut self) -> Self {
        self.is_detached = true;
        self
    }

    fn to_json(&self) -> Value {
        let mut value =
            json!({ "dag": self.dag, "params": self.params, "wait": !self.is_detached });
        if let Some(date) = &self.logical_date {
            value["logical_date"] = date.as_str().into();
        }
        value
    }
}

/// Like [`defer_for`](crate::defer_for), until an event of this name is sent to the run, or for
/// `timeout` at the longest. [`Context::woken`](crate::Context::woken) says which of the two it was,
/// and has the event's payload.
///
/// ```
/// use std::time::Duration;
/// use weft::prelude::*;
///
/// #[task]
/// fn wait_for_payment(ctx: Context, order: String) -> Result<String> {
///     let Some(woken) = ctx.woken() else {
///         return defer_until_event("paid", Some(Duration::from_secs(3600)), &());
///     };
///     if woken.timed_out() {
///         return skip(format_args!("the order {order} was not paid"));
///     }
///     woken.payload()
/// }
///
/// let ending = wait_for_payment(Context::test(), "7".into()).unwrap_err();
/// assert_eq!(ending.event(), Some("paid"));
/// let paid = Context::test().with_event("paid", "ada");
/// assert_eq!(wait_for_payment(paid, "7".into()).unwrap(), "ada");
/// let late = Context::test().with_timeout();
/// assert!(wait_for_payment(late, "7".into()).unwrap_err().is_skip());
/// ```
pub fn defer_until_event<T>(
    name: impl Into<String>,
    timeout: Option<Duration>,
    state: &impl Serialize,
) -> Result<T> {
    defer(Wait::Event(name.into()), timeout, state)
}

/// Like [`defer_until_event`], until the end of the run of this id.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn follow(ctx: Context, run: String) -> Result<()> {
///     let Some(woken) = ctx.woken() else {
///         return defer_until_run(run, None, &());
///     };
///     woken.succeeded()?;
///     Ok(())
/// }
///
/// let ending = follow(Context::test(), "0c3k5v7n9q1st".into()).unwrap_err();
/// assert_eq!(ending.awaited_run(), Some("0c3k5v7n9q1st"));
/// let failed = Context::test().with_run("daily", "failed", ());
/// let ending = follow(failed, "0c3k5v7n9q1st".into()).unwrap_err();
/// assert_eq!(ending.to_string(), "run test of DAG daily ended as failed");
/// ```
pub fn defer_until_run<T>(
    run: impl Into<String>,
    timeout: Option<Duration>,
    state: &impl Serialize,
) -> Result<T> {
    let run = run.into();
    defer(Wait::Run { run, task: None }, timeout, state)
}

/// Like [`defer_until_run`], for the scheduled or backfilled run of a DAG for a date, which there need
/// not be yet.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn after_daily(ctx: Context) -> Result<()> {
///     match ctx.woken() {
///         None => defer_until_dag("daily", ctx.logical_date(), None, &()),
///         Some(woken) => woken.succeeded().map(|_| ()),
///     }
/// }
///
/// let ending = after_daily(Context::test()).unwrap_err();
/// assert_eq!(ending.awaited_dag(), Some(("daily", "2026-01-01T00:00:00Z")));
/// after_daily(Context::test().with_run("daily", "success", ())).unwrap();
/// ```
pub fn defer_until_dag<T>(
    dag: impl Into<String>,
    logical_date: Timestamp,
    timeout: Option<Duration>,
    state: &impl Serialize,
) -> Result<T> {
    let wait = Wait::Dag {
        dag: dag.into(),
        logical_date: logical_date.to_string(),
        task: None,
    };
    defer(wait, timeout, state)
}

/// Like [`defer_until_run`], for a task of the run: until all of its instances have ended, or the run.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn follow(ctx: Context, run: String) -> Result<()> {
///     let Some(woken) = ctx.woken() else {
///         return defer_until_run_task(run, "load", None, &());
///     };
///     woken.succeeded()?;
///     Ok(())
/// }
///
/// let ending = follow(Context::test(), "0c3k5v7n9q1st".into()).unwrap_err();
/// assert_eq!((ending.awaited_run(), ending.awaited_task()), (Some("0c3k5v7n9q1st"), Some("load")));
/// let skipped = Context::test().with_task("daily", "load", "skipped");
/// let ending = follow(skipped, "0c3k5v7n9q1st".into()).unwrap_err();
/// assert_eq!(ending.to_string(), "task load of run test of DAG daily ended as skipped");
/// ```
pub fn defer_until_run_task<T>(
    run: impl Into<String>,
    task: impl Into<String>,
    timeout: Option<Duration>,
    state: &impl Serialize,
) -> Result<T> {
    let wait = Wait::Run {
        run: run.into(),
        task: Some(task.into()),
    };
    defer(wait, timeout, state)
}

/// Like [`defer_until_run_task`], for a task of the run that [`defer_until_dag`] is for.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn after_load(ctx: Context) -> Result<()> {
///     match ctx.woken() {
///         None => defer_until_dag_task("daily", ctx.logical_date(), "load", None, &()),
///         Some(woken) => woken.succeeded().map(|_| ()),
///     }
/// }
///
/// let ending = after_load(Context::test()).unwrap_err();
/// assert_eq!(ending.awaited_dag(), Some(("daily", "2026-01-01T00:00:00Z")));
/// assert_eq!(ending.awaited_task(), Some("load"));
/// after_load(Context::test().with_task("daily", "load", "success")).unwrap();
/// ```
pub fn defer_until_dag_task<T>(
    dag: impl Into<String>,
    logical_date: Timestamp,
    task: impl Into<String>,
    timeout: Option<Duration>,
    state: &impl Serialize,
) -> Result<T> {
    let wait = Wait::Dag {
        dag: dag.into(),
        logical_date: logical_date.to_string(),
        task: Some(task.into()),
    };
    defer(wait, timeout, state)
}

/// Like [`defer_until_event`], until an asset is updated: by a task of any DAG of the tenant, or from outside.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn rows(ctx: Context) -> Result<i64> {
///     let Some(woken) = ctx.woken() else {
///         let north = AssetWait::new("orders").partition("north").since(ctx.logical_date());
///         return defer_until_asset(north, None, &());
///     };
///     let metadata = woken.updated()?.metadata.unwrap_or_default();
///     Ok(metadata["rows"].as_i64().unwrap_or_default())
/// }
///
/// let ending = rows(Context::test()).unwrap_err();
/// assert_eq!(ending.awaited_asset(), Some("orders"));
/// let metadata = serde_json::json!({ "rows": 3 });
/// let updated = Context::test().with_update("orders", Some("north"), metadata);
/// assert_eq!(rows(updated).unwrap(), 3);
/// ```
///
/// # Errors
/// An asset or a partition can't have such a name; permanent.
pub fn defer_until_asset<T>(
    asset: impl Into<AssetWait>,
    timeout: Option<Duration>,
    state: &impl Serialize,
) -> Result<T> {
    let wait = asset.into();
    if let Some(mistake) = asset::mistake(&wait.asset, wait.partition.as_deref()) {
        return Err(Error::permanent(mistake));
    }
    defer(Wait::Asset(wait), timeout, state)
}

/// Like [`defer_until_event`], until the end of a run of another DAG, which this creates: once, however
/// often the task is retried. The task asks for the DAG with `grant(dags = "child")`.
///
/// ```
/// use std::time::Duration;
/// use weft::prelude::*;
///
/// #[task(grant(dags = "child"))]
/// fn parent(ctx: Context) -> Result<u32> {
///     let Some(woken) = ctx.woken() else {
///         return call(Call::new("child").param("rows", 7), Some(Duration::from_secs(3600)), &());
///     };
///     woken.output("report")
/// }
///
/// let ending = parent(Context::test()).unwrap_err();
/// assert_eq!(ending.called(), Some(&Call::new("child").param("rows", 7)));
/// let outputs = serde_json::json!({ "report": 3 });
/// assert_eq!(parent(Context::test().with_run("child", "success", outputs)).unwrap(), 3);
/// let refused = Context::test().with_call_refused("dag_paused", "DAG child is paused");
/// assert!(!parent(refused).unwrap_err().is_retryable());
/// #
/// # #[dag]
/// # fn calling() {
/// #     parent.grant_dag("other")();
/// # }
/// # let grants = &calling().to_json()["tasks"]["parent"]["grants"];
/// # assert_eq!(grants["dags"], serde_json::json!(["child", "other"]));
/// ```
///
/// # Errors
/// The parameters are no JSON object, or a detached call has a timeout; both permanent.
pub fn call<T>(call: Call, timeout: Option<Duration>, state: &impl Serialize) -> Result<T> {
    if let Some(fault) = call.fault {
        return Err(Error::permanent(format_args!(
            "the parameters of the call of DAG {}: {fault}",
            call.dag
        )));
    }
    if call.is_detached && timeout.is_some() {
        return Err(Error::permanent(
            "a detached call takes no timeout: it waits for nothing",
        ));
    }
    defer(Wait::Call(call), timeout, state)
}

pub(crate) fn defer<T>(wait: Wait, timeout: Option<Duration>, state: &impl Serialize) -> Result<T> {
    let state = serde_json::to_value(state)
        .explain("the state of a deferral")
        .permanent()?;
    Err(Error::ended(Ending::Wait {
        wait,
        timeout,
        state,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Outcome;

    fn control(waits: impl FnOnce() -> Result<()>) -> Value {
        match Outcome::of(|| waits().map(|()| unreachable!("it defers"))) {
            Outcome::Control(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?} is no control document"),
        }
    }

    fn date() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn waits_and_calls_are_written_as_the_contract_says() {
        let timeout = Some(Duration::from_millis(1500));
        assert_eq!(
            control(|| defer_until_event("paid", timeout, &1)),
            json!({ "kind": "defer", "event": "paid", "timeout_ms": 1500, "state": 1 })
        );
        assert_eq!(
            control(|| defer_until_run("0c3k5v7n9q1st", None, &())),
            json!({ "kind": "defer", "run": "0c3k5v7n9q1st", "timeout_ms": null, "state": null })
        );
        assert_eq!(
            control(|| defer_until_dag("daily", date(), timeout, &())),
            json!({
                "kind": "defer", "dag": "daily", "logical_date": "2026-01-01T00:00:00Z",
                "timeout_ms": 1500, "state": null,
            })
        );
        assert_eq!(
            control(|| defer_until_run_task("0c3k5v7n9q1st", "load", timeout, &())),
            json!({
                "kind": "defer", "run": "0c3k5v7n9q1st", "task": "load", "timeout_ms": 1500, "state": null,
            })
        );
        assert_eq!(
            control(|| defer_until_dag_task("daily", date(), "load", None, &())),
            json!({
                "kind": "defer", "dag": "daily", "logical_date": "2026-01-01T00:00:00Z", "task": "load",
                "timeout_ms": null, "state": null,
            })
        );
        let north = AssetWait::new("orders").partition("north").since(date());
        assert_eq!(
            control(|| defer_until_asset(north, timeout, &())),
            json!({
                "kind": "defer", "asset": "orders", "partition": "north", "since": "2026-01-01T00:00:00Z",
                "timeout_ms": 1500, "state": null,
            })
        );
        assert_eq!(
            control(|| defer_until_asset("orders", None, &()))["partition"],
            Value::Null
        );
        let child = Call::new("child")
            .params(json!({ "rows": 7 }))
            .param("table", "quakes")
            .logical_date(date());
        assert_eq!(
            control(|| call(child, timeout, &[1])),
            json!({
                "kind": "defer",
                "call": {
                    "dag": "child", "params": { "rows": 7, "table": "quakes" },
                    "logical_date": "2026-01-01T00:00:00Z", "wait": true,
                },
                "timeout_ms": 1500, "state": [1],
            })
        );
        assert_eq!(
            control(|| call(Call::new("child").detached(), None, &()))["call"],
            json!({ "dag": "child", "params": {}, "wait": false })
        );
    }

    #[test]
    fn a_call_that_is_none_fails_for_good() {
        let fails = |child: Call, timeout| {
            let error = call::<()>(child, timeout, &()).unwrap_err();
            assert!(!error.is_retryable() && error.called().is_none());
            error.to_string()
        };
        let child = || Call::new("child");
        assert_eq!(
            fails(child().params([7]), None),
            "the parameters of the call of DAG child: they are no JSON object, but [7]"
        );
        let keys = std::collections::BTreeMap::from([(vec![1], 2)]);
        assert_eq!(
            fails(child().param("rows", keys), None),
            "the parameters of the call of DAG child: `rows` is no JSON: key must be a string"
        );
        assert_eq!(
            fails(child().detached(), Some(Duration::from_secs(5))),
            "a detached call takes no timeout: it waits for nothing"
        );
    }

    #[test]
    fn a_wait_for_an_asset_that_is_none_fails_for_good() {
        let fails = |wait: AssetWait| {
            let error = defer_until_asset::<()>(wait, None, &()).unwrap_err();
            assert!(!error.is_retryable() && error.awaited_asset().is_none());
            error.to_string()
        };
        let message = fails("/orders".into());
        assert!(message.starts_with("\"/orders\" is no asset"), "{message}");
        for partition in ["", "a\nb"] {
            assert_eq!(
                fails(AssetWait::new("orders").partition(partition)),
                "the partition of orders has 1 to 250 bytes in one line, without control characters"
            );
        }
    }

    #[test]
    fn a_deferral_says_what_it_waits_for() {
        let error = defer_until_dag::<()>("daily", date(), None, &3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "deferred until the end of the run of DAG daily for 2026-01-01T00:00:00Z"
        );
        assert_eq!(error.awaited_dag(), Some(("daily", "2026-01-01T00:00:00Z")));
        assert_eq!((error.event(), error.awaited_run()), (None, None));
        let error = defer_until_dag_task::<()>("daily", date(), "load", None, &3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "deferred until the end of task load of the run of DAG daily for 2026-01-01T00:00:00Z"
        );
        assert_eq!(error.awaited_dag(), Some(("daily", "2026-01-01T00:00:00Z")));
        assert_eq!(error.awaited_task(), Some("load"));
        let error = defer_until_asset::<()>("orders".to_owned(), None, &3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "deferred until an update of the asset orders"
        );
        let north = AssetWait::new("orders").partition("north").since(date());
        let narrowed = defer_until_asset::<()>(north, None, &3).unwrap_err();
        assert_eq!(
            narrowed.to_string(),
            "deferred until an update of the partition north of the asset orders since 2026-01-01T00:00:00Z"
        );
        assert_eq!((error.state(), error.wake()), (Some(&json!(3)), None));
    }
}
