//! What ended the wait of a task that deferred itself until something other than a time.

use crate::{
    approval::Decision,
    asset::RecordedUpdate,
    error::{Error, Explain, Result},
};
use serde::{Deserialize as _, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::fmt;

/// What ended a wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Woken(pub(crate) Value);

impl Woken {
    fn text(&self, field: &str) -> Option<&str> {
        self.0[field].as_str()
    }

    /// The name of the event that came.
    pub fn event(&self) -> Option<&str> {
        self.text("event")
    }

    /// What was sent with the event.
    ///
    /// # Errors
    /// It is no `T`; permanent.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.0["payload"])
            .explain("the payload of the event")
            .permanent()
    }

    /// Whether the timeout came first.
    pub fn timed_out(&self) -> bool {
        self.0["timeout"] == true
    }

    /// Whether a person or a program resumed the task before what it waits for came.
    pub fn by_command(&self) -> bool {
        self.0["command"] == true
    }

    /// The run that ended: the one that the task waited for, or called.
    pub fn run(&self) -> Option<&str> {
        self.text("run")
    }

    /// The run's DAG.
    pub fn dag(&self) -> Option<&str> {
        self.text("dag")
    }

    /// The run's task that the task waited for.
    pub fn task(&self) -> Option<&str> {
        self.text("task")
    }

    /// How the run or its task ended: `success`, `failed`, `cancelled`, or `skipped` of a task; `queued` after a
    /// detached call, and `missing` where there is no such run or task.
    pub fn state(&self) -> Option<&str> {
        self.text("state")
    }

    /// What the last tasks of a called run returned, by task; `None` where that is more than 256 KiB.
    pub fn outputs(&self) -> Option<&Map<String, Value>> {
        self.0["outputs"].as_object()
    }

    /// Why the run was not created that the task called.
    pub fn error(&self) -> Option<&str> {
        self.0["error"]["message"].as_str()
    }

    /// The stable name of that reason, such as `dag_paused`.
    pub fn error_code(&self) -> Option<&str> {
        self.0["error"]["code"].as_str()
    }

    /// The answer to what the task asked.
    ///
    /// # Errors
    /// No one answered in time, or the task was woken otherwise; permanent.
    pub fn decision(&self) -> Result<Decision> {
        let answer = &self.0["approval"];
        if answer.is_object() {
            return Ok(Decision(answer.clone()));
        }
        Err(Error::permanent(if self.timed_out() {
            "no one answered in time"
        } else {
            "the task was woken by something else than an answer"
        }))
    }

    /// The update of the asset that the task waited for.
    ///
    /// # Errors
    /// The asset was not updated in time, or the task was woken otherwise; permanent.
    pub fn updated(&self) -> Result<RecordedUpdate> {
        let update = &self.0["update"];
        if update.is_object() {
            return RecordedUpdate::deserialize(update)
                .explain("the update of the asset")
                .permanent();
        }
        Err(Error::permanent(if self.timed_out() {
            "the asset was not updated in time"
        } else {
            "the task was woken by something else than an update of an asset"
        }))
    }

    /// The outputs of a run that succeeded, none of one that was not called and of a task.
    ///
    /// # Errors
    /// The run or task did not succeed, was not created, or did not end in time; permanent.
    pub fn succeeded(&self) -> Result<Map<String, Value>> {
        self.check()?;
        Ok(self.outputs().cloned().unwrap_or_default())
    }

    /// What the last task of this name returned in a called run that succeeded.
    ///
    /// # Errors
    /// As [`succeeded`](Self::succeeded), or there is no such output, or it is no `T`; permanent.
    pub fn output<T: DeserializeOwned>(&self, task: &str) -> Result<T> {
        self.check()?;
        let Some(outputs) = self.outputs() else {
            return Err(Error::permanent(format_args!(
                "{} left no outputs: those of called runs come back, up to 256 KiB in all",
                Name(self)
            )));
        };
        let Some(output) = outputs.get(task) else {
            let known: Vec<&str> = outputs.keys().map(String::as_str).collect();
            return Err(Error::permanent(format_args!(
                "{} has no output of `{task}`, but of its last tasks that are not mapped: {}",
                Name(self),
                known.join(", ")
            )));
        };
        T::deserialize(output)
            .explain(format_args!("the output of `{task}` in {}", Name(self)))
            .permanent()
    }

    /// Whether the run succeeded.
    fn check(&self) -> Result<()> {
        if self.state() == Some("success") {
            return Ok(());
        }
        if let Some(error) = self.error() {
            let code = self.error_code().unwrap_or_default();
            return Err(Error::permanent(format_args!(
                "the call was refused: {error} ({code})"
            )));
        }
        Err(match (self.state(), self.run()) {
            _ if self.timed_out() => Error::permanent("the run did not end in time"),
            _ if self.by_command() => {
                Error::permanent("the task was resumed by a command, before the run ended")
            }
            (None, _) if self.0["update"].is_object() => Error::permanent(format_args!(
                "the task was woken by an update of the asset {}, not by a run",
                self.0["update"]["asset"].as_str().unwrap_or_default()
            )),
            (None, _) => Error::permanent(format_args!(
                "the task was woken by the event `{}`, not by a run",
                self.event().unwrap_or_default()
            )),
            (Some("missing"), _) if self.task().is_some() => {
                Error::permanent(format_args!("there is no {}", Name(self)))
            }
            (Some("missing"), None) => Error::permanent(format_args!(
                "there is no DAG {}, so it has no run",
                self.dag().unwrap_or_default()
            )),
            (Some("missing"), Some(run)) => Error::permanent(format_args!("there is no run {run}")),
            (Some("queued"), _) => Error::permanent(format_args!(
                "{} is still queued: a detached call does not wait for its end",
                Name(self)
            )),
            (Some(state), _) => Error::permanent(format_args!("{} ended as {state}", Name(self))),
        })
    }
}

