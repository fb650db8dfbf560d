//! Tasks that call DAGs, and tasks that wait for the end of other runs and of their tasks: what wakes them, and that no
//! crash makes a call twice or loses an end.

use crate::harness::{Installation, success};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use weft_broker::{Dispatch, Failure, ReportedOutcome};
use weft_core::{
    id::TenantId,
    run::RunState,
    run_id::RunId,
    time::Timestamp,
    wait::{Call, Wait},
};
use weft_store::{CommandKind, Output, RunKind};
use weft_store_sql::{Backfill, BackfillDate, Deployed, RunFilter, RunRow};

/// A DAG with the task `call`, which may call these, and a parameter.
fn caller(id: &str, dags: &[&str]) -> Value {
    json!({ "id": id, "tasks": { "call": { "retries": 1, "retry_delay": "0s", "grants": { "dags": dags } } } })
}

/// A DAG with a parameter, one task, and one that follows it.
fn child(id: &str) -> Value {
    json!({
        "id": id,
        "params": { "rows": { "schema": { "type": "integer" }, "default": 1 } },
        "tasks": { "work": {}, "report": { "inputs": { "text": "work" } } },
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is what a rule of a worker returns"
)]
fn call(dag: &str, params: &Value, is_detached: bool) -> Option<ReportedOutcome> {
    Some(ReportedOutcome::Deferred {
        until: None,
        wait: None,
        call: Some(Call {
            dag: dag.parse().expect("an id"),
            params: params.to_string().into(),
            logical_date: None,
            is_detached,
        }),
        approval: None,
        state: "null".into(),
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is what a rule of a worker returns"
)]
fn wait_for(wait: Wait) -> Option<ReportedOutcome> {
    Some(ReportedOutcome::Deferred {
        until: None,
        wait: Some(wait),
        call: None,
        approval: None,
        state: "null".into(),
    })
}

/// What woke the attempt, as its output.
fn woken(dispatch: &Dispatch) -> Option<ReportedOutcome> {
    let woken = dispatch.document.woken.clone().unwrap_or_default();
    success(&woken.to_string())
}

/// The caller calls this DAG; every other task answers with its name and the run's parameters.
fn calls(dag: &'static str, params: Value) -> impl Fn(&Dispatch) -> Option<ReportedOutcome> {
    move |dispatch| match (dispatch.document.task.as_str(), &dispatch.resumed) {
        ("call", None) => call(dag, &params, false),
        ("call", Some(_)) => woken(dispatch),
        (task, _) => success(&json!([task, dispatch.document.params]).to_string()),
    }
}

async fn output(installation: &Installation, run: RunId) -> Value {
    assert_eq!(installation.ended(run).await, RunState::Success);
    match installation.show_instance(run, 0).await.output {
        Some(Output::Inline(text)) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("it returned {other:?}"),
    }
}

async fn runs_of(installation: &Installation, dag: &str) -> Vec<RunRow> {
    let filter = RunFilter {
        dag: Some(dag.parse().expect("an id")),
        ..RunFilter::default()
    };
    let rows = installation.database.list_runs(&filter, 1_000).await;
    let rows = rows.expect("the database answers").into_iter();
    rows.map(|row| row.expect("a row")).collect()
}

/// The run of a DAG for a date.
async fn backfilled(installation: &Installation, dag: &Deployed, date: Timestamp) -> RunId {
    let backfill = Backfill {
        tenant: TenantId::default(),
        dag: dag.id.clone(),
        version: dag.version,
        range: (date, date),
        dates: vec![BackfillDate {
            logical_date: date,
            interval: (date, date),
        }],
        params: r#"{"rows":1}"#.into(),
        concurrency_key: None,
        limit: None,
        by: "test".into(),
    };
    let made = installation.database.backfill(&backfill).await;
    let (run, _) = made.expect("it is made").made[0];
    installation
        .handle()
        .wake(weft_scheduler::Wake::Queued(dag.key));
    run
}

#[tokio::test]
async fn a_called_run_returns_the_outputs_of_its_last_tasks() {
    let installation = Installation::running(2, calls("child", json!({ "rows": 7 }))).await;
    installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("parent", &["child"])).await;
    let run = installation.trigger(&deployed).await;
    let woken = output(&installation, run).await;
    let children = runs_of(&installation, "child").await;
    let [called] = &children[..] else {
        panic!("one run was called");
    };
    assert_eq!(
        woken,
        json!({
            "run": called.id.to_string(), "dag": "child", "state": "success",
            "outputs": { "report": ["report", { "rows": 7 }] },
        })
    );
    assert_eq!((called.kind, called.caller), (RunKind::Called, Some(run)));
    let tenant = TenantId::default();
    let tree = installation.database.run_tree(&tenant, called.id);
    let tree = tree.await.expect("the database answers");
    let ids: Vec<RunId> = tree.iter().map(|row| row.id).collect();
    assert_eq!(ids, [run, called.id]);
}

#[tokio::test]
async fn a_call_is_made_once_whatever_is_retried() {
    let failed = Arc::new(Mutex::new(false));
    let rule = {
        let failed = Arc::clone(&failed);
        let calls = calls("child", json!({}));
        move |dispatch: &Dispatch| {
            let is_woken = dispatch.document.task.as_str() == "call" && dispatch.resumed.is_some();
            let is_first = is_woken && !std::mem::replace(&mut *failed.lock().unwrap(), true);
            if !is_first {
                return calls(dispatch);
            }
            // The attempt that the end of the run woke fails once.
            Some(ReportedOutcome::Failed(Failure {
                code: "author".into(),
                retryable: true,
                message: "once".into(),
                retry_after: None,
                details: None,
                backtrace: None,
            }))
        }
    };
    let installation = Installation::running(2, rule).await;
    installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("parent", &["child"])).await;
    let run = installation.trigger(&deployed).await;
    let woken = output(&installation, run).await;
    assert_eq!(woken["state"], "success");
    assert_eq!(runs_of(&installation, "child").await.len(), 1);
}

