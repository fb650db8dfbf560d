//! Whole runs through `wfctl run`, as a user starts them.

use super::measurement::{Better, Measurement};
use crate::{
    wfctl::{Measured, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The subject that is built from `examples/quakes`.
pub(crate) const EXAMPLE: &str = "the example";

/// What is run, and which measurements come out of it.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    file: PathBuf,
    args: &'static [&'static str],
    measurements: fn(&str, &Measured) -> Result<Vec<Measurement>>,
}

/// W1, W2 and W3 are defined as for other engines: 40 times fib(10) in a row,
/// 10 times fib(33) in a row, and one task, 1,000 mapped over its list, and one over theirs.
pub(crate) fn subjects(workspace: &Workspace, quakes: &Path) -> [Subject; 5] {
    let flows = workspace.guests().join("bench_flows.wasm");
    [
        Subject {
            name: "W1",
            file: flows.clone(),
            args: &["--dag", "w1"],
            measurements: w1,
        },
        Subject {
            name: "W2",
            file: flows.clone(),
            args: &["--dag", "w2"],
            measurements: w2,
        },
        Subject {
            name: "W3",
            file: flows,
            args: &["--dag", "w3"],
            measurements: w3,
        },
        Subject {
            name: "100,000 no-op tasks",
            file: workspace.guests().join("bench_hundred_thousand.wasm"),
            args: &[],
            measurements: hundred_thousand,
        },
        Subject {
            name: EXAMPLE,
            file: quakes.to_path_buf(),
            args: &[],
            measurements: start_up,
        },
    ]
}

impl Subject {
    /// Runs it once.
    pub(crate) fn measure(&self, wfctl: &Wfctl) -> Result<Vec<Measurement>> {
        let measured = wfctl.measure(&self.file, self.args)?;
        ensure!(
            measured.run["state"] == "success",
            "{} ended as {}",
            self.name,
            measured.run["state"]
        );
        (self.measurements)(self.name, &measured)
    }
}

fn measurement(name: String, unit: &str, value: f64, target: Option<f64>) -> Measurement {
    Measurement {
        name,
        unit: unit.to_owned(),
        median: value,
        p99: None,
        target,
        better: Better::Lower,
    }
}

fn number(run: &Value, field: &str) -> Result<f64> {
    run[field]
        .as_f64()
        .with_context(|| format!("run_ended has no {field}"))
}

/// From the first task's start to the run's end.
fn span_ms(measured: &Measured) -> Result<f64> {
    Ok(number(&measured.run, "ended_ms")? - number(&measured.run, "first_task_started_ms")?)
}

fn span(name: &str, measured: &Measured, target: f64) -> Result<Vec<Measurement>> {
    let name = format!("{name}: first task's start to the run's end");
    Ok(vec![measurement(
        name,
        "ms",
        span_ms(measured)?,
        Some(target),
    )])
}

fn w1(name: &str, measured: &Measured) -> Result<Vec<Measurement>> {
    span(name, measured, 10.0)
}

fn w2(name: &str, measured: &Measured) -> Result<Vec<Measurement>> {
    let computing_ms: f64 = measured.cpu_ms.iter().sum();
    ensure!(
        measured.cpu_ms.len() == 10,
        "W2 had {} tasks",
        measured.cpu_ms.len()
    );
    let overhead = (span_ms(measured)? - computing_ms) / 10.0;
    Ok(vec![measurement(
        format!("{name}: overhead of a task over its computing"),
        "ms",
        overhead,
        None,
    )])
}

fn w3(name: &str, measured: &Measured) -> Result<Vec<Measurement>> {
    span(name, measured, 150.0)
}

fn hundred_thousand(name: &str, measured: &Measured) -> Result<Vec<Measurement>> {
    // The command's start counts too: reading a hundred thousand tasks is part of running them.
    let before_ms = number(&measured.run, "first_task_started_ms")? - measured.started_ms;
    Ok(vec![
        measurement(
            format!("{name}: command to first task's start"),
            "ms",
            before_ms,
            None,
        ),
        measurement(
            format!("{name}: the whole command"),
            "s",
            measured.wall.as_secs_f64(),
            Some(8.0),
        ),
        measurement(
            format!("{name}: peak memory"),
            "MB",
            measured.peak_bytes / 1e6,
            Some(500.0),
        ),
    ])
}

fn start_up(name: &str, measured: &Measured) -> Result<Vec<Measurement>> {
    let started = number(&measured.run, "first_task_started_ms")?;
    Ok(vec![
        measurement(
            format!("{name}: command to first task's start"),
            "ms",
            started - measured.started_ms,
            Some(50.0),
        ),
        measurement(
            format!("{name}: peak memory"),
            "MB",
            measured.peak_bytes / 1e6,
            None,
        ),
    ])
}
