//! Tasks that ask people: the answer wakes them, once, and no crash loses a question or an answer.

use crate::harness::{Installation, success};
use serde_json::{Map, Value, json};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use weft_broker::{Dispatch, ReportedOutcome};
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Instance, RunState},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};
use weft_scheduler::Wake;
use weft_store::Output;
use weft_store_sql::{ApprovalRow, Decide, DecideError};

const ASKING: Instance = Instance {
    task: TaskIndex(0),
    index: 0,
};

fn dag() -> Value {
    json!({ "id": "asks", "tasks": { "ask": {} } })
}

/// Asks, and waits until a time at the longest.
fn asked(until: Option<i64>, default: Option<&str>) -> ReportedOutcome {
    let default = default.map(|name| name.parse().expect("a name"));
    ReportedOutcome::Deferred {
        until: until.map(Timestamp),
        wait: Some(Wait::Approval { default }),
        call: None,
        approval: Some(r#"{"subject":"Ship it?","options":["approve","reject"]}"#.into()),
        state: "1".into(),
    }
}

/// Long enough for the question to be written.
fn soon() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is after 1970").as_millis();
    i64::try_from(now).expect("it is before the year 292,277,000") + 2_000
}

/// Asks without a timeout, and returns what woke it.
fn asks(dispatch: &Dispatch) -> Option<ReportedOutcome> {
    match dispatch.resumed {
        None => Some(asked(None, None)),
        Some(_) => woken(dispatch),
    }
}

fn woken(dispatch: &Dispatch) -> Option<ReportedOutcome> {
    let woken = dispatch.document.woken.clone().unwrap_or_default();
    success(&woken.to_string())
}

async fn question(installation: &Installation, run: RunId) -> ApprovalRow {
    installation.wait(run, |row| row.counts.deferred == 1).await;
    let of = (&TenantId::default(), run);
    let row = installation.database.approval(of, ASKING).await;
    row.expect("the database answers").expect("it asks")
}

async fn decide(
    installation: &Installation,
    row: &ApprovalRow,
    option: &str,
) -> Result<ApprovalRow, DecideError> {
    let decide = Decide {
        tenant: TenantId::default(),
        key: (row.run, row.instance, row.number),
        option: option.parse().expect("a name"),
        comment: Some("looks good".into()),
        fields: Map::from_iter([("rows".to_owned(), json!(3))]),
        by: "ada".into(),
        actor: "ada#1".into(),
    };
    installation.database.decide_approval(&decide).await
}

async fn output(installation: &Installation, run: RunId) -> Value {
    assert_eq!(installation.ended(run).await, RunState::Success);
    match installation.show_instance(run, 0).await.output {
        Some(Output::Inline(text)) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("it returned {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_wakes_the_task_that_asked() {
    let installation = Installation::running(1, asks).await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    let row = question(&installation, run).await;
    assert!(row.is_waiting && row.answer.is_none(), "{row:?}");
    let waiting = installation
        .database
        .waiting_approvals(&TenantId::default(), None, None, 10)
        .await
        .expect("the database answers");
    assert_eq!(waiting, std::slice::from_ref(&row));
    let decided = decide(&installation, &row, "approve").await;
    let answer = decided.expect("it waits").answer.expect("it is answered");
    assert_eq!((&*answer.option, &*answer.by), ("approve", "ada#1"));
    let again = decide(&installation, &row, "reject").await;
    assert!(
        matches!(again, Err(DecideError::Decided { .. })),
        "{again:?}"
    );
    installation.handle().wake(Wake::Command);
    let woken = output(&installation, run).await;
    let approval = &woken["approval"];
    assert_eq!(
        (&approval["option"], &approval["comment"], &approval["by"]),
        (&json!("approve"), &json!("looks good"), &json!("ada"))
    );
    assert_eq!(approval["fields"], json!({ "rows": 3 }));
    assert_eq!(installation.taken(), ["ask", "ask"]);
}

#[tokio::test]
async fn a_timeout_answers_with_the_default() {
    for (default, expected) in [
        (
            Some("reject"),
            json!({ "approval": { "option": "reject", "comment": null, "fields": {}, "by": null, "at": null } }),
        ),
        (None, json!({ "timeout": true })),
    ] {
        let installation = Installation::running(1, move |dispatch| match dispatch.resumed {
            None => Some(asked(Some(soon()), default)),
            Some(_) => woken(dispatch),
        })
        .await;
        let deployed = installation.deploy(&dag()).await;
        let run = installation.trigger(&deployed).await;
        assert_eq!(output(&installation, run).await, expected);
        let of = (&TenantId::default(), run);
        let row = installation.database.approval(of, ASKING).await;
        let row = row.expect("the database answers").expect("it asked");
        assert!(!row.is_waiting);
        let late = decide(&installation, &row, "approve").await;
        assert!(matches!(late, Err(DecideError::Over)), "{late:?}");
    }
}

#[tokio::test]
async fn a_question_and_its_answer_survive_crashes() {
    let mut installation = Installation::running(1, asks).await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    question(&installation, run).await;
    installation.crash().await;
    // No scheduler runs: the answer is durable all the same.
    let of = (&TenantId::default(), run);
    let row = installation.database.approval(of, ASKING).await;
    let row = row.expect("the database answers").expect("it asks");
    assert!(row.is_waiting);
    decide(&installation, &row, "approve")
        .await
        .expect("it waits");
    installation.start_scheduler("second");
    installation.start_worker("second", &["default"], 1, Arc::new(asks));
    let woken = output(&installation, run).await;
    assert_eq!(woken["approval"]["option"], json!("approve"));
}

#[tokio::test]
async fn a_run_that_is_cancelled_asks_nothing_more() {
    let installation = Installation::running(1, asks).await;
    let deployed = installation.deploy(&dag()).await;
    let run = installation.trigger(&deployed).await;
    let row = question(&installation, run).await;
    installation
        .command(run, weft_store::CommandKind::Cancel)
        .await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    let waiting = installation
        .database
        .waiting_approvals(&TenantId::default(), None, None, 10)
        .await
        .expect("the database answers");
    assert_eq!(waiting, []);
    let late = decide(&installation, &row, "approve").await;
    assert!(matches!(late, Err(DecideError::Over)), "{late:?}");
}
