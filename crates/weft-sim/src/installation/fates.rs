//! Random outcomes of attempts.

use super::{
    audit::Auditor,
    documents::{ASSET, is_consumer},
    random::{Randomness, TaskFate, WaitFate},
    tables::Tables,
};
use crate::coverage::Coverage;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use weft_broker::{AheadReport, Dispatch, Failure, Output, Report, ReportedOutcome, Usage};
use weft_core::{
    digest::Digest,
    id::{EventName, OptionName, TenantId},
    time::{DurationMs, Timestamp},
    wait::{Call, Wait},
};

/// Draws the outcomes of attempts.
#[derive(Debug)]
pub struct Fates<'a> {
    pub(crate) random: &'a mut Randomness,
    pub(crate) tables: &'a mut Tables,
    pub(crate) auditor: &'a mut Auditor,
    pub(crate) coverage: &'a mut Coverage,
    pub(crate) now: Timestamp,
}

/// The name of an event, by its number.
pub fn event_name(number: u32) -> EventName {
    format!("e{number}").parse().expect("it is legal")
}

/// The name of an answer.
pub fn option(name: &str) -> OptionName {
    name.parse().expect("it is legal")
}

fn event_wait(number: u32) -> Wait {
    Wait::Event(event_name(number))
}

impl Fates<'_> {
    /// How long an attempt runs.
    pub fn duration(random: &mut Randomness) -> Duration {
        match random.rng.u32(0..20) {
            0 => random.span(2_000, 7_000),
            1..=5 => random.span(200, 1_500),
            _ => random.span(1, 200),
        }
    }

    /// How an attempt ends.
    pub fn outcome(&mut self, dispatch: &Dispatch, worker: &str) -> ReportedOutcome {
        let attempt = dispatch.key.attempt;
        let name = format!(
            "{}/{}/{}/{}/{worker}",
            dispatch.key.run, dispatch.document.task, attempt.instance.index, attempt.number
        );
        match self.random.task() {
            TaskFate::Fails { retryable } => ReportedOutcome::Failed(Failure {
                code: "author".into(),
                retryable,
                message: name,
                retry_after: (self.random.rng.u32(0..8) == 0).then_some(DurationMs(1_500)),
                details: None,
                backtrace: None,
            }),
            TaskFate::Skips => ReportedOutcome::Skipped { reason: Some(name) },
            TaskFate::Defers => {
                let until = self.now.plus(DurationMs(self.random.rng.u64(20..2_000)));
                let (wait, call) = self.wait_or_call(dispatch);
                let asks = matches!(wait, Some(Wait::Approval { .. }));
                ReportedOutcome::Deferred {
                    until: Some(until),
                    wait,
                    call,
                    approval: asks.then(|| json!(name).to_string().into()),
                    state: json!(name).to_string().into(),
                }
            }
            TaskFate::Succeeds => self.success(dispatch, &name),
        }
    }

    /// What a deferred task waits for besides its time, and the run that it calls.
    fn wait_or_call(&mut self, dispatch: &Dispatch) -> (Option<Wait>, Option<Call>) {
        let tenant = &dispatch.tenant;
        match self.random.waits_for() {
            WaitFate::Call { .. } if is_consumer(dispatch.document.dag.as_str()) => (None, None),
            WaitFate::Time => (None, None),
            WaitFate::Event(number) => (Some(event_wait(number)), None),
            WaitFate::Run(pick) => {
                self.coverage.add("task: waits for a run");
                (self.tables.any_run(tenant, pick).map(Wait::Run), None)
            }
            WaitFate::Date(pick) => {
                self.coverage.add("task: waits for a date");
                (self.tables.any_date(tenant, pick), None)
            }
            WaitFate::Task {
                pick,
                task,
                by_date,
            } => (self.task_wait(tenant, (pick, task), by_date), None),
            WaitFate::Asset(pick) => {
                self.coverage.add("task: waits for an asset");
                (Some(self.asset_wait(pick)), None)
            }
            WaitFate::Approval => {
                self.coverage.add("task: asks");
                let default = Some(option("reject"));
                (Some(Wait::Approval { default }), None)
            }
            WaitFate::Call { dag, is_detached } => {
                self.coverage.add("task: calls a run");
                let call = self.tables.any_dag(tenant, dag).map(|dag| Call {
                    dag,
                    params: "{}".into(),
                    logical_date: None,
                    is_detached,
                });
                (None, call)
            }
        }
    }

    /// A wait for a task of one of the tenant's last runs.
    fn task_wait(
        &mut self,
        tenant: &TenantId,
        (pick, task): (usize, usize),
        by_date: bool,
    ) -> Option<Wait> {
        let run = self.tables.any_run(tenant, pick)?;
        let parsed = self.auditor.parsed_of(run, self.tables)?;
        let tasks = &parsed.dag.tasks;
        let task = tasks[task % tasks.len()].id.clone();
        self.coverage.add("task: waits for a task");
        if !by_date {
            return Some(Wait::RunTask { run, task });
        }
        match self.tables.any_date(tenant, pick)? {
            Wait::Dag { dag, logical_date } => Some(Wait::DagTask {
                dag,
                logical_date,
                task,
            }),
            other => Some(other),
        }
    }

    /// A wait for an update of the asset, that came before or is to come.
    fn asset_wait(&self, pick: usize) -> Wait {
        let since = if pick.is_multiple_of(2) {
            Timestamp(self.now.0 - 500)
        } else {
            self.now
        };
        Wait::Asset {
            asset: ASSET.parse().expect("it is legal"),
            partition: None,
            since,
        }
    }

    fn success(&mut self, dispatch: &Dispatch, name: &str) -> ReportedOutcome {
        let output = if dispatch.document.task.as_str().starts_with('l') {
            let elements = 0..self.random.rng.usize(0..5);
            let list: Vec<String> = elements.map(|at| format!("{name}#{at}")).collect();
            json!(list)
        } else {
            json!(name)
        };
        let output = self.keep(output.to_string().into());
        let instance = dispatch.key.attempt.instance;
        let Some(parsed) = self.auditor.parsed_of(dispatch.key.run, self.tables) else {
            return ReportedOutcome::Success { output };
        };
        if !parsed.plan.step(instance.task).branch {
            return ReportedOutcome::Success { output };
        }
        self.coverage.add("task: branch");
        let downstreams = parsed.plan.downstreams(instance.task).iter();
        let tasks = downstreams
            .filter(|_| self.random.rng.bool())
            .map(|task| parsed.dag.tasks[task.as_usize()].id.clone())
            .collect();
        ReportedOutcome::Branch { tasks, output }
    }

    /// An output as a worker reports it: some are in the blob store.
    fn keep(&mut self, text: Arc<str>) -> Output {
        if !self.random.is_output_large() {
            return Output::Inline(text);
        }
        let digest = Digest::of(text.as_bytes());
        let bytes = text.len() as u64;
        self.tables.blobs.insert(digest, text);
        self.coverage.add("task: output in the blob store");
        Output::Blob { digest, bytes }
    }

    /// The ends of what a worker runs ahead on this outcome.
    pub fn run_ahead(
        &mut self,
        before: &Dispatch,
        outcome: &ReportedOutcome,
        worker: &str,
    ) -> Vec<AheadReport> {
        let mut ends = Vec::new();
        let mut outcome = outcome.clone();
        for ahead in &before.ahead {
            let on = match &outcome {
                ReportedOutcome::Success {
                    output: Output::Inline(on),
                } if ahead.on_success => Some(Arc::clone(on)),
                _ if !ahead.on_success => None,
                _ => break,
            };
            // Its time is over.
            if self.random.is_ahead_over() {
                break;
            }
            let dispatch = before
                .ahead_on(ahead, on.as_ref().unwrap_or(&"null".into()))
                .expect("no input is a part of an output");
            self.coverage.add(if ahead.on_success {
                "worker: runs ahead in a chain"
            } else {
                "worker: runs ahead of a dispatch"
            });
            if let Some(parsed) = self.auditor.parsed_of(before.key.run, self.tables) {
                let grants = &parsed.dag.tasks[ahead.instance.task.as_usize()].grants;
                self.auditor.begun_ahead(&dispatch, grants);
            }
            outcome = self.outcome(&dispatch, worker);
            self.auditor.ended_ahead(&dispatch, on, &outcome);
            ends.push(AheadReport {
                instance: ahead.instance,
                number: ahead.number,
                outcome: outcome.clone(),
                usage: Usage {
                    wall_us: 1,
                    ..Usage::default()
                },
                log: None,
                artifacts: Vec::new(),
                updates: Vec::new(),
            });
        }
        ends
    }

    /// The outcome that was reported for an attempt.
    pub fn made(&mut self, report: &Report) {
        self.auditor.reported(report);
    }
}
