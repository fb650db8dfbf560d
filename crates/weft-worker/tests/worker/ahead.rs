//! Tasks that run ahead on a success.

use crate::rig::Rig;
use std::sync::Arc;
use weft_broker::{Ahead, Dispatch, Output, Report, ReportedOutcome};
use weft_core::{
    document::{Code, TaskIndex},
    inputs::AheadInput,
    run::Instance,
};

/// An attempt of `echo`, and tasks of the guest that may run ahead on it.
fn chain(rig: &Rig, input: &str, tasks: &[&str]) -> Dispatch {
    let mut dispatch = rig.dispatch("echo", input);
    let tasks = (1..).zip(tasks);
    dispatch.ahead = tasks
        .map(|(index, task)| Ahead {
            instance: Instance {
                task: TaskIndex(index),
                index: 0,
            },
            on_success: true,
            is_mapped: false,
            id: format!("t{index}").parse().expect("an id"),
            number: 1,
            code: Arc::new(Code::Own {
                task: (*task).to_owned(),
            }),
            inputs: vec![("x".to_owned(), AheadInput::Output { pointer: None })],
            idempotency_key: format!("k{index}"),
            limits: dispatch.limits,
            deterministic: false,
        })
        .collect();
    dispatch
}

fn output(outcome: &ReportedOutcome) -> &str {
    match outcome {
        ReportedOutcome::Success {
            output: Output::Inline(text),
        } => text,
        other => panic!("it should succeed: {other:?}"),
    }
}

async fn run(rig: &mut Rig, dispatch: Dispatch) -> Report {
    let key = rig.publish(dispatch).await;
    let report = rig.report_of(key).await;
    assert_eq!(report.key, key);
    report
}

#[tokio::test]
async fn tasks_run_ahead_each_on_the_output_of_the_one_before() {
    let mut rig = Rig::start().await;
    let dispatch = chain(&rig, "[1]", &["echo", "attempt", "echo"]);
    let report = run(&mut rig, dispatch).await;
    assert_eq!(output(&report.outcome), "[1]");
    let [first, second, third] = &report.ahead[..] else {
        panic!("three ran ahead: {report:?}");
    };
    assert_eq!(output(&first.outcome), "[1]");
    let document = output(&second.outcome);
    assert!(
        document.contains(r#""task":"t2""#) && document.contains("k2"),
        "{document}"
    );
    assert_eq!(output(&third.outcome), document);
    assert_eq!((third.instance.task, third.number), (TaskIndex(3), 1));
    assert!(first.usage.wall_us > 0);
}

#[tokio::test]
async fn the_first_that_does_not_succeed_is_the_last() {
    let mut rig = Rig::start().await;
    let dispatch = chain(&rig, "1", &["fail", "echo"]);
    let report = run(&mut rig, dispatch).await;
    assert_eq!(output(&report.outcome), "1");
    assert_eq!(report.ahead.len(), 1);
    assert!(matches!(
        report.ahead[0].outcome,
        ReportedOutcome::Failed(_)
    ));
}

#[tokio::test]
async fn one_that_takes_long_is_dropped_and_the_success_reported() {
    let mut rig = Rig::start().await;
    let dispatch = chain(&rig, "1", &["echo", "loop"]);
    let report = run(&mut rig, dispatch).await;
    assert_eq!(output(&report.outcome), "1");
    assert_eq!(report.ahead.len(), 1);
    rig.until(|stats| stats.running == 0).await;
}

#[tokio::test]
async fn nothing_runs_ahead_on_a_large_output() {
    let mut rig = Rig::start().await;
    let large = format!("\"{}\"", "x".repeat(Output::MAX_INLINE_BYTES));
    let dispatch = chain(&rig, &large, &["echo"]);
    let report = run(&mut rig, dispatch).await;
    assert_eq!(report.ahead, []);
}

#[tokio::test]
async fn the_log_of_what_ran_ahead_is_kept() {
    let mut rig = Rig::start().await;
    let dispatch = chain(&rig, "1", &["write", "echo"]);
    let report = run(&mut rig, dispatch).await;
    assert!(report.log.is_none());
    assert!(report.ahead[0].log.is_some(), "{report:?}");
}

#[tokio::test]
async fn instances_of_a_task_run_one_after_the_other_however_those_before_end() {
    let mut rig = Rig::start().await;
    let mut dispatch = rig.dispatch("fail", "1");
    let of_dispatch = dispatch.key.attempt.instance;
    dispatch.ahead = (1..=3)
        .map(|index| Ahead {
            instance: Instance {
                index: of_dispatch.index + index,
                ..of_dispatch
            },
            on_success: false,
            is_mapped: true,
            id: dispatch.document.task.clone(),
            number: 1,
            code: Arc::new(Code::Own {
                task: if index == 1 { "fail" } else { "echo" }.to_owned(),
            }),
            inputs: vec![("x".to_owned(), AheadInput::Value(index.to_string().into()))],
            idempotency_key: format!("k{index}"),
            limits: dispatch.limits,
            deterministic: false,
        })
        .collect();
    let report = run(&mut rig, dispatch).await;
    assert!(matches!(report.outcome, ReportedOutcome::Failed(_)));
    let [first, second, third] = &report.ahead[..] else {
        panic!("three ran after it: {report:?}");
    };
    assert!(matches!(first.outcome, ReportedOutcome::Failed(_)));
    assert_eq!([second, third].map(|end| output(&end.outcome)), ["2", "3"]);
    assert_eq!(third.instance.index, of_dispatch.index + 3);
}
