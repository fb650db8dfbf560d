//! Runs from trigger to end: order, data, retries, mapping, branches, deferrals.

use crate::harness::{Installation, failure, success};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use weft_broker::ReportedOutcome;
use weft_core::{run::RunState, time::Timestamp};
use weft_scheduler::{Change, Listen};
use weft_store::{InstanceTag, Output};

fn chain() -> Value {
    json!({ "id": "chain", "tasks": {
        "first": {},
        "second": { "inputs": { "given": "first" } },
        "third": { "inputs": { "given": "second" } },
    } })
}

#[tokio::test]
async fn tasks_run_in_order_and_pass_their_outputs_on() {
    let installation = Installation::running(4, |dispatch| {
        let given = dispatch.inputs.first().map_or("0", |(_, value)| &**value);
        let given: u32 = given.parse().expect("the upstream's output is a number");
        success(&(given + 1).to_string())
    })
    .await;
    let deployed = installation.deploy(&chain()).await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    assert_eq!(installation.taken(), ["first", "second", "third"]);
    let instances = installation.instances(run).await;
    assert_eq!(instances[&(2, 0)].output, Some(Output::Inline("3".into())));
    assert_eq!(instances[&(2, 0)].state, InstanceTag::Success);
    let row = installation.show(run).await;
    assert_eq!(row.counts.success, 3);
    assert!(row.started.is_some() && row.ended >= row.started);
}

#[tokio::test]
async fn listeners_of_runs_get_each_state_and_few_counts() {
    const TASKS: u64 = 60;
    let installation = Installation::running(4, |_dispatch| success("1")).await;
    let mut tasks = serde_json::Map::new();
    for number in 0..TASKS {
        let after: Vec<String> = (number.checked_sub(1))
            .map(|before| format!("task_{before}"))
            .into_iter()
            .collect();
        tasks.insert(format!("task_{number}"), json!({ "after": after }));
    }
    let deployed = installation
        .deploy(&json!({ "id": "long", "tasks": tasks }))
        .await;
    let mut changes = installation.handle().changes(Listen::Runs);
    let run = installation.trigger(&deployed).await;
    let mut changes_seen = Vec::new();
    while changes_seen.last() != Some(&(RunState::Success, TASKS)) {
        let change = changes.recv().await.expect("few enough to keep up with");
        let Change::Run {
            run: of,
            state,
            counts,
            ..
        } = &*change
        else {
            panic!("{change:?}");
        };
        assert_eq!(*of, run);
        changes_seen.push((*state, counts.success));
    }
    assert_eq!(changes_seen[0].0, RunState::Running);
    assert!(changes_seen.len() < 40, "{changes_seen:?}");
}

#[tokio::test]
async fn a_task_is_mapped_over_a_list_and_its_outputs_gathered() {
    let installation = Installation::running(8, |dispatch| match dispatch.document.task.as_str() {
        "list" => success(&Value::from((0..100).collect::<Vec<u32>>()).to_string()),
        "double" => {
            let item: u32 = dispatch.inputs[0].1.parse().expect("an element");
            success(&(item * 2).to_string())
        }
        _ => {
            let all: Vec<u32> = serde_json::from_str(&dispatch.inputs[0].1).expect("a list");
            success(&all.iter().sum::<u32>().to_string())
        }
    })
    .await;
    let deployed = installation
        .deploy(&json!({ "id": "mapped", "tasks": {
            "list": {},
            "double": { "expand": { "item": "list" } },
            "sum": { "inputs": { "all": "double" } },
        } }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let instances = installation.instances(run).await;
    assert_eq!(
        instances[&(2, 0)].output,
        Some(Output::Inline("9900".into()))
    );
    assert_eq!(instances.keys().filter(|(task, _)| *task == 0).count(), 100);
}

#[tokio::test]
async fn a_failure_is_retried_and_both_attempts_are_recorded() {
    let tries = AtomicU32::new(0);
    let installation = Installation::running(1, move |_| {
        if tries.fetch_add(1, Ordering::Relaxed) == 0 {
            failure(true)
        } else {
            success("1")
        }
    })
    .await;
    let deployed = installation
        .deploy(&json!({ "id": "retried", "tasks": { "flaky": { "retries": 2, "retry_delay": "1ms" } } }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let instance = &installation.instances(run).await[&(0, 0)];
    assert_eq!((instance.number, instance.state), (2, InstanceTag::Success));
    assert_eq!(
        instance.error, None,
        "the error belongs to the attempt before"
    );
}

#[tokio::test]
async fn a_final_failure_fails_the_run_and_names_the_error() {
    let installation = Installation::running(1, |_| failure(false)).await;
    let deployed = installation.deploy(&chain()).await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Failed);
    let instances = installation.instances(run).await;
    let error: Value =
        serde_json::from_str(instances[&(0, 0)].error.as_deref().expect("an error")).expect("JSON");
    assert_eq!(
        (error["code"].as_str(), error["message"].as_str()),
        (Some("author"), Some("no"))
    );
    assert_eq!(instances[&(1, 0)].state, InstanceTag::UpstreamFailed);
}

#[tokio::test]
async fn a_branch_skips_what_it_does_not_choose() {
    let installation = Installation::running(1, |dispatch| {
        if dispatch.document.task.as_str() == "choose" {
            let tasks = vec!["left".parse().expect("an id")];
            let output = weft_broker::Output::Inline("null".into());
            return Some(ReportedOutcome::Branch { tasks, output });
        }
        success("1")
    })
    .await;
    let deployed = installation
        .deploy(&json!({ "id": "branch", "tasks": {
            "choose": { "branch": true },
            "left": { "after": ["choose"] },
            "right": { "after": ["choose"] },
        } }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let instances = installation.instances(run).await;
    assert_eq!(instances[&(1, 0)].state, InstanceTag::Success);
    assert_eq!(instances[&(2, 0)].state, InstanceTag::Skipped);
}

#[tokio::test]
async fn a_deferred_task_resumes_from_its_state() {
    let installation = Installation::running(1, |dispatch| match dispatch.resumed.as_deref() {
        None => Some(ReportedOutcome::Deferred {
            until: Some(Timestamp(0)),
            wait: None,
            call: None,
            approval: None,
            state: r#"{"page":2}"#.into(),
        }),
        Some(state) => success(state),
    })
    .await;
    let deployed = installation
        .deploy(&json!({ "id": "deferred", "tasks": { "poll": {} } }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let instance = &installation.instances(run).await[&(0, 0)];
    assert_eq!(
        instance.output,
        Some(Output::Inline(r#"{"page":2}"#.into()))
    );
    assert_eq!(instance.number, 2);
}

#[tokio::test]
async fn a_thousand_independent_tasks_run_once_each() {
    let tasks: serde_json::Map<String, Value> = (0..1000)
        .map(|task| (format!("t{task}"), json!({})))
        .collect();
    let installation = Installation::running(64, |_| success("null")).await;
    let deployed = installation
        .deploy(&json!({ "id": "wide", "tasks": tasks }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let mut taken = installation.taken();
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 1000);
    assert_eq!(installation.taken().len(), 1000, "none ran twice");
}
