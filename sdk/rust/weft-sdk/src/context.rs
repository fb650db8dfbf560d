//! The attempt that is running: who it is, what it is for, and what it may ask the host.

use crate::{
    error::{Error, Explain, Result},
    host,
    woken::Woken,
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::cell::OnceCell;

/// The running attempt; a task takes it as an optional first parameter.
///
/// Nothing is fetched before it is asked for. In a unit test,
/// [`Context::test`] replaces the host:
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn partition(ctx: Context, table: String) -> Result<String> {
///     ctx.progress(0.5, "half way");
///     Ok(format!("{table}/{}/{}", ctx.logical_date(), ctx.number()))
/// }
///
/// let ctx = Context::test().with_number(2).with_logical_date("2026-11-21T06:00:00Z");
/// assert_eq!(partition(ctx, "quakes".into()).unwrap(), "quakes/2026-11-21T06:00:00Z/2");
/// ```
#[derive(Debug, Default)]
pub struct Context {
    attempt: OnceCell<Attempt>,
    resumed: OnceCell<Option<Value>>,
}

/// The document of the contract; a host may say more than this SDK reads.
#[derive(Debug, Clone, Deserialize)]
struct Attempt {
    tenant: String,
    dag: String,
    run: String,
    task: String,
    map_index: Option<u64>,
    number: u32,
    logical_date: Moment,
    data_interval: Interval,
    params: Map<String, Value>,
    deadline: Option<Moment>,
    idempotency_key: String,
    #[serde(default)]
    woken: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Interval {
    start: Moment,
    end: Moment,
}

/// A point in time as the contract writes it (RFC 3339), parsed when it is
/// asked for, so that a component which never asks carries no parser.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
struct Moment(String);

impl Moment {
    fn point(&self) -> Timestamp {
        self.0
            .parse()
            .expect("the host's attempt document follows the contract")
    }
}

/// The span of data that a run is for: from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataInterval {
    /// Inclusive.
    pub start: Timestamp,
    /// Exclusive; equal to `start` where the run has no interval.
    pub end: Timestamp,
}

impl Context {
    /// The attempt that is running.
    #[doc(hidden)]
    pub fn current() -> Self {
        Self::default()
    }

    fn attempt(&self) -> &Attempt {
        self.attempt.get_or_init(|| {
            serde_json::from_str(&host::attempt())
                .expect("the host's attempt document follows the contract")
        })
    }

    /// The isolated customer whose DAG this is.
    pub fn tenant(&self) -> &str {
        &self.attempt().tenant
    }

    /// The DAG's id.
    pub fn dag(&self) -> &str {
        &self.attempt().dag
    }

    /// The run's id.
    pub fn run(&self) -> &str {
        &self.attempt().run
    }

    /// The task's id.
    pub fn task(&self) -> &str {
        &self.attempt().task
    }

    /// Which instance of a mapped task, from 0.
    pub fn map_index(&self) -> Option<u64> {
        self.attempt().map_index
    }

    /// Which attempt of the task instance: 1 for the first.
    pub fn number(&self) -> u32 {
        self.attempt().number
    }

    /// The date that the run is for.
    pub fn logical_date(&self) -> Timestamp {
        self.attempt().logical_date.point()
    }

    /// The span of data that the run is for.
    pub fn data_interval(&self) -> DataInterval {
        let interval = &self.attempt().data_interval;
        DataInterval {
            start: interval.start.point(),
            end: interval.end.point(),
        }
    }

    /// When the attempt will be killed.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.attempt().deadline.as_ref().map(Moment::point)
    }

    /// The same over the retries of a task instance, another after it was
    /// cleared: what to hand to a service that must not act twice.
    pub fn idempotency_key(&self) -> &str {
        &self.attempt().idempotency_key
    }

    /// The run's parameters.
    pub fn params(&self) -> &Map<String, Value> {
        &self.attempt().params
    }

    /// One parameter of the run.
    ///
    /// # Errors
    /// There is none of this name, or it is no `T`; both permanent.
    pub fn param<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let value = self
            .params()
            .get(name)
            .ok_or_else(|| Error::permanent(format_args!("the run has no parameter `{name}`")))?;
        T::deserialize(value)
            .explain(format_args!("parameter `{name}`"))
            .permanent()
    }

    /// The state that this task left with [`defer_for`](crate::defer_for)
    /// when it was put off; `None` in the first place.
    ///
    /// # Errors
    /// The state is no `T`; permanent.
    pub fn resumed<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let resumed = self.resumed.get_or_init(|| {
            host::resumed().map(|json| {
                serde_json::from_str(&json).expect("the host hands the state back as JSON")
            })
        });
        match resumed {
            None => Ok(None),
            Some(state) => T::deserialize(state)
                .map(Some)
                .explain("the state of the deferral")
                .permanent(),
        }
    }

    /// What ended the wait of a task that left with
    /// [`defer_until_event`](crate::defer_until_event), [`defer_until_run`](crate::defer_until_run),
    /// [`defer_until_dag`](crate::defer_until_dag), [`defer_until_run_task`](crate::defer_until_run_task),
    /// [`defer_until_dag_task`](crate::defer_until_dag_task), [`defer_until_asset`](crate::defer_until_asset),
    /// [`call`](crate::call()) or [`ask`](crate::ask); `None` in any other attempt.
    pub fn woken(&self) -> Option<Woken> {
        self.attempt().woken.clone().map(Woken)
    }

    /// Shows the task's progress to users who watch the run: 0.0 to 1.0, and a message.
    pub fn progress(&self, fraction: f64, message: &str) {
        host::progress(fraction, message);
    }

    /// Whether the attempt has been asked to stop; a long task looks now and
    /// then, ends itself cleanly, and is killed soon after if it does not.
    pub fn cancelled(&self) -> bool {
        host::cancelled()
    }

    /// A variable of the installation, for which the task needs
    /// `grant(variables = "name")`.
    ///
    /// # Errors
    /// Not granted, or there is none of this name; both permanent.
    pub fn variable(&self, name: &str) -> Result<String> {
        host::variable(name).map_err(|error| match error {
            host::VariableError::Denied => Error::permanent(format_args!(
                "variable `{name}` is not granted: ask for it with #[task(grant(variables = \"{name}\"))], \
                 and see that the policy allows it"
            )),
            host::VariableError::NotFound => Error::permanent(format_args!("there is no variable `{name}`")),
        })
    }
}

