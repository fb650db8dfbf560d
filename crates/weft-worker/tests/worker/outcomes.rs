//! Every way an attempt can end by itself, as the scheduler hears it.

use crate::rig::Rig;
use weft_broker::{Output, ReportedOutcome};
use weft_core::{
    time::{DurationMs, Timestamp},
    wait::Wait,
};

fn inline(text: &str) -> Output {
    Output::Inline(text.into())
}

#[tokio::test]
async fn an_output_is_reported_unchanged() {
    let mut rig = Rig::start().await;
    let outcome = rig.run("echo", r#"{"a":[1,"ü"]}"#).await;
    let output = inline(r#"{"a":[1,"ü"]}"#);
    assert_eq!(outcome, ReportedOutcome::Success { output });
}

#[tokio::test]
async fn control_documents_become_outcomes() {
    let mut rig = Rig::start().await;
    let skipped = rig
        .run("control", r#"{"kind":"skip","reason":"nothing new"}"#)
        .await;
    let reason = Some("nothing new".to_owned());
    assert_eq!(skipped, ReportedOutcome::Skipped { reason });
    let branch = rig
        .run("control", r#"{"kind":"branch","tasks":["a"],"output":7}"#)
        .await;
    let tasks = vec!["a".parse().expect("an id")];
    let output = inline("7");
    assert_eq!(branch, ReportedOutcome::Branch { tasks, output });
    let deferred = rig
        .run(
            "control",
            r#"{"kind":"defer","until":"2030-01-01T00:00:00Z","state":[1]}"#,
        )
        .await;
    let until: Timestamp = "2030-01-01T00:00:00Z".parse().expect("a time");
    let state = "[1]".into();
    let by_time = ReportedOutcome::Deferred {
        until: Some(until),
        wait: None,
        call: None,
        approval: None,
        state,
    };
    assert_eq!(deferred, by_time);
    let waiting = rig
        .run("control", r#"{"kind":"defer","event":"paid","state":1}"#)
        .await;
    let for_an_event = ReportedOutcome::Deferred {
        until: None,
        wait: Some(Wait::Event("paid".parse().expect("a name"))),
        call: None,
        approval: None,
        state: "1".into(),
    };
    assert_eq!(waiting, for_an_event);
}

#[tokio::test]
async fn a_span_of_deferral_is_counted_from_now() {
    let mut rig = Rig::start().await;
    let key = rig
        .publish(rig.dispatch("control", r#"{"kind":"defer","after_ms":5000,"state":1}"#))
        .await;
    let report = rig.report_of(key).await;
    let ReportedOutcome::Deferred { until, .. } = report.outcome else {
        panic!("it should be deferred: {:?}", report.outcome);
    };
    let until = until.expect("it has a time");
    assert!(until >= report.usage.started.plus(DurationMs(5000)));
    assert!(until <= report.usage.started.plus(DurationMs(60_000)));
}

#[tokio::test]
async fn an_authors_failure_keeps_its_words_and_wishes() {
    let mut rig = Rig::start().await;
    let ReportedOutcome::Failed(failure) = rig.run("fail", "1").await else {
        panic!("it should fail");
    };
    assert_eq!(&*failure.code, "author");
    assert_eq!(failure.message, "the author's words");
    assert_eq!(failure.retry_after, Some(DurationMs(5)));
    assert!(failure.retryable);
}

#[tokio::test]
async fn an_attempt_knows_its_deadline() {
    let mut rig = Rig::start().await;
    let mut dispatch = rig.dispatch("attempt", "1");
    dispatch.limits.timeout_ms = 90_000;
    let key = rig.publish(dispatch).await;
    let report = rig.report_of(key).await;
    let ReportedOutcome::Success {
        output: Output::Inline(text),
    } = report.outcome
    else {
        panic!("it should succeed: {:?}", report.outcome);
    };
    let context: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let deadline = report.usage.started.plus(DurationMs(90_000));
    assert_eq!(context["deadline"], deadline.to_string());
    assert_eq!(context["dag"], "d");
    assert_eq!(&*report.worker, "w");
}

#[tokio::test]
async fn many_attempts_all_end() {
    let mut rig = Rig::start().await;
    let mut keys = Vec::new();
    for number in 0..200 {
        let dispatch = rig.dispatch("echo", &number.to_string());
        keys.push((number, rig.publish(dispatch).await));
    }
    for (number, key) in keys {
        let output = inline(&number.to_string());
        let outcome = rig.report_of(key).await.outcome;
        assert_eq!(outcome, ReportedOutcome::Success { output });
    }
    rig.until(|stats| stats.unconfirmed == 0 && stats.claimed() == 0)
        .await;
    assert_eq!(rig.handle.stats().ended, 200);
}