#[tokio::test]
async fn a_call_and_its_end_survive_crashes() {
    let mut installation = Installation::running(2, |dispatch| {
        match dispatch.document.task.as_str() {
            "call" => call("child", &json!({}), false),
            // The called run goes on when everything crashes.
            _ => None,
        }
    })
    .await;
    installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("parent", &["child"])).await;
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.deferred == 1).await;
    installation.crash().await;
    installation.start_scheduler("second");
    let rule = calls("child", json!({}));
    installation.start_worker("second", &["default"], 2, Arc::new(rule));
    let woken = output(&installation, run).await;
    assert_eq!(woken["state"], "success", "{woken}");
    assert_eq!(runs_of(&installation, "child").await.len(), 1);
}

#[tokio::test]
async fn an_end_that_came_while_nothing_was_scheduled_wakes_the_task() {
    let target: Arc<Mutex<Option<RunId>>> = Arc::default();
    let rule = {
        let target = Arc::clone(&target);
        move |dispatch: &Dispatch| match (dispatch.document.task.as_str(), &dispatch.resumed) {
            ("call", None) => wait_for(Wait::Run(target.lock().unwrap().expect("it is set"))),
            ("call", Some(_)) => woken(dispatch),
            _ => None,
        }
    };
    let mut installation = Installation::running(2, rule.clone()).await;
    let other = installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("waiter", &[])).await;
    let awaited = installation.trigger(&other).await;
    *target.lock().unwrap() = Some(awaited);
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.deferred == 1).await;
    // The run is cancelled by a scheduler that crashes right after.
    installation.command(awaited, CommandKind::Cancel).await;
    assert_eq!(installation.ended(awaited).await, RunState::Cancelled);
    installation.crash().await;
    installation.start_scheduler("second");
    installation.start_worker("second", &["default"], 2, Arc::new(rule));
    let expected = json!({ "run": awaited.to_string(), "dag": "child", "state": "cancelled" });
    assert_eq!(output(&installation, run).await, expected);
}

#[tokio::test]
async fn waits_for_runs_that_are_over_or_missing_end_at_once() {
    let wait: Arc<Mutex<Option<Wait>>> = Arc::default();
    let rule = {
        let wait = Arc::clone(&wait);
        move |dispatch: &Dispatch| match (dispatch.document.task.as_str(), &dispatch.resumed) {
            ("call", None) => wait_for(wait.lock().unwrap().clone().expect("it is set")),
            ("call", Some(_)) => woken(dispatch),
            _ => success("0"),
        }
    };
    let installation = Installation::running(2, rule).await;
    let other = installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("waiter", &[])).await;
    let over = installation.trigger(&other).await;
    assert_eq!(installation.ended(over).await, RunState::Success);
    let no_run = RunId::new(Timestamp(5), 5);
    let no_dag = Wait::Dag {
        dag: "nothing".parse().expect("an id"),
        logical_date: Timestamp(0),
    };
    let cases = [
        (
            Wait::Run(over),
            json!({ "run": over.to_string(), "dag": "child", "state": "success" }),
        ),
        (
            Wait::Run(no_run),
            json!({ "run": no_run.to_string(), "dag": null, "state": "missing" }),
        ),
        (
            no_dag,
            json!({ "run": null, "dag": "nothing", "state": "missing" }),
        ),
    ];
    for (waits, expected) in cases {
        *wait.lock().unwrap() = Some(waits);
        let run = installation.trigger(&deployed).await;
        assert_eq!(output(&installation, run).await, expected);
    }
}

