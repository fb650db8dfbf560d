//! Messages are read back as they were written, and fields of later versions are ignored.

use super::*;
use crate::{Ahead, AheadReport, Failure, Output, ReportedOutcome, Usage, conformance};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};
use weft_core::{
    digest::Digest,
    document::{Code, OutputFormat, Program, TaskIndex},
    inputs::AheadInput,
    policy::{Granted, PrivateHost},
    run::Instance,
    time::{DurationMs, Timestamp},
    wait::Wait,
};

fn rich_dispatch() -> Dispatch {
    let mut dispatch = conformance::dispatch(7, "ssd", -3);
    dispatch.code = Arc::new(Code::Program(Program {
        file: "tool.wasm".to_owned(),
        args: vec!["--in".to_owned(), "{{ inputs.x }}".to_owned()],
        env: vec![("A".to_owned(), "b".to_owned())],
        output: OutputFormat::Text,
        fail_on_exit: vec![3],
        skip_on_exit: vec![4, 5],
    }));
    dispatch.inputs = vec![("x".to_owned(), r#"{"a":["\u00e9",1.50]}"#.into())];
    dispatch.resumed = Some(r#"{"page":2}"#.into());
    dispatch.granted = Arc::new(Granted {
        http: vec![
            "api.example.org".parse().unwrap(),
            "http://*.example.org:8080".parse().unwrap(),
        ],
        variables: vec!["region".to_owned()],
        connections: vec!["warehouse".to_owned()],
        private: vec![
            PrivateHost {
                host: "*.internal.example"
                    .parse::<weft_core::grant::HttpGrant>()
                    .unwrap()
                    .host,
                networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            },
            PrivateHost {
                host: "[fd00::1]"
                    .parse::<weft_core::grant::HttpGrant>()
                    .unwrap()
                    .host,
                networks: Vec::new(),
            },
        ],
    });
    dispatch.limits.timeout_ms = 12_345;
    dispatch.deterministic = true;
    dispatch.trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
    let document = Arc::make_mut(&mut dispatch.document);
    document.map_index = Some(3);
    document
        .params
        .insert("day".to_owned(), json!({"of": [1, null]}));
    document.deadline = Some(Timestamp(99));
    dispatch
}

/// One on which two tasks may run ahead.
fn dispatch_of_a_chain() -> Dispatch {
    let mut dispatch = conformance::dispatch(2, "default", 0);
    let next = Ahead {
        instance: Instance {
            task: TaskIndex(1),
            index: 0,
        },
        on_success: true,
        is_mapped: false,
        id: "second".parse().unwrap(),
        number: 1,
        code: Arc::clone(&dispatch.code),
        inputs: vec![
            ("day".to_owned(), AheadInput::Value("\"monday\"".into())),
            ("all".to_owned(), AheadInput::Output { pointer: None }),
        ],
        idempotency_key: "key/second".to_owned(),
        limits: dispatch.limits,
        deterministic: false,
    };
    let mut last = next.clone();
    last.instance.task = TaskIndex(7);
    last.code = Arc::new(Code::Own {
        task: "another".to_owned(),
    });
    last.limits.timeout_ms = 5;
    last.deterministic = true;
    last.instance.index = 3;
    last.is_mapped = true;
    last.inputs = vec![(
        "part".to_owned(),
        AheadInput::Output {
            pointer: Some("/a/0".to_owned()),
        },
    )];
    dispatch.ahead = vec![next, last];
    dispatch
}

#[test]
fn the_attempt_of_a_task_that_runs_ahead_has_what_it_differs_in() {
    let dispatch = dispatch_of_a_chain();
    let output: Arc<str> = r#"{"a":[5]}"#.into();
    let next = dispatch.ahead_on(&dispatch.ahead[0], &output).unwrap();
    let inputs = [("day", "\"monday\""), ("all", r#"{"a":[5]}"#)];
    let inputs = inputs.map(|(name, value)| (name.to_owned(), value.into()));
    assert_eq!(next.inputs, inputs);
    assert_eq!(next.document.task.as_str(), "second");
    assert_eq!(next.key.attempt.instance.task, TaskIndex(1));
    let last = dispatch.ahead_on(&dispatch.ahead[1], &output).unwrap();
    assert_eq!(last.inputs, [("part".to_owned(), Arc::from("5"))]);
    assert_eq!(
        (next.document.map_index, last.document.map_index),
        (None, Some(3))
    );
    let without = dispatch.ahead_on(&dispatch.ahead[1], &"{}".into());
    assert!(without.is_err(), "{without:?}");
}

#[test]
fn dispatches_come_back_as_they_were() {
    for dispatch in [
        conformance::dispatch(1, "default", 0),
        rich_dispatch(),
        dispatch_of_a_chain(),
    ] {
        let text = write_dispatch(&dispatch);
        let back = read_dispatch(DISPATCH_VERSION, text.as_bytes()).expect("readable");
        assert_eq!(format!("{back:?}"), format!("{dispatch:?}"), "{text}");
    }
}

/// One of each outcome, with everything that there is to say.
/// A report as it is read: no message holds the secret of its claim.
fn report(number: u32, worker: &str) -> Report {
    Report {
        secret: None,
        ..conformance::report(number, worker)
    }
}

fn rich_reports() -> Vec<Report> {
    let blob = Output::Blob {
        digest: Digest([9; 32]),
        bytes: 1 << 40,
    };
    let outcomes = [
        ReportedOutcome::Success {
            output: Output::Inline(r#""a \"text\"""#.into()),
        },
        ReportedOutcome::Skipped { reason: None },
        ReportedOutcome::Skipped {
            reason: Some("nothing new".to_owned()),
        },
        ReportedOutcome::Branch {
            tasks: vec!["a".parse().unwrap(), "b.c".parse().unwrap()],
            output: blob,
        },
        ReportedOutcome::Deferred {
            until: Some(Timestamp(1_700_000_000_000)),
            wait: None,
            call: None,
            approval: None,
            state: "{}".into(),
        },
        ReportedOutcome::Failed(Failure {
            code: "author".into(),
            retryable: true,
            message: "no\nluck".to_owned(),
            retry_after: Some(DurationMs(250)),
            details: Some(json!({"row": 3})),
            backtrace: Some("main\n".to_owned()),
        }),
        ReportedOutcome::Deferred {
            until: None,
            wait: Some(Wait::Event("paid".parse().unwrap())),
            call: None,
            approval: None,
            state: "1".into(),
        },
    ];
    let with_outcome = |outcome| Report {
        outcome,
        usage: Usage {
            started: Timestamp(5),
            wall_us: 1,
            cpu_us: 2,
            memory_peak_bytes: 3,
            fuel: Some(u64::MAX),
            log_bytes: 4,
            bytes_in: 5,
            bytes_out: 6,
        },
        log: Some("logs/a".into()),
        artifacts: vec!["a".to_owned()],
        updates: Vec::new(),
        ..report(3, "worker")
    };
    let mut reports: Vec<Report> = outcomes.into_iter().map(with_outcome).collect();
    let mut of_chain = report(4, "worker");
    of_chain.ahead = reports
        .iter()
        .map(|report| AheadReport {
            instance: Instance {
                task: TaskIndex(2),
                index: 9,
            },
            number: 1,
            outcome: report.outcome.clone(),
            usage: report.usage,
            log: report.log.clone(),
            artifacts: report.artifacts.clone(),
            updates: Vec::new(),
        })
        .collect();
    reports.push(of_chain);
    reports
}

#[test]
fn reports_come_back_as_they_were() {
    for report in rich_reports() {
        let text = write_report(&report);
        let read = read_report(REPORT_VERSION, text.as_bytes());
        assert_eq!(read, Ok(report), "{text}");
    }
}

/// What the first version writes, a line each. Lines are added for what is new, and none is
/// changed: `WEFT_UPDATE_RELEASED=1` adds them.
fn corpus(file: &str, written: &[String]) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/message/corpus")
        .join(file);
    let mut kept = fs::read_to_string(&path).unwrap_or_default();
    if std::env::var_os("WEFT_UPDATE_RELEASED").is_some() {
        for new in written.iter().skip(kept.lines().count()) {
            kept.push_str(new);
            kept.push('\n');
        }
        fs::write(&path, &kept).unwrap();
    }
    kept.lines().map(ToOwned::to_owned).collect()
}

/// Whether everything of the one is in the other, which may say more.
fn holds(more: &Value, kept: &Value) -> bool {
    match (more, kept) {
        (Value::Object(more), Value::Object(kept)) => kept
            .iter()
            .all(|(name, kept)| more.get(name).is_some_and(|more| holds(more, kept))),
        (more, kept) => more == kept,
    }
}

/// Each kept line is read, whatever it says besides, and all that it says is written again.
fn are_read_and_written_as_ever(kept: &[String], again: impl Fn(&[u8]) -> String) {
    for line in kept {
        let with_more = line.replacen('{', r#"{"of_the_future":{"a":[1]},"#, 1);
        for text in [line, &with_more] {
            let written = again(text.as_bytes());
            let [is, was] = [&written, line].map(|text| serde_json::from_str(text).unwrap());
            assert!(holds(&is, &was), "{written} is not {line}");
        }
    }
}

#[test]
fn version_one_of_dispatches_is_read_and_written_as_ever() {
    let mut dispatches = vec![conformance::dispatch(1, "default", 0), rich_dispatch()];
    let mut component = rich_dispatch();
    component.code = Arc::new(Code::Component {
        file: "tasks.wasm".to_owned(),
        task: "load".to_owned(),
    });
    component.watched = true;
    dispatches.push(component);
    dispatches.push(dispatch_of_a_chain());
    let written: Vec<String> = dispatches.iter().map(write_dispatch).collect();
    let kept = corpus("dispatches-1.jsonl", &written);
    assert_eq!(kept.len(), written.len());
    are_read_and_written_as_ever(&kept, |text| {
        write_dispatch(&read_dispatch(1, text).expect("version 1"))
    });
}

#[test]
fn version_one_of_reports_is_read_and_written_as_ever() {
    let mut reports = vec![conformance::report(7, "w")];
    reports.extend(rich_reports());
    let written: Vec<String> = reports.iter().map(write_report).collect();
    let kept = corpus("reports-1.jsonl", &written);
    assert_eq!(kept.len(), written.len());
    are_read_and_written_as_ever(&kept, |text| {
        write_report(&read_report(1, text).expect("version 1"))
    });
}

#[test]
fn newer_messages_are_refused_unread_and_fields_of_the_future_are_ignored() {
    let newer = MessageError::Newer {
        found: DISPATCH_VERSION + 1,
        known: DISPATCH_VERSION,
    };
    assert_eq!(
        read_dispatch(DISPATCH_VERSION + 1, b"whatever").err(),
        Some(newer)
    );
    let text = write_report(&conformance::report(1, "w"));
    let secret = conformance::report(1, "w").secret.expect("it has one");
    assert!(!text.contains(&secret.to_hex()), "{text}");
    let with_more = text.replacen('{', r#"{"of_the_future":1,"#, 1);
    assert_eq!(read_report(1, with_more.as_bytes()), Ok(report(1, "w")));
    assert!(matches!(
        read_report(1, b"{}"),
        Err(MessageError::Broken(_))
    ));
}

/// What a released version wrote must be readable for ever.
#[test]
fn version_one_stays_readable() {
    let dispatch = r#"{"key":"0000000000001.0.3.1.700000000","tenant":"default","queue":"ssd","digest":"0707070707070707070707070707070707070707070707070707070707070707","code":{"own":{"task":"task"}},"document":{"dag":"dag","run":"0000000000001","task":"task","number":1,"logical_date":0,"interval":[0,0],"idempotency_key":"key"},"limits":{}}"#;
    let read = read_dispatch(1, dispatch.as_bytes()).expect("version 1");
    let same = conformance::dispatch(7, "ssd", 0);
    assert_eq!(format!("{read:?}"), format!("{same:?}"));
    let report = r#"{"key":"0000000000001.0.3.1.700000000","outcome":{"success":{"output":{"inline":"7"}}},"usage":{"started":0,"wall_us":0,"cpu_us":0,"memory_peak_bytes":0,"log_bytes":0,"bytes_in":0,"bytes_out":0},"worker":"w"}"#;
    assert_eq!(read_report(1, report.as_bytes()), Ok(self::report(7, "w")));
}

#[test]
fn keys_are_read_back_and_nothing_else_is() {
    for number in [0, 1, 7, u32::MAX] {
        let key = conformance::key(number);
        assert_eq!(read_key(&write_key(&key)), Ok(key));
    }
    for text in [
        "",
        "0000000000001.0.3.1",
        "0000000000001.0.3.1.7.0",
        "x.0.3.1.7",
    ] {
        assert!(read_key(text).is_err(), "{text}");
    }
}

#[test]
fn a_reported_question_comes_back_as_it_was_written_or_is_refused() {
    let asks = |request: &str| Report {
        outcome: ReportedOutcome::Deferred {
            until: None,
            wait: Some(Wait::Approval { default: None }),
            call: None,
            approval: Some(request.into()),
            state: "1".into(),
        },
        ..report(3, "worker")
    };
    let asked = asks(r#"{"subject":"Ship it?","options":["approve"]}"#);
    let text = write_report(&asked);
    assert_eq!(read_report(1, text.as_bytes()), Ok(asked));
    let broken = write_report(&asks(r#"{"subject":""}"#));
    let refused = read_report(1, broken.as_bytes());
    assert!(matches!(refused, Err(MessageError::Broken(_))));
}