#[cfg(not(target_family = "wasm"))]
impl Context {
    /// An attempt for unit tests: the first of task `test` in DAG `test`, with
    /// no parameters, on 2026-01-01. Each `with_` changes one thing. What the
    /// task asks of its host is answered from the same thread, which each call
    /// of `test` makes anew.
    pub fn test() -> Self {
        host::reset();
        Self::default()
    }

    fn changed(mut self, change: impl FnOnce(&mut Attempt)) -> Self {
        self.attempt();
        change(self.attempt.get_mut().expect("it was filled above"));
        self
    }

    /// With this attempt number.
    #[must_use]
    pub fn with_number(self, number: u32) -> Self {
        self.changed(|attempt| attempt.number = number)
    }

    /// With this index of a mapped task.
    #[must_use]
    pub fn with_map_index(self, index: u64) -> Self {
        self.changed(|attempt| attempt.map_index = Some(index))
    }

    /// With this logical date (RFC 3339), also as both ends of the data interval.
    ///
    /// # Panics
    /// The text is no point in time.
    #[must_use]
    pub fn with_logical_date(self, date: &str) -> Self {
        let date = Moment(date.into());
        // Said here rather than when the task asks for it.
        date.point();
        self.changed(|attempt| {
            attempt.logical_date = date.clone();
            attempt.data_interval = Interval {
                start: date.clone(),
                end: date,
            };
        })
    }

    /// With this data interval (RFC 3339).
    ///
    /// # Panics
    /// A text is no point in time.
    #[must_use]
    pub fn with_data_interval(self, start: &str, end: &str) -> Self {
        let moment = |text: &str| {
            let moment = Moment(text.into());
            moment.point();
            moment
        };
        self.changed(|attempt| {
            attempt.data_interval = Interval {
                start: moment(start),
                end: moment(end),
            }
        })
    }

    /// With this parameter of the run.
    ///
    /// # Panics
    /// The value can't be JSON.
    #[must_use]
    pub fn with_param(self, name: &str, value: impl serde::Serialize) -> Self {
        let value = serde_json::to_value(value).expect("a parameter is JSON");
        self.changed(|attempt| {
            attempt.params.insert(name.into(), value);
        })
    }

    /// As woken after a deferral that left this state.
    ///
    /// # Panics
    /// The state can't be JSON.
    #[must_use]
    pub fn with_resumed(mut self, state: impl serde::Serialize) -> Self {
        self.resumed = OnceCell::from(Some(serde_json::to_value(state).expect("a state is JSON")));
        self
    }

