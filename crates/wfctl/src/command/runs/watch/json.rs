//! A followed run as JSON lines: `run_started` with the run, then `run` and
//! `instance` with each change as the API tells it, at last `run_ended` with
//! the run and how its tasks stand.

use super::{Standing, Watch};
use serde_json::{Value, json};
use std::io::Write as _;
use weft_api::Change;

#[derive(Debug, Default)]
pub(super) struct JsonLines {
    has_begun: bool,
}

fn line(value: &Value) {
    let mut out = std::io::stdout().lock();
    // A reader that went away wants no more; the run's end still gives the exit code.
    drop(writeln!(out, "{value}").and_then(|()| out.flush()));
}

impl Watch for JsonLines {
    fn change(&mut self, change: &Change) {
        let (event, body) = match change {
            Change::Run(run) => ("run", serde_json::to_value(run)),
            Change::Instance(instance) => ("instance", serde_json::to_value(instance)),
        };
        let mut body = body.expect("bodies of the API are JSON");
        body["event"] = event.into();
        line(&body);
    }

    fn standing(&mut self, standing: &Standing) {
        if !std::mem::replace(&mut self.has_begun, true) {
            line(&json!({ "event": "run_started", "run": standing.run }));
        }
    }

    fn tick(&mut self) {}

    fn end(&mut self, standing: &Standing) {
        line(&json!({ "event": "run_ended", "run": standing.run, "tasks": standing.tasks }));
    }
}
