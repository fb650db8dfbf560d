//! Data that attempts exchange with stores: large outputs, logs, variables.

use crate::rig::{Rig, Setup};
use std::{collections::HashMap, sync::Arc};
use weft_blob::{Kind, logs::LogReader};
use weft_broker::{Output, ReportedOutcome};
use weft_core::{id::TenantId, policy::Granted};

#[tokio::test]
async fn a_large_output_is_in_the_store_before_the_report() {
    let mut rig = Rig::start().await;
    let text = format!("\"{}\"", "x".repeat(Output::MAX_INLINE_BYTES));
    let outcome = rig.run("echo", &text).await;
    let ReportedOutcome::Success {
        output: Output::Blob { digest, bytes },
    } = outcome
    else {
        panic!("it should be a blob: {outcome:?}");
    };
    assert_eq!(bytes, text.len() as u64);
    let kept = rig
        .blobs
        .get(Kind::Output, &TenantId::default(), &digest)
        .await
        .expect("it is there");
    assert_eq!(kept, text.as_bytes());
}

#[tokio::test]
async fn a_log_reads_back_and_none_costs_none() {
    let mut rig = Rig::start().await;
    let silent = rig.publish(rig.dispatch("echo", "1")).await;
    assert_eq!(rig.report_of(silent).await.log, None);
    let loud = rig.publish(rig.dispatch("write", "1")).await;
    let report = rig.report_of(loud).await;
    assert!(report.usage.log_bytes >= 60, "{:?}", report.usage);
    let pointer = report
        .log
        .expect("it printed")
        .parse()
        .expect("it is a pointer");
    let reader = LogReader::new(rig.blobs.clone(), None);
    let page = reader
        .read(&TenantId::default(), &pointer, 0, 100)
        .await
        .expect("it is there");
    assert_eq!(page.lines.len(), 10);
    assert!(page.lines.iter().all(|line| line.message == "a line"));
}

fn with_variable() -> Setup {
    let mut setup = Setup::new();
    setup.secrets.variables = HashMap::from([("greeting".to_owned(), "\"hello\"".to_owned())]);
    setup
}

#[tokio::test]
async fn only_granted_variables_are_readable() {
    let mut rig = Rig::with(with_variable()).await;
    let output = |text: &str| ReportedOutcome::Success {
        output: Output::Inline(text.into()),
    };
    let denied = rig.run("variable", "\"greeting\"").await;
    assert_eq!(denied, output("\"denied\""));
    for (name, answer) in [("greeting", "\"hello\""), ("other", "\"not found\"")] {
        let mut dispatch = rig.dispatch("variable", &format!("\"{name}\""));
        dispatch.granted = Arc::new(Granted {
            variables: vec![name.to_owned()],
            ..Granted::default()
        });
        let key = rig.publish(dispatch).await;
        assert_eq!(rig.report_of(key).await.outcome, output(answer));
    }
}

#[tokio::test]
async fn a_panic_behind_one_attempt_ends_that_one_alone() {
    let mut setup = with_variable();
    setup.secrets.panics = true;
    let mut rig = Rig::with(setup).await;
    let mut dispatch = rig.dispatch("variable", "\"greeting\"");
    dispatch.granted = Arc::new(Granted {
        variables: vec!["greeting".to_owned()],
        ..Granted::default()
    });
    let key = rig.publish(dispatch).await;
    let ReportedOutcome::Failed(failure) = rig.report_of(key).await.outcome else {
        panic!("it should fail");
    };
    assert_eq!(&*failure.code, "internal");
    let after = rig.run("echo", "1").await;
    assert!(
        matches!(after, ReportedOutcome::Success { .. }),
        "{after:?}"
    );
}
