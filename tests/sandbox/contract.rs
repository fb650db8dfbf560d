//! Files built against released versions of the contract: they run for ever.
//!
//! `tests/fixtures/contract-<version>/` holds what was built then, with what it
//! answered then. A file in there is never built anew; a test that fails here
//! means that somebody's published DAG stopped working.

use crate::case::{on_runtime, request};
use serde_json::{Value, json};
use std::{fs, path::Path};
use weft_core::document::{Format, OutputFormat, Source, parse};
use weft_sandbox::{
    AttemptOutcome, DeferUntil, Entry, Guest, ProgramEntry, Sandbox, SandboxOptions,
};
use weft_tests::{guests, isolated};

#[test]
fn contract_0_1_0_runs_for_ever() {
    isolated!(|| runs(&guests::root().join("tests/fixtures/contract-0.1.0")));
}

fn runs(folder: &Path) {
    let expected =
        fs::read(folder.join("expected.json")).expect("the fixture says what it answers");
    let expected: Value =
        serde_json::from_slice(&expected).expect("the fixture's answers are JSON");
    on_runtime(async {
        let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox can be made");
        for (file, answers) in expected.as_object().expect("answers by file") {
            let bytes = fs::read(folder.join(file)).expect("the fixture is complete");
            assert!(bytes.len() < 200 << 10, "{file} has {} bytes", bytes.len());
            let guest = sandbox.load(bytes).await.expect("the file loads");
            if let Some(described) = answers.get("describe") {
                let text = sandbox
                    .describe(&guest)
                    .await
                    .expect("the guest describes itself");
                parse(Source {
                    name: "describe",
                    text: &text,
                    format: Format::Json,
                })
                .expect("the document is valid");
                assert_eq!(
                    &serde_json::from_str::<Value>(&text).expect("JSON"),
                    described,
                    "{file}: describe"
                );
            }
            for call in answers["calls"].as_array().expect("a list of calls") {
                let seen = make(&sandbox, &guest, &call["entry"]).await;
                assert_eq!(seen, call["outcome"], "{file}: {}", call["entry"]);
            }
        }
    });
}

/// Makes the call and writes down what came of it.
async fn make(sandbox: &Sandbox, guest: &Guest, entry: &Value) -> Value {
    let mut request = request(guest, "", &[]);
    request.resumed = entry.get("resumed").map(Value::to_string);
    request.entry = match entry.get("task") {
        Some(task) => {
            let inputs = entry["inputs"].as_object().into_iter().flatten();
            Entry::Task {
                name: task.as_str().expect("a task's name").to_owned(),
                inputs: inputs
                    .map(|(name, value)| (name.clone(), value.to_string().into()))
                    .collect(),
            }
        }
        None => Entry::Program(ProgramEntry {
            args: texts(&entry["args"]),
            env: Vec::new(),
            stdin: entry["stdin"]
                .as_str()
                .unwrap_or_default()
                .as_bytes()
                .to_vec(),
            output: if entry["output"] == "text" {
                OutputFormat::Text
            } else {
                OutputFormat::Json
            },
            fail_on_exit: Vec::new(),
            skip_on_exit: Vec::new(),
            files_in: Vec::new(),
        }),
    };
    let parsed = |json: &str| serde_json::from_str::<Value>(json).expect("outputs are JSON");
    match sandbox.run(request).await.outcome {
        AttemptOutcome::Success { output } => json!({ "success": parsed(&output) }),
        AttemptOutcome::Skipped { reason } => json!({ "skipped": reason }),
        AttemptOutcome::Branch { tasks, output } => {
            json!({ "branch": tasks, "output": parsed(&output) })
        }
        AttemptOutcome::Deferred {
            until: DeferUntil::After(span),
            state,
        } => {
            json!({ "deferred_ms": span.0, "state": parsed(&state) })
        }
        AttemptOutcome::Deferred {
            until: DeferUntil::At(time),
            state,
        } => {
            json!({ "deferred_until": time.0, "state": parsed(&state) })
        }
        AttemptOutcome::Deferred {
            until: DeferUntil::On { wait, timeout },
            state,
        } => {
            let timeout = timeout.map(|span| span.0);
            json!({ "waits_for": wait.to_string(), "timeout_ms": timeout, "state": parsed(&state) })
        }
        AttemptOutcome::Deferred {
            until:
                DeferUntil::Updated {
                    asset,
                    partition,
                    since,
                    timeout,
                },
            state,
        } => {
            let timeout = timeout.map(|span| span.0);
            json!({
                "asset": asset.as_str(), "partition": partition.as_deref(), "since": since.map(|since| since.0),
                "timeout_ms": timeout, "state": parsed(&state),
            })
        }
        AttemptOutcome::Deferred {
            until: DeferUntil::Called { call, timeout },
            state,
        } => {
            let timeout = timeout.map(|span| span.0);
            json!({
                "calls": call.dag.as_str(), "params": parsed(&call.params), "detached": call.is_detached,
                "timeout_ms": timeout, "state": parsed(&state),
            })
        }
        AttemptOutcome::Deferred {
            until: DeferUntil::Asked { request, timeout },
            state,
        } => {
            let timeout = timeout.map(|span| span.0);
            json!({ "asks": parsed(&request.to_json()), "timeout_ms": timeout, "state": parsed(&state) })
        }
        AttemptOutcome::Failed(failure) => json!({
            "failed": failure.kind.code(),
            "message": failure.message,
            "retryable": failure.retryable,
            "retry_after_ms": failure.retry_after.map(|span| span.0),
            "details": failure.details,
        }),
    }
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten();
    texts
        .map(|text| text.as_str().expect("a list of texts").to_owned())
        .collect()
}