/// How messages name the run, or its task.
struct Name<'a>(&'a Woken);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Woken(document) = self.0;
        let named = [("task", "task"), ("run", "run"), ("dag", "DAG")];
        let named = named.into_iter().filter_map(|(field, noun)| {
            let name = document[field].as_str()?;
            Some((noun, name))
        });
        for (at, (noun, name)) in named.enumerate() {
            let of = if at == 0 { "" } else { " of " };
            write!(f, "{of}{noun} {name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_called_run_that_succeeded_has_outputs() {
        let woken = Woken(json!({
            "run": "0c3k5v7n9q1st", "dag": "child", "state": "success", "outputs": { "report": [3] },
        }));
        assert_eq!(
            (woken.run(), woken.dag(), woken.state()),
            (Some("0c3k5v7n9q1st"), Some("child"), Some("success"))
        );
        assert_eq!(woken.output::<Vec<u32>>("report").unwrap(), [3]);
        assert_eq!(woken.succeeded().unwrap()["report"], json!([3]));
        let fails = |error: Error| {
            assert!(!error.is_retryable());
            error.to_string()
        };
        assert_eq!(
            fails(woken.output::<u32>("other").unwrap_err()),
            "run 0c3k5v7n9q1st of DAG child has no output of `other`, \
             but of its last tasks that are not mapped: report"
        );
        let misfit = fails(woken.output::<u32>("report").unwrap_err());
        assert!(
            misfit.starts_with("the output of `report` in run 0c3k5v7n9q1st of DAG child: "),
            "{misfit}"
        );
        let uncalled = Woken(json!({ "run": "0c3k5v7n9q1st", "dag": null, "state": "success" }));
        assert!(uncalled.succeeded().unwrap().is_empty());
        assert_eq!(
            fails(uncalled.output::<u32>("report").unwrap_err()),
            "run 0c3k5v7n9q1st left no outputs: those of called runs come back, up to 256 KiB in all"
        );
    }

    #[test]
    fn a_task_that_succeeded_has_no_outputs() {
        let woken = Woken(json!({
            "run": "0c3k5v7n9q1st", "dag": "daily", "task": "load", "state": "success",
        }));
        assert_eq!(
            (woken.run(), woken.dag(), woken.task()),
            (Some("0c3k5v7n9q1st"), Some("daily"), Some("load"))
        );
        assert!(woken.succeeded().unwrap().is_empty());
    }

    #[test]
    fn an_update_has_what_was_reported_with_it() {
        let updated = |update: Value| Woken(json!({ "update": update })).updated().unwrap();
        let at = "2026-11-01T02:03:04Z";
        let update = updated(json!({
            "asset": "orders", "partition": "north", "metadata": { "rows": 3 }, "at": at, "run": "0c3k5v7n9q1st",
        }));
        assert_eq!(
            (update.partition.as_deref(), update.run.as_deref()),
            (Some("north"), Some("0c3k5v7n9q1st"))
        );
        assert_eq!(
            (&*update.at, &update.metadata.unwrap()["rows"]),
            (at, &json!(3))
        );
        let update = updated(json!({
            "asset": "orders", "partition": null, "metadata": null, "at": at, "run": null,
        }));
        assert_eq!(
            (update.partition, update.metadata, update.run),
            (None, None, None)
        );
    }

    #[test]
    fn a_wait_that_ends_without_an_update_fails_for_good() {
        for (document, words) in [
            (
                json!({ "timeout": true }),
                "the asset was not updated in time",
            ),
            (
                json!({ "event": "paid", "payload": 1 }),
                "the task was woken by something else than an update of an asset",
            ),
        ] {
            let error = Woken(document).updated().unwrap_err();
            assert!(!error.is_retryable());
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn any_other_end_of_a_wait_fails_for_good_and_says_why() {
        let cases = [
            (
                json!({ "run": "7", "dag": "child", "state": "failed" }),
                "run 7 of DAG child ended as failed",
            ),
            (
                json!({ "run": "7", "dag": "child", "state": "queued" }),
                "run 7 of DAG child is still queued: a detached call does not wait for its end",
            ),
            (
                json!({ "run": "7", "dag": null, "state": "missing" }),
                "there is no run 7",
            ),
            (
                json!({ "run": "7", "dag": "child", "task": "load", "state": "skipped" }),
                "task load of run 7 of DAG child ended as skipped",
            ),
            (
                json!({ "run": "7", "dag": "child", "task": "load", "state": "missing" }),
                "there is no task load of run 7 of DAG child",
            ),
            (
                json!({ "run": null, "dag": "daily", "task": "load", "state": "missing" }),
                "there is no task load of DAG daily",
            ),
            (
                json!({ "run": null, "dag": "daily", "state": "missing" }),
                "there is no DAG daily, so it has no run",
            ),
            (
                json!({ "update": { "asset": "orders", "at": "2026-11-01T02:03:04Z" } }),
                "the task was woken by an update of the asset orders, not by a run",
            ),
            (
                json!({ "error": { "code": "dag_paused", "message": "DAG child is paused" } }),
                "the call was refused: DAG child is paused (dag_paused)",
            ),
            (json!({ "timeout": true }), "the run did not end in time"),
            (
                json!({ "command": true }),
                "the task was resumed by a command, before the run ended",
            ),
            (
                json!({ "event": "paid", "payload": 1 }),
                "the task was woken by the event `paid`, not by a run",
            ),
        ];
        for (document, words) in cases {
            let error = Woken(document).succeeded().unwrap_err();
            assert!(!error.is_retryable());
            assert_eq!(error.to_string(), words);
        }
    }
}