    /// As woken by an event that was sent with this payload.
    ///
    /// # Panics
    /// The payload can't be JSON.
    #[must_use]
    pub fn with_event(self, name: &str, payload: impl serde::Serialize) -> Self {
        let payload = serde_json::to_value(payload).expect("a payload is JSON");
        self.changed(|attempt| {
            attempt.woken = Some(serde_json::json!({ "event": name, "payload": payload }));
        })
    }

    /// As woken because what it waited for did not come in time.
    #[must_use]
    pub fn with_timeout(self) -> Self {
        self.changed(|attempt| attempt.woken = Some(serde_json::json!({ "timeout": true })))
    }

    /// As woken by the end of a run of this DAG, which the task waited for or called. `state` is
    /// `success`, `failed`, `cancelled`, `queued` (of a detached call) or `missing`; `outputs` are those
    /// of a called run, by task, and `()` where there are none.
    ///
    /// # Panics
    /// There is no such state, or the outputs are no JSON object.
    #[must_use]
    pub fn with_run(self, dag: &str, state: &str, outputs: impl serde::Serialize) -> Self {
        const STATES: [&str; 5] = ["success", "failed", "cancelled", "queued", "missing"];
        assert!(
            STATES.contains(&state),
            "a run is {}, not {state}",
            STATES.join(", ")
        );
        let outputs = serde_json::to_value(outputs).expect("outputs are JSON");
        let mut woken = serde_json::json!({ "run": "test", "dag": dag, "state": state });
        if !outputs.is_null() {
            assert!(outputs.is_object(), "outputs are by task, not {outputs}");
            woken["outputs"] = outputs;
        }
        self.changed(|attempt| attempt.woken = Some(woken))
    }

    /// As woken by the end of a task of a run of this DAG. `state` is `success`, `failed`, `skipped`, `cancelled`
    /// or `missing`.
    ///
    /// # Panics
    /// There is no such state.
    #[must_use]
    pub fn with_task(self, dag: &str, task: &str, state: &str) -> Self {
        const STATES: [&str; 5] = ["success", "failed", "skipped", "cancelled", "missing"];
        assert!(
            STATES.contains(&state),
            "a task is {}, not {state}",
            STATES.join(", ")
        );
        let woken = serde_json::json!({ "run": "test", "dag": dag, "task": task, "state": state });
        self.changed(|attempt| attempt.woken = Some(woken))
    }

    /// As woken by an update of an asset at the run's logical date, with this metadata, `()` for none.
    ///
    /// # Panics
    /// The metadata is no JSON object.
    #[must_use]
    pub fn with_update(
        self,
        asset: &str,
        partition: Option<&str>,
        metadata: impl serde::Serialize,
    ) -> Self {
        let metadata = serde_json::to_value(metadata).expect("metadata is JSON");
        assert!(
            metadata.is_object() || metadata.is_null(),
            "metadata is a JSON object, not {metadata}"
        );
        self.changed(|attempt| {
            attempt.woken = Some(serde_json::json!({ "update": {
                "asset": asset,
                "partition": partition,
                "metadata": metadata,
                "at": attempt.logical_date.0,
                "run": null,
            } }));
        })
    }

    /// As woken because the call was refused: with a code such as `dag_paused`, and a message.
    #[must_use]
    pub fn with_call_refused(self, code: &str, message: &str) -> Self {
        let error = serde_json::json!({ "error": { "code": code, "message": message } });
        self.changed(|attempt| attempt.woken = Some(error))
    }

    /// As woken by an answer with this option and these values of its form, `()` for none.
    ///
    /// # Panics
    /// The values are no JSON object.
    #[must_use]
    pub fn with_decision(self, option: &str, fields: impl serde::Serialize) -> Self {
        let decided = crate::approval::decided(option, fields);
        self.changed(|attempt| attempt.woken = Some(decided))
    }

    /// With this variable, granted.
    #[must_use]
    pub fn with_variable(self, name: &str, value: &str) -> Self {
        host::set_variable(name, value);
        self
    }

    /// With this answer to every request to the URL.
    #[must_use]
    pub fn with_response(self, url: &str, status: u16, body: impl AsRef<[u8]>) -> Self {
        host::set_response(url, status, body.as_ref());
        self
    }

    /// As asked to stop.
    #[must_use]
    pub fn with_cancelled(self) -> Self {
        host::set_cancelled();
        self
    }
}