#[tokio::test]
async fn the_run_of_a_date_wakes_the_task_although_it_is_made_later() {
    let date = Timestamp(1_767_225_600_000);
    let wait = Wait::Dag {
        dag: "child".parse().expect("an id"),
        logical_date: date,
    };
    let installation = Installation::running(2, move |dispatch| {
        match (dispatch.document.task.as_str(), &dispatch.resumed) {
            ("call", None) => wait_for(wait.clone()),
            ("call", Some(_)) => woken(dispatch),
            _ => success("0"),
        }
    })
    .await;
    let other = installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("waiter", &[])).await;
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.deferred == 1).await;
    // A run by hand for the same date does not count.
    let by_hand = installation.trigger_at(&other, Some(date), None).await;
    assert_eq!(installation.ended(by_hand).await, RunState::Success);
    assert_eq!(installation.show(run).await.counts.deferred, 1);
    let awaited = backfilled(&installation, &other, date).await;
    let expected = json!({ "run": awaited.to_string(), "dag": "child", "state": "success" });
    assert_eq!(output(&installation, run).await, expected);
}

/// A wait for the task `work` of the run for this date.
fn work_of(date: Timestamp) -> Wait {
    Wait::DagTask {
        dag: "child".parse().expect("an id"),
        logical_date: date,
        task: "work".parse().expect("an id"),
    }
}

#[tokio::test]
async fn the_end_of_a_task_wakes_what_waits_for_it_while_its_run_goes_on() {
    let wait: Arc<Mutex<Option<Wait>>> = Arc::default();
    let works = Arc::new(AtomicBool::new(false));
    let rule = {
        let (wait, works) = (Arc::clone(&wait), Arc::clone(&works));
        move |dispatch: &Dispatch| match (dispatch.document.task.as_str(), &dispatch.resumed) {
            ("call", None) => wait_for(wait.lock().unwrap().clone().expect("it is set")),
            ("call", Some(_)) => woken(dispatch),
            ("work", _) if works.load(Ordering::Relaxed) => success("0"),
            _ => None,
        }
    };
    let mut installation = Installation::running(3, rule.clone()).await;
    let other = installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("waiter", &[])).await;
    let target = installation.trigger(&other).await;
    let work = |task: &str| Wait::RunTask {
        run: target,
        task: task.parse().expect("an id"),
    };
    *wait.lock().unwrap() = Some(work("work"));
    let waits = installation.trigger(&deployed).await;
    installation
        .wait(waits, |row| row.counts.deferred == 1)
        .await;
    // The waits and what they are for are taken over.
    installation.crash().await;
    works.store(true, Ordering::Relaxed);
    installation.start_scheduler("second");
    installation.start_worker("second", &["default"], 3, Arc::new(rule));
    let expected = |task: &str, state: &str| json!({ "run": target.to_string(), "dag": "child", "task": task, "state": state });
    assert_eq!(
        output(&installation, waits).await,
        expected("work", "success")
    );
    assert!(!installation.show(target).await.state.is_ended());
    // One that ended before, and one that is no task of the DAG.
    let late = installation.trigger(&deployed).await;
    assert_eq!(
        output(&installation, late).await,
        expected("work", "success")
    );
    *wait.lock().unwrap() = Some(work("nothing"));
    let vain = installation.trigger(&deployed).await;
    assert_eq!(
        output(&installation, vain).await,
        expected("nothing", "missing")
    );
    // The end of the run is the end of its tasks.
    *wait.lock().unwrap() = Some(work("report"));
    let waits = installation.trigger(&deployed).await;
    installation
        .wait(waits, |row| row.counts.deferred == 1)
        .await;
    installation.command(target, CommandKind::Cancel).await;
    assert_eq!(
        output(&installation, waits).await,
        expected("report", "cancelled")
    );
    let over = installation.trigger(&deployed).await;
    assert_eq!(
        output(&installation, over).await,
        expected("report", "cancelled")
    );
}

#[tokio::test]
async fn a_task_of_the_run_of_a_date_wakes_what_waited_before_there_was_the_run() {
    let date = Timestamp(1_767_225_600_000);
    let installation = Installation::running(2, move |dispatch| {
        match (dispatch.document.task.as_str(), &dispatch.resumed) {
            ("call", None) => wait_for(work_of(date)),
            ("call", Some(_)) => woken(dispatch),
            ("work", _) => success("0"),
            // So the run goes on.
            _ => None,
        }
    })
    .await;
    let other = installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("waiter", &[])).await;
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.deferred == 1).await;
    let awaited = backfilled(&installation, &other, date).await;
    let expected =
        json!({ "run": awaited.to_string(), "dag": "child", "task": "work", "state": "success" });
    assert_eq!(output(&installation, run).await, expected);
}

