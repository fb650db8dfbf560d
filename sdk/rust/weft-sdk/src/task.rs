//! Running a task: inputs from JSON into the function's parameters, and what
//! it returns back into an outcome. Nothing here is done before it is asked for.

use crate::{
    asset::Reported,
    branch::Branch,
    dag::TaskSettings,
    data::{Input, Output},
    error::{Ending, Error, Failure, Result, Until},
};
use serde::Serialize;
use serde_json::{Value, json};

/// A `#[task]` function, as its macro sees it.
#[doc(hidden)]
pub trait TaskDef {
    /// The name that the component knows it by, and its id unless a call gives another.
    const NAME: &'static str;
    /// What the attribute says.
    fn settings() -> TaskSettings;
    /// Runs it.
    fn run(inputs: &Inputs) -> Outcome;
}

/// Runs one attempt.
pub type Run = fn(&Inputs) -> Outcome;

/// The inputs of an attempt, as JSON by parameter name.
#[derive(Debug, Default)]
pub struct Inputs(Vec<(String, String)>);

impl Inputs {
    /// Inputs as the host hands them over.
    #[cfg_attr(
        not(target_family = "wasm"),
        allow(dead_code, reason = "only a host hands inputs over")
    )]
    pub(crate) const fn new(inputs: Vec<(String, String)>) -> Self {
        Self(inputs)
    }

    /// The parameter `name`; one that isn't given is null, for an `Option`.
    ///
    /// # Errors
    /// The JSON doesn't fit the type: permanent, since it would be the same again.
    #[doc(hidden)]
    pub fn take<T: Input>(&self, name: &str) -> Result<T> {
        let json = self
            .0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, json)| json.as_str());
        serde_json::from_str(json.unwrap_or("null")).map_err(|error| match json {
            Some(_) => Error::permanent(format_args!("input `{name}` doesn't fit: {error}")),
            None => Error::permanent(format_args!("input `{name}` is missing")),
        })
    }
}

/// How an attempt ended, as the contract says it.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The output as JSON.
    Success(String),
    /// A control document.
    Control(String),
    /// The author's failure.
    Failure {
        retryable: bool,
        message: String,
        more: Option<String>,
    },
}

/// What a function with `Result` returns.
#[doc(hidden)]
pub trait Returned {
    /// The output's type.
    type Output;
    /// The output, or how else the task ended.
    fn returned(self) -> Result<Self::Output>;
}

impl<T, E: Into<Error>> Returned for std::result::Result<T, E> {
    type Output = T;

    fn returned(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// What a task with `branch` returns.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a task with `branch` returns a `Branch`, not `{Self}`",
    label = "return `Branch` or `Result<Branch>`"
)]
pub trait Chosen {
    /// The output besides the choice.
    type Output;
    /// The choice and the output.
    fn chosen(self) -> Branch<Self::Output>;
}

impl<T> Chosen for Branch<T> {
    type Output = T;

    fn chosen(self) -> Self {
        self
    }
}

impl Outcome {
    /// A finished task.
    #[doc(hidden)]
    pub fn success<T: Output>(output: &T) -> Result<Self> {
        Ok(Self::Success(to_json(output)?))
    }

    /// A finished branching task.
    #[doc(hidden)]
    pub fn branch<C: Chosen<Output: Output>>(chosen: C) -> Result<Self> {
        let branch = chosen.chosen();
        let (tasks, output) = (to_json(&branch.tasks)?, to_json(&branch.output)?);
        Ok(Self::Control(format!(
            r#"{{"kind":"branch","tasks":{tasks},"output":{output}}}"#
        )))
    }

    /// A finished task that says more of its outlets.
    #[doc(hidden)]
    pub fn update<R: Reported<Output: Output>>(reported: R) -> Result<Self> {
        let update = reported.reported();
        let (assets, output) = (to_json(&update.assets)?, to_json(&update.output)?);
        Ok(Self::Control(format!(
            r#"{{"kind":"update","assets":{assets},"output":{output}}}"#
        )))
    }

    /// Runs a task's shim.
    #[doc(hidden)]
    pub fn of(attempt: impl FnOnce() -> Result<Self>) -> Self {
        attempt().unwrap_or_else(Self::ended)
    }

    fn ended(error: Error) -> Self {
        match error.into_ending() {
            Ending::Skip { reason } => {
                let reason = reason.map_or(
                    json!({ "kind": "skip" }),
                    |reason| json!({ "kind": "skip", "reason": reason }),
                );
                Self::Control(reason.to_string())
            }
            Ending::Defer {
                until: Until::After(wait),
                state,
            } => Self::Control(
                json!({ "kind": "defer", "after_ms": millis(wait), "state": state }).to_string(),
            ),
            Ending::Defer {
                until: Until::At(at),
                state,
            } => Self::Control(json!({ "kind": "defer", "until": at, "state": state }).to_string()),
            Ending::Wait {
                wait,
                timeout,
                state,
            } => {
                let mut document = wait.to_json();
                document["kind"] = "defer".into();
                document["timeout_ms"] = timeout.map(millis).into();
                document["state"] = state;
                Self::Control(document.to_string())
            }
            Ending::Failure(Failure {
                retryable,
                message,
                retry_after,
                details,
            }) => {
                let mut more = serde_json::Map::new();
                if let Some(wait) = retry_after {
                    more.insert("retry_after_ms".into(), millis(wait).into());
                }
                if let Some(details) = details {
                    more.insert("details".into(), details);
                }
                let more = (!more.is_empty()).then(|| Value::Object(more).to_string());
                Self::Failure {
                    retryable,
                    message,
                    more,
                }
            }
        }
    }
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::permanent(format_args!("the output is no JSON: {error}")))
}
