//! Tasks that wait for an event: what wakes them, and that no crash loses it or lets it wake twice.

use crate::harness::{Installation, success};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use weft_broker::{Dispatch, ReportedOutcome};
use weft_core::{
    id::TenantId,
    run::{RunState, Selection},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};
use weft_scheduler::{Reason, Wake};
use weft_store::{CommandKind, InstanceTag, Output};
use weft_store_sql::{SendEvent, Sent};

fn dag() -> Value {
    json!({ "id": "waits", "tasks": { "wait": {} } })
}

fn paid() -> Wait {
    Wait::Event("paid".parse().expect("a name"))
}

/// The deferral until the event, or until a time at the longest.
fn deferred(until: Option<i64>) -> ReportedOutcome {
    ReportedOutcome::Deferred {
        until: until.map(Timestamp),
        wait: Some(paid()),
        call: None,
        approval: None,
        state: r#"{"asked":1}"#.into(),
    }
}

/// The output of the attempt that was woken: the state and what woke it.
fn resumed(dispatch: &Dispatch, state: &str) -> Option<ReportedOutcome> {
    let woken = dispatch.document.woken.clone().unwrap_or_default();
    success(&format!("[{state},{woken}]"))
}

/// Waits for the event, without a timeout.
fn waits(dispatch: &Dispatch) -> Option<ReportedOutcome> {
    match dispatch.resumed.as_deref() {
        None => Some(deferred(None)),
        Some(state) => resumed(dispatch, state),
    }
}

async fn send(installation: &Installation, run: RunId, payload: &str) {
    let event = SendEvent {
        tenant: TenantId::default(),
        run,
        name: "paid".parse().expect("a name"),
        payload: payload.into(),
        by: "test".into(),
        idempotency_key: None,
    };
    let sent = installation.database.send_event(&event).await;
    assert!(matches!(sent, Ok(Sent::New(_))), "{sent:?}");
}

async fn is_deferred(installation: &Installation, run: RunId) {
    installation.wait(run, |row| row.counts.deferred == 1).await;
}

async fn output(installation: &Installation, run: RunId) -> String {
    assert_eq!(installation.ended(run).await, RunState::Success);
    let instance = installation.show_instance(run, 0).await;
    assert_eq!(instance.wait, None);
    match instance.output {
        Some(Output::Inline(text)) => text.to_string(),
        other => panic!("it returned {other:?}"),
    }
}

#[tokio::test]
async fn an_event_wakes_the_task_that_waits_for_it() {
    let installation = Installation::running(1, waits).await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    is_deferred(&installation, run).await;
    let instance = installation.show_instance(run, 0).await;
    assert_eq!(instance.wait.as_deref(), Some("event/paid"));
    let why = installation.handle().why(run, instance.instance.task, 0);
    let why = why.await.expect("it answers");
    let expected = Reason::Deferred {
        until: None,
        wait: Some(paid()),
    };
    assert_eq!(why, [expected]);
    send(&installation, run, r#"{"n":1}"#).await;
    installation.handle().wake(Wake::Command);
    assert_eq!(
        output(&installation, run).await,
        r#"[{"asked":1},{"event":"paid","payload":{"n":1}}]"#
    );
    assert_eq!(installation.taken(), ["wait", "wait"]);
}

#[tokio::test]
async fn an_event_that_came_before_the_wait_wakes_it_at_once() {
    let mut installation = Installation::new().await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    send(&installation, run, "7").await;
    installation.start_scheduler("first");
    installation.start_worker("worker", &["default"], 1, Arc::new(waits));
    assert_eq!(
        output(&installation, run).await,
        r#"[{"asked":1},{"event":"paid","payload":7}]"#
    );
}

#[tokio::test]
async fn a_timeout_wakes_it_and_the_event_is_kept() {
    let installation = Installation::running(1, |dispatch| match dispatch.resumed.as_deref() {
        None => Some(deferred(Some(0))),
        Some(state) => resumed(dispatch, state),
    })
    .await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(
        output(&installation, run).await,
        r#"[{"asked":1},{"timeout":true}]"#
    );
}

#[tokio::test]
async fn a_command_wakes_it_without_an_event() {
    let installation = Installation::running(1, waits).await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    is_deferred(&installation, run).await;
    let task = "wait".parse().expect("an id");
    let wake = CommandKind::Wake { task, index: 0 };
    installation.command(run, wake).await;
    assert_eq!(
        output(&installation, run).await,
        r#"[{"asked":1},{"command":true}]"#
    );
}

#[tokio::test]
async fn a_wait_survives_a_crash_and_what_ended_it_another() {
    let mut installation = Installation::running(1, waits).await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    is_deferred(&installation, run).await;
    installation.crash().await;
    // No scheduler runs: the event is durable all the same.
    send(&installation, run, "7").await;
    installation.start_scheduler("second");
    // The attempt that was woken is running when everything crashes again.
    let hangs = Arc::new(|_: &Dispatch| None);
    installation.start_worker("second", &["default"], 1, hangs);
    installation.wait(run, |row| row.counts.running == 1).await;
    installation.crash().await;
    installation.start_scheduler("third");
    installation.start_worker("third", &["default"], 1, Arc::new(waits));
    assert_eq!(
        output(&installation, run).await,
        r#"[{"asked":1},{"event":"paid","payload":7}]"#
    );
}

#[tokio::test]
async fn waits_after_a_cancel_or_a_clear_are_over() {
    let waits_again = Arc::new(AtomicBool::new(true));
    let again = Arc::clone(&waits_again);
    let installation = Installation::running(1, move |dispatch| {
        if again.load(Relaxed) {
            waits(dispatch)
        } else {
            success("0")
        }
    })
    .await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    is_deferred(&installation, run).await;
    installation.command(run, CommandKind::Cancel).await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    let instance = installation.show_instance(run, 0).await;
    assert_eq!(
        (instance.state, instance.wait),
        (InstanceTag::Cancelled, None)
    );
    let run = installation.trigger(&deployed).await;
    is_deferred(&installation, run).await;
    waits_again.store(false, Relaxed);
    let tasks = vec!["wait".parse().expect("an id")];
    let clear = CommandKind::Clear(Selection::of(tasks, false));
    installation.command(run, clear).await;
    assert_eq!(output(&installation, run).await, "0");
    assert_eq!(installation.show_instance(run, 0).await.wait, None);
}