#[tokio::test]
async fn a_detached_call_goes_on_at_once() {
    let installation = Installation::running(2, |dispatch| {
        match (dispatch.document.task.as_str(), &dispatch.resumed) {
            ("call", None) => call("child", &json!({}), true),
            ("call", Some(_)) => woken(dispatch),
            _ => None,
        }
    })
    .await;
    installation.deploy(&child("child")).await;
    let deployed = installation.deploy(&caller("parent", &["child"])).await;
    let run = installation.trigger(&deployed).await;
    let woken = output(&installation, run).await;
    let children = runs_of(&installation, "child").await;
    let [called] = &children[..] else {
        panic!("one run was called");
    };
    let expected = json!({ "run": called.id.to_string(), "dag": "child", "state": "queued" });
    assert_eq!(woken, expected);
    assert!(!called.state.is_ended());
}

#[tokio::test]
async fn what_is_wrong_with_a_call_wakes_the_task_with_the_reason() {
    let installation = Installation::running(1, |dispatch| {
        let document = &dispatch.document;
        match (document.dag.as_str(), &dispatch.resumed) {
            (_, Some(_)) => woken(dispatch),
            ("unknown", _) => call("nothing", &json!({}), false),
            ("ungranted", _) => call("child", &json!({}), false),
            ("wrong", _) => call("child", &json!({ "rows": "many" }), false),
            ("paused", _) => call("sleeping", &json!({}), false),
            (own, _) => call(own, &json!({}), false),
        }
    })
    .await;
    installation.deploy(&child("child")).await;
    let sleeping = installation.deploy(&child("sleeping")).await;
    let tenant = TenantId::default();
    let paused = installation
        .database
        .pause_dag(&tenant, &sleeping.id, "test");
    assert!(paused.await.expect("it is paused"));
    installation.handle().wake(weft_scheduler::Wake::Settings);
    let cases = [
        ("unknown", vec!["nothing"], "dag_not_found"),
        ("ungranted", vec![], "not_granted"),
        ("wrong", vec!["child"], "invalid_params"),
        ("paused", vec!["sleeping"], "dag_paused"),
        ("myself", vec!["myself"], "call_loop"),
    ];
    let mut codes = BTreeMap::new();
    for (id, dags, code) in &cases {
        let deployed = installation.deploy(&caller(id, dags)).await;
        let run = installation.trigger(&deployed).await;
        let woken = output(&installation, run).await;
        codes.insert(*id, woken["error"]["code"].clone());
        assert_eq!(codes[id], *code, "{woken}");
    }
    assert_eq!(runs_of(&installation, "child").await.len(), 0);
}

#[tokio::test]
async fn a_loop_over_several_dags_is_refused() {
    let installation = Installation::running(2, |dispatch| {
        match (dispatch.document.dag.as_str(), &dispatch.resumed) {
            (_, Some(_)) => woken(dispatch),
            ("one", _) => call("two", &json!({}), false),
            _ => call("one", &json!({}), false),
        }
    })
    .await;
    let one = installation.deploy(&caller("one", &["two"])).await;
    installation.deploy(&caller("two", &["one"])).await;
    let run = installation.trigger(&one).await;
    let woken = output(&installation, run).await;
    let message = woken["outputs"]["call"]["error"]["message"].as_str();
    assert_eq!(
        message,
        Some("one calls two, which must not call one again"),
        "{woken}"
    );
    assert_eq!(runs_of(&installation, "one").await.len(), 1);
}

#[tokio::test]
async fn cancelling_a_tree_reaches_the_called_runs() {
    let installation = Installation::running(4, |dispatch| match dispatch.document.dag.as_str() {
        "one" => call("two", &json!({}), false),
        "two" => call("three", &json!({}), false),
        _ => None,
    })
    .await;
    installation.deploy(&child("three")).await;
    installation.deploy(&caller("two", &["three"])).await;
    let one = installation.deploy(&caller("one", &["two"])).await;
    let run = installation.trigger(&one).await;
    installation.wait(run, |row| row.counts.deferred == 1).await;
    let two = runs_of(&installation, "two").await[0].id;
    installation.wait(two, |row| row.counts.deferred == 1).await;
    let three = runs_of(&installation, "three").await[0].id;
    installation.command(run, CommandKind::CancelTree).await;
    for run in [run, two, three] {
        assert_eq!(installation.ended(run).await, RunState::Cancelled);
    }
}
