//! Components: loaded once, refused by name, held within bounds of memory.

use crate::rig::{Rig, Setup};
use std::sync::Arc;
use weft_blob::Kind;
use weft_broker::{Failure, ReportedOutcome};
use weft_core::{digest::Digest, document::Code, id::TenantId};
use weft_sandbox::container;

fn failed(outcome: ReportedOutcome) -> Failure {
    match outcome {
        ReportedOutcome::Failed(failure) => failure,
        other => panic!("it should fail: {other:?}"),
    }
}

#[tokio::test]
async fn a_component_is_loaded_once_for_all_waiting_attempts() {
    let mut setup = Setup::new();
    setup.options.slots = 100;
    setup.options.prefetch = 0;
    setup.options.memory_bytes = 100 << 30;
    let mut rig = Rig::with(setup).await;
    let mut keys = Vec::new();
    for _ in 0..100 {
        let dispatch = rig.dispatch("echo", "1");
        keys.push(rig.publish(dispatch).await);
    }
    for key in keys {
        let outcome = rig.report_of(key).await.outcome;
        assert!(
            matches!(outcome, ReportedOutcome::Success { .. }),
            "{outcome:?}"
        );
    }
    assert_eq!(rig.handle.stats().loads, 1);
}

#[tokio::test]
async fn a_missing_component_is_named_in_the_failure() {
    let mut rig = Rig::start().await;
    let mut dispatch = rig.dispatch("echo", "1");
    dispatch.digest = Digest::of(b"not deployed");
    let wanted = dispatch.digest.to_string();
    let key = rig.publish(dispatch).await;
    let failure = failed(rig.report_of(key).await.outcome);
    assert_eq!(&*failure.code, "component_missing");
    assert!(!failure.retryable);
    assert!(failure.message.contains(&wanted), "{}", failure.message);
}

#[tokio::test]
async fn another_tenants_component_is_not_found() {
    let mut rig = Rig::start().await;
    rig.run("echo", "1").await;
    let mut dispatch = rig.dispatch("echo", "1");
    dispatch.tenant = "other".parse().expect("an id");
    let key = rig.publish(dispatch).await;
    let failure = failed(rig.report_of(key).await.outcome);
    assert_eq!(&*failure.code, "component_missing");
}

#[tokio::test]
async fn an_invalid_component_is_not_retryable() {
    let mut rig = Rig::start().await;
    let digest = rig
        .blobs
        .put(Kind::Component, &TenantId::default(), "no wasm")
        .await
        .expect("room");
    let mut dispatch = rig.dispatch("echo", "1");
    dispatch.digest = digest;
    let key = rig.publish(dispatch).await;
    let failure = failed(rig.report_of(key).await.outcome);
    assert_eq!(&*failure.code, "component_invalid");
    assert!(!failure.retryable);
    let named = digest.to_string();
    assert!(failure.message.contains(&named), "{}", failure.message);
}

#[tokio::test]
async fn a_containers_files_are_found_by_name() {
    let mut rig = Rig::start().await;
    let wasm = wat::parse_str(include_str!("guest.wat")).expect("well-formed");
    let files = [
        ("good.wasm".to_owned(), wasm),
        ("bad.wasm".to_owned(), b"no wasm".to_vec()),
    ];
    let packed = container::pack("{}", &files).expect("it fits");
    let digest = rig
        .blobs
        .put(Kind::Component, &TenantId::default(), packed)
        .await
        .expect("room");
    let mut run = async |file: &str| {
        let mut dispatch = rig.dispatch("echo", "1");
        dispatch.digest = digest;
        dispatch.code = Arc::new(Code::Component {
            file: file.into(),
            task: "echo".into(),
        });
        let key = rig.publish(dispatch).await;
        rig.report_of(key).await.outcome
    };
    let good = run("good.wasm").await;
    assert!(matches!(good, ReportedOutcome::Success { .. }), "{good:?}");
    for file in ["bad.wasm", "absent.wasm"] {
        let failure = failed(run(file).await);
        assert_eq!(&*failure.code, "component_invalid");
        assert!(failure.message.contains(file), "{}", failure.message);
    }
}

#[tokio::test]
async fn attempts_wait_for_memory_and_too_large_ones_are_not_claimed() {
    let mut setup = Setup::new();
    setup.options.memory_bytes = 40 << 20;
    let mut rig = Rig::with(setup).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let dispatch = rig.dispatch("patient", "1");
        keys.push(rig.publish(dispatch).await);
    }
    rig.until(|stats| stats.claimed() == 3 && stats.running == 2)
        .await;
    assert_eq!(rig.handle.stats().memory_bytes, 32 << 20);
    let with = |rig: &Rig, memory_bytes| {
        let mut dispatch = rig.dispatch("echo", "1");
        dispatch.limits.memory_bytes = memory_bytes;
        dispatch
    };
    rig.publish(with(&rig, 41 << 20)).await;
    rig.revoke(keys[0]).await;
    rig.until(|stats| stats.claimed() == 2 && stats.running == 2)
        .await;
    // What comes after it is not kept back by it, and fits beside those that run.
    let small = rig.publish(with(&rig, 8 << 20)).await;
    rig.report_of(small).await;
    rig.until(|stats| stats.claimed() == 2 && stats.running == 2)
        .await;
}
