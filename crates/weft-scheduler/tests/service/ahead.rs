//! Chains whose tasks run ahead of a commit.

use crate::{
    harness::{Installation, success},
    watched_store::WatchedStore,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use weft_broker::{
    AheadReport, Claim, Output, Report, ReportedOutcome, Usage, WorkerBroker, WorkerInfo,
};
use weft_core::{
    document::TaskIndex,
    fair_queue::Blocked,
    id::TenantId,
    inputs::AheadInput,
    run::{Instance, RunState, Selection},
};
use weft_scheduler::{Reason, SchedulerOptions, Wake};
use weft_store::{CommandKind, InstanceTag};
use weft_store_sql::Deployed;

const ID: &str = "by hand";

/// A worker whose attempts end as the test says.
struct ByHand(Arc<dyn WorkerBroker>);

impl ByHand {
    async fn new(installation: &Installation) -> Self {
        let info = WorkerInfo {
            id: ID.into(),
            queues: vec!["default".into()],
            slots: 1,
            prefetch: 0,
            memory_bytes: None,
            labels: Vec::new(),
        };
        let worker = installation.broker.worker();
        worker.register(&info, &[]).await.expect("it registers");
        Self(Arc::new(worker))
    }

    async fn claim(&self) -> Claim {
        let mut claims = self.0.claim(1).await.expect("the broker is there");
        claims.remove(0)
    }

    /// Reports a success with this output, and what ran ahead on it.
    async fn report(&self, claim: &Claim, output: &str, ahead: Vec<AheadReport>) {
        let report = Report {
            key: claim.dispatch.key,
            outcome: success(output).expect("it is one"),
            usage: short(),
            log: None,
            artifacts: Vec::new(),
            updates: Vec::new(),
            worker: ID.into(),
            secret: claim.secret,
            ahead,
        };
        self.0.report(vec![report]).await.expect("it is taken");
    }

    /// Runs the tasks of a run one by one, so that the scheduler knows how long they take.
    async fn learn(&self, installation: &Installation, deployed: &Deployed, tasks: usize) {
        let run = installation.trigger(deployed).await;
        for _ in 0..tasks {
            let claim = self.claim().await;
            assert_eq!(claim.dispatch.ahead, []);
            self.report(&claim, "0", Vec::new()).await;
        }
        assert_eq!(installation.ended(run).await, RunState::Success);
    }
}

fn short() -> Usage {
    Usage {
        wall_us: 100,
        ..Usage::default()
    }
}

/// Successes of the tasks that may run ahead, with these outputs.
fn ahead(claim: &Claim, outputs: &[&str]) -> Vec<AheadReport> {
    let tasks = claim.dispatch.ahead.iter();
    let ends = tasks.zip(outputs).map(|(task, output)| AheadReport {
        instance: task.instance,
        number: task.number,
        outcome: ReportedOutcome::Success {
            output: Output::Inline((*output).into()),
        },
        usage: short(),
        log: None,
        artifacts: Vec::new(),
        updates: Vec::new(),
    });
    ends.collect()
}

fn chain() -> serde_json::Value {
    json!({ "id": "chain", "tasks": {
        "a": {},
        "b": { "inputs": { "x": "a" } },
        "c": { "inputs": { "x": "b", "y": { "value": 5 } } },
        "d": { "inputs": { "x": "c" }, "grants": { "http": ["https://example.com"] } },
    } })
}

async fn running() -> (Installation, Deployed, ByHand) {
    let mut installation = Installation::new().await;
    installation.start_scheduler("first");
    let deployed = installation.deploy(&chain()).await;
    let worker = ByHand::new(&installation).await;
    worker.learn(&installation, &deployed, 4).await;
    (installation, deployed, worker)
}

#[tokio::test]
async fn tasks_of_a_chain_run_ahead_up_to_one_with_effects_and_end_at_once() {
    let (installation, deployed, worker) = running().await;
    let run = installation.trigger(&deployed).await;
    let claim = worker.claim().await;
    let names = claim.dispatch.ahead.iter().map(|task| task.id.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["b", "c"]);
    let why = installation.handle().why(run, TaskIndex(2), 0).await;
    let on = "a".parse().expect("an id");
    assert!(why.is_ok_and(|why| why.contains(&Reason::RunsAhead { on })));
    worker.report(&claim, "1", ahead(&claim, &["2", "3"])).await;
    let last = worker.claim().await;
    assert_eq!(last.dispatch.document.task.as_str(), "d");
    assert_eq!(last.dispatch.inputs, [("x".to_owned(), Arc::from("3"))]);
    worker.report(&last, "4", Vec::new()).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let rows = installation.instances(run).await;
    for (task, output, ran_ahead) in [
        (0, "1", false),
        (1, "2", true),
        (2, "3", true),
        (3, "4", false),
    ] {
        let row = &rows[&(task, 0)];
        assert_eq!(row.state, InstanceTag::Success);
        assert_eq!((row.number, row.worker.as_deref()), (1, Some(ID)));
        assert!(format!("{:?}", row.output).contains(output), "{row:?}");
        let usage = row.usage.as_deref().expect("it has one");
        assert_eq!(usage.contains(r#""ran_ahead":true"#), ran_ahead, "{usage}");
    }
}

#[tokio::test]
async fn what_ran_ahead_on_a_refused_outcome_is_void() {
    let (installation, deployed, worker) = running().await;
    let run = installation.trigger(&deployed).await;
    let claim = worker.claim().await;
    installation.command(run, CommandKind::Cancel).await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    worker.report(&claim, "1", ahead(&claim, &["2", "3"])).await;
    // The next run gets the worker's slot once the report is confirmed.
    let next = installation.trigger(&deployed).await;
    assert_eq!(worker.claim().await.dispatch.key.run, next);
    let rows = installation.instances(run).await;
    assert!(rows.values().all(|row| row.output.is_none()), "{rows:?}");
    assert!(rows.values().all(|row| row.state == InstanceTag::Cancelled));
}

#[tokio::test]
async fn what_ran_ahead_of_a_hold_is_dispatched_after_it() {
    let (installation, deployed, worker) = running().await;
    let run = installation.trigger(&deployed).await;
    let claim = worker.claim().await;
    // A DAG whose queue no worker serves shows when the scheduler has read of the holds.
    let other = json!({ "id": "other", "tasks": { "waits": { "queue": "side" } } });
    let other = installation.deploy(&other).await;
    let waits = installation.trigger(&other).await;
    installation
        .wait(waits, |row| row.state == RunState::Running)
        .await;
    let tenant = TenantId::default();
    for dag in [&deployed.id, &other.id] {
        let held = installation.database.hold_dag(&tenant, dag, "test").await;
        assert!(held.expect("the database answers"));
    }
    installation.handle().wake(Wake::Settings);
    let held = [Reason::Blocked(Blocked::DagHeld)];
    wait_for(&installation, waits, 0, &held).await;
    worker.report(&claim, "1", ahead(&claim, &["2", "3"])).await;
    wait_for(&installation, run, 1, &held).await;
    installation.set_paused(&deployed, false).await;
    let claim = worker.claim().await;
    assert_eq!(claim.dispatch.document.task.as_str(), "b");
    assert_eq!(claim.dispatch.inputs, [("x".to_owned(), Arc::from("1"))]);
}

async fn wait_for(
    installation: &Installation,
    run: weft_core::run_id::RunId,
    task: u32,
    reasons: &[Reason],
) {
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    let comes = async {
        loop {
            let why = installation.handle().why(run, TaskIndex(task), 0).await;
            if why.is_ok_and(|why| why == reasons) {
                return;
            }
            ticks.tick().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), comes).await;
    in_time.expect("it comes to that");
}

#[tokio::test]
async fn ends_that_no_worker_was_asked_for_are_dropped() {
    let (installation, deployed, worker) = running().await;
    let run = installation.trigger(&deployed).await;
    let claim = worker.claim().await;
    let mut forged = ahead(&claim, &["2", "3"]);
    // The task with effects outside, in the place of the one before it.
    forged[1].instance.task = TaskIndex(3);
    worker.report(&claim, "1", forged).await;
    let next = worker.claim().await;
    assert_eq!(next.dispatch.document.task.as_str(), "c");
    assert_eq!(next.dispatch.inputs[0].1, Arc::from("2"));
    let state = |task| installation.handle().why(run, TaskIndex(task), 0);
    assert_eq!(state(1).await.ok(), Some(vec![Reason::Ended]));
}

#[tokio::test]
async fn an_operator_can_switch_it_off() {
    let mut installation = Installation::new().await;
    let options = SchedulerOptions {
        runs_ahead: false,
        ..SchedulerOptions::new("first")
    };
    installation.start_scheduler_over(options, installation.deps());
    let deployed = installation.deploy(&chain()).await;
    let worker = ByHand::new(&installation).await;
    for _run in 0..2 {
        worker.learn(&installation, &deployed, 4).await;
    }
}

/// A mapped task over 40 elements.
fn mapped() -> serde_json::Value {
    let elements: Vec<u32> = (0..40).collect();
    json!({ "id": "mapped", "tasks": {
        "each": { "expand": { "x": { "value": elements } } },
        "after": { "inputs": { "all": "each" } },
    } })
}

#[tokio::test]
async fn short_instances_of_a_task_share_dispatches() {
    let mut installation = Installation::new().await;
    installation.start_scheduler("first");
    let deployed = installation.deploy(&mapped()).await;
    let worker = ByHand::new(&installation).await;
    let run = installation.trigger(&deployed).await;
    let mut claims = 0;
    let mut seen = Vec::new();
    while seen.len() < 40 {
        let claim = worker.claim().await;
        claims += 1;
        let index = claim.dispatch.key.attempt.instance.index;
        seen.push(index);
        let more = claim.dispatch.ahead.iter();
        assert!(more.clone().all(|ahead| !ahead.on_success));
        let first = more.clone().next();
        let inputs = first.map(|ahead| ahead.inputs[0].1.clone());
        let expected = first.map(|ahead| ahead.instance.index.to_string());
        let expected = expected.map(|value| AheadInput::Value(value.into()));
        assert_eq!(inputs, expected);
        // The last one that travelled is not done in time.
        let more: Vec<u32> = more.map(|ahead| ahead.instance.index).collect();
        let done = &more[..more.len().saturating_sub(1)];
        seen.extend(done);
        let outputs: Vec<String> = done.iter().map(ToString::to_string).collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let ends = ahead(&claim, &outputs);
        worker.report(&claim, &index.to_string(), ends).await;
    }
    assert!(claims < 20, "{claims} claims for 40 instances");
    let last = worker.claim().await;
    let all: Vec<u32> = (0..40).collect();
    assert_eq!(last.dispatch.inputs[0].1, Arc::from(json!(all).to_string()));
    worker.report(&last, "0", Vec::new()).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let rows = installation.instances(run).await;
    assert!(rows.values().all(|row| row.number == 1), "{rows:?}");
}

#[tokio::test]
async fn instances_that_travelled_with_a_lost_attempt_are_dispatched_again() {
    let mut installation = Installation::new().await;
    installation.start_scheduler("first");
    let deployed = installation.deploy(&mapped()).await;
    let worker = ByHand::new(&installation).await;
    let run = installation.trigger(&deployed).await;
    // With the first success the others travel together.
    let first = worker.claim().await;
    worker.report(&first, "0", Vec::new()).await;
    let claim = loop {
        let claim = worker.claim().await;
        if !claim.dispatch.ahead.is_empty() {
            break claim;
        }
        worker.report(&claim, "0", Vec::new()).await;
    };
    let travelled = claim.dispatch.ahead[0].instance;
    let why = installation.handle();
    let why = why.why(run, travelled.task, travelled.index).await;
    let on = "each".parse().expect("an id");
    assert_eq!(why.ok(), Some(vec![Reason::RunsAhead { on }]));
    worker.0.leave().await.expect("the broker is there");
    installation.start_worker("second", &["default"], 4, Arc::new(|_| success("0")));
    assert_eq!(installation.ended(run).await, RunState::Success);
    let rows = installation.instances(run).await;
    let number = |instance: Instance| rows[&(instance.task.0, instance.index)].number;
    assert_eq!(number(claim.dispatch.key.attempt.instance), 2);
    assert_eq!(number(travelled), 1);
}

#[tokio::test]
async fn what_travelled_and_was_cleared_meanwhile_does_not_count() {
    let mut installation = Installation::new().await;
    installation.start_scheduler("first");
    let tasks: serde_json::Map<_, _> = (0..9).map(|at| (format!("t{at}"), json!({}))).collect();
    let deployed = json!({ "id": "many", "tasks": tasks });
    let deployed = installation.deploy(&deployed).await;
    let worker = ByHand::new(&installation).await;
    worker.learn(&installation, &deployed, 9).await;
    let run = installation.trigger(&deployed).await;
    let claim = worker.claim().await;
    let travelled = claim.dispatch.ahead.first().expect("another is ready");
    let kind = CommandKind::Clear(Selection::of(vec![travelled.id.clone()], false));
    let (database, tenant) = (&installation.database, TenantId::default());
    let command = database.insert_command(&tenant, run, &kind, "test").await;
    installation.handle().wake(Wake::Command);
    let refused = installation.command_outcome(command.expect("it is taken"));
    assert_eq!(refused.await, None);
    let outputs = vec!["2"; claim.dispatch.ahead.len()];
    worker.report(&claim, "2", ahead(&claim, &outputs)).await;
    while !installation.show(run).await.state.is_ended() {
        let next = tokio::time::timeout(Duration::from_millis(100), worker.claim());
        if let Ok(next) = next.await {
            worker.report(&next, "7", Vec::new()).await;
        }
    }
    let rows = installation.instances(run).await;
    let output = |task: u32| format!("{:?}", rows[&(task, 0)].output);
    assert!(output(travelled.instance.task.0).contains('7'));
    for other in &claim.dispatch.ahead[1..] {
        assert!(output(other.instance.task.0).contains('2'));
    }
}

/// A scheduler over a watched database, and a worker that ran the only task of a DAG once.
async fn watched(task: serde_json::Value) -> (Installation, WatchedStore, Deployed, ByHand) {
    let mut installation = Installation::new().await;
    let options = SchedulerOptions {
        lease: Duration::from_secs(3),
        max_without_progress: Duration::from_millis(500),
        ..SchedulerOptions::new("first")
    };
    let store = WatchedStore::start_scheduler(&mut installation, options, usize::MAX);
    let deployed = json!({ "id": "one", "tasks": { "only": task } });
    let deployed = installation.deploy(&deployed).await;
    let worker = ByHand::new(&installation).await;
    worker.learn(&installation, &deployed, 1).await;
    (installation, store, deployed, worker)
}

#[tokio::test]
async fn a_short_task_without_effects_is_committed_once() {
    let effects = json!({ "grants": { "http": ["https://example.com"] } });
    for (task, fewest) in [(json!({}), 1), (effects, 2)] {
        let (installation, store, deployed, worker) = watched(task).await;
        let mut turns = Vec::new();
        // On a busy machine one may take longer than its commit waits.
        for _ in 0..20 {
            let before = store.rows().len();
            let run = installation.trigger(&deployed).await;
            let claim = worker.claim().await;
            worker.report(&claim, "1", Vec::new()).await;
            assert_eq!(installation.ended(run).await, RunState::Success);
            turns.push(store.rows().len() - before);
        }
        assert_eq!(turns.iter().min(), Some(&fewest), "{turns:?}");
    }
}

#[tokio::test]
async fn what_was_sent_ahead_of_a_commit_that_never_came_does_not_count() {
    let (installation, store, deployed, worker) = watched(json!({})).await;
    store.hang_once();
    let run = installation.trigger(&deployed).await;
    let first = worker.claim().await;
    assert_eq!(installation.show(run).await.state, RunState::Pending);
    worker.report(&first, "1", Vec::new()).await;
    let second = worker.claim().await;
    let (first, of_second) = (first.dispatch.key, second.dispatch.key);
    assert_eq!(first.attempt.number, of_second.attempt.number);
    assert_ne!(first.attempt.nonce, of_second.attempt.nonce);
    worker.report(&second, "2", Vec::new()).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let row = installation.show_instance(run, 0).await;
    assert!(
        format!("{:?}", row.output).contains('2'),
        "{:?}",
        row.output
    );
}

#[tokio::test]
async fn what_was_sent_ahead_is_committed_soon_if_it_does_not_end() {
    let (installation, store, deployed, worker) = watched(json!({})).await;
    let before = store.rows().len();
    let run = installation.trigger(&deployed).await;
    let _unended = worker.claim().await;
    installation
        .wait(run, |row| row.state == RunState::Running)
        .await;
    assert_eq!(store.rows().get(before), Some(&1), "its row is written");
}
