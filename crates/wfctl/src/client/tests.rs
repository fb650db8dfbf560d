//! The client against a server that answers as each test tells it to.

use super::{
    fake::{Asked, Fake, Reply, TOKEN, client},
    pages::{self, Listed},
    route,
    stream::{Follow, Heard},
};
use serde_json::Value;
use std::future::Future;
use weft_api::{
    Counts, Interval, NewRun, Run, RunKind, RunState, Time,
    problem::{Code, Exit, Problems},
};

/// A run for tests of what draws runs.
pub(crate) fn a_run() -> Run {
    let at: Time = "2026-11-21T06:00:00Z".parse().unwrap();
    Run {
        id: "0000000000001".into(),
        dag: "quakes".into(),
        version: 1,
        kind: RunKind::Manual,
        state: RunState::Running,
        logical_date: at,
        data_interval: Interval { start: at, end: at },
        params: serde_json::Map::new(),
        not_before: at,
        created: at,
        created_by: None,
        started: Some(at),
        ended: Some(at),
        counts: Counts::default(),
        trace: None,
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Problems>>) -> Result<T, Problems> {
    super::block_on(work)
}

fn show(fake: &Fake) -> Result<Value, Problems> {
    let client = fake.client();
    block_on(client.call(&route::SHOW_DAG, &["a b"]).read())
}

#[track_caller]
fn one(result: Result<Value, Problems>) -> weft_api::problem::Problem {
    let problems = result.unwrap_err();
    assert_eq!(problems.iter().count(), 1, "{problems}");
    problems.iter().next().unwrap().clone()
}

#[test]
fn a_token_goes_into_its_field_and_nowhere_else() {
    let fake = Fake::start(|_, _| Reply::json(200, "{}"));
    show(&fake).unwrap();
    let asked = &fake.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("GET", "/api/v1/dags/a%20b")
    );
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    let others = asked
        .headers
        .iter()
        .filter(|(name, _)| *name != "authorization");
    assert!(others.into_iter().all(|(_, value)| !value.contains(TOKEN)));
    assert!(!format!("{:?}", fake.client()).contains(TOKEN));
}

#[test]
fn no_redirect_takes_the_token_elsewhere() {
    let elsewhere = Fake::start(|_, _| Reply::json(200, "{}"));
    let location = elsewhere.url.clone();
    let fake = Fake::start(move |_, _| {
        Reply::raw(&format!(
            "HTTP/1.1 302 X\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ))
    });
    assert_eq!(one(show(&fake)).code, Code::UnexpectedAnswer);
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn a_problem_keeps_its_code_its_exit_and_its_advice() {
    for (code, exit) in [
        (Code::DagNotFound, Exit::Usage),
        (Code::RefusedByPolicy, Exit::Refused),
        (Code::InvalidWasm, Exit::BadFile),
        (Code::RunEnded, Exit::Failed),
    ] {
        let fake = Fake::start(move |_, _| {
            Reply::problem(
                code.status().expect("servers answer with it"),
                code.as_str(),
                1,
            )
        });
        let problem = one(show(&fake));
        assert_eq!(
            (problem.code, problem.code.as_str(), problem.code.exit()),
            (code, code.as_str(), exit)
        );
        assert_eq!(
            (problem.message.as_str(), problem.help.as_deref()),
            ("what happened", Some("what to do"))
        );
    }
}

#[test]
fn a_code_of_a_later_server_still_has_its_exit() {
    let fake = Fake::start(|_, _| Reply::problem(409, "of_tomorrow", 4));
    let problem = one(show(&fake));
    assert_eq!(
        (problem.code, problem.code.exit()),
        (Code::NewerServer(Exit::Refused), Exit::Refused)
    );
}

#[test]
fn each_single_thing_that_is_wrong_is_told() {
    let fake = Fake::start(|_, _| {
        Reply::json(
            422,
            r#"{"type":"t","title":"t","status":422,"code":"invalid_document","detail":"2 things are wrong","exit_code":3,
                "problems":[{"code":"a","path":"tasks.x","message":"no such\u001b[2J field","help":"leave it out"},{"code":"b","message":"a cycle"}]}"#,
        )
    });
    let problems = show(&fake).unwrap_err();
    let messages: Vec<&str> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(messages, ["tasks.x: no such\u{fffd}[2J field", "a cycle"]);
    assert_eq!(problems.exit(), Exit::BadFile);
}

#[test]
fn a_missing_token_is_answered_with_the_way_to_get_one() {
    let fake = Fake::start(|_, _| Reply::problem(401, "unauthenticated", 4));
    let problem = one(show(&fake));
    assert_eq!(problem.code.exit(), Exit::Refused);
    assert!(problem.help.unwrap().contains("wfctl login"));
}

#[test]
fn nobody_there_is_told_with_the_url_and_how_to_start() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client = client(&url);
    let problem = one(block_on(client.call(&route::LIST_DAGS, &[]).read()));
    assert_eq!(
        (problem.code, problem.code.exit()),
        (Code::Unreachable, Exit::Unreachable)
    );
    assert!(problem.message.contains(&url), "{}", problem.message);
    assert!(problem.help.unwrap().contains("wfctl up"));
}

#[test]
fn another_program_at_the_address_is_told() {
    let page = Fake::start(|_, _| {
        Reply::raw("HTTP/1.1 404 X\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html>no such")
    });
    let problem = one(show(&page));
    assert_eq!(problem.code, Code::UnexpectedAnswer);
    assert!(problem.notes[0].contains("<html>"), "{:?}", problem.notes);
    let not_json = Fake::start(|_, _| Reply::json(200, "<html>"));
    assert_eq!(one(show(&not_json)).code, Code::UnexpectedAnswer);
}

#[test]
fn what_may_be_repeated_is_until_it_is_answered() {
    let fake = Fake::start(|_, before| match before {
        0 => Reply::raw(""),
        1 => Reply::problem(503, "unavailable", 1),
        _ => Reply::json(200, "{\"a\":1}"),
    });
    assert_eq!(show(&fake).unwrap()["a"], 1);
    assert_eq!(fake.asked().len(), 3);
}

#[test]
fn it_is_not_repeated_for_ever() {
    let fake = Fake::start(|_, _| Reply::problem(503, "unavailable", 1));
    assert_eq!(one(show(&fake)).code, Code::Unavailable);
    assert_eq!(fake.asked().len(), 3);
}

#[test]
fn a_run_is_asked_for_again_under_the_same_key() {
    let fake = Fake::start(|_, before| {
        if before == 0 {
            Reply::raw("")
        } else {
            Reply::json(201, "{}")
        }
    });
    let client = fake.client();
    let _run: Value = block_on(
        client
            .call(&route::TRIGGER, &["a"])
            .json(&NewRun::default())
            .read(),
    )
    .unwrap();
    let keys: Vec<String> = fake
        .asked()
        .iter()
        .map(|asked| asked.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    let _other: Value = block_on(
        client
            .call(&route::TRIGGER, &["a"])
            .json(&NewRun::default())
            .read(),
    )
    .unwrap();
    assert_ne!(fake.asked()[2].headers["idempotency-key"], keys[0]);
}

#[test]
fn what_would_be_done_twice_is_sent_once() {
    let fake = Fake::start(|_, _| Reply::raw(""));
    let client = fake.client();
    let problem = one(block_on(
        client.call(&route::CREATE_TOKEN, &[]).json(&()).read(),
    ));
    assert_eq!(problem.code, Code::Unreachable);
    assert_eq!(fake.asked().len(), 1);
}

/// Pages of two numbers each, up to nine.
fn numbers(asked: &Asked, _before: usize) -> Reply {
    let from: u32 = asked
        .path
        .split("cursor=")
        .nth(1)
        .map_or(0, |cursor| cursor.parse().unwrap());
    let next = if from < 8 {
        format!(",\"next\":\"{}\"", from + 2)
    } else {
        String::new()
    };
    Reply::json(200, &format!("{{\"items\":[{from},{}]{next}}}", from + 1))
}

fn listed(limit: usize) -> (Listed<u32>, usize) {
    let fake = Fake::start(numbers);
    let client = fake.client();
    let list = block_on(pages::collect(limit, || {
        client.call(&route::LIST_DAGS, &[]).query("paused", true)
    }))
    .unwrap();
    assert!(
        fake.asked()
            .iter()
            .all(|asked| asked.path.contains("paused=true"))
    );
    (list, fake.asked().len())
}

#[test]
fn a_list_is_read_page_by_page_as_far_as_it_is_wanted() {
    assert_eq!(
        listed(3),
        (
            Listed {
                items: vec![0, 1, 2],
                more: true
            },
            2
        )
    );
    assert_eq!(
        listed(4),
        (
            Listed {
                items: vec![0, 1, 2, 3],
                more: true
            },
            2
        )
    );
    assert_eq!(
        listed(10),
        (
            Listed {
                items: (0..10).collect(),
                more: false
            },
            5
        )
    );
    assert_eq!(
        listed(1_000),
        (
            Listed {
                items: (0..10).collect(),
                more: false
            },
            5
        )
    );
}

#[test]
fn a_list_that_never_ends_is_left() {
    let fake = Fake::start(|_, _| Reply::json(200, r#"{"items":[],"next":"again"}"#));
    let client = fake.client();
    let list: Listed<u32> =
        block_on(pages::collect(5, || client.call(&route::LIST_DAGS, &[]))).unwrap();
    assert_eq!(
        list,
        Listed {
            items: vec![],
            more: true
        }
    );
}

#[test]
fn a_stream_that_ends_goes_on_behind_its_last_event() {
    let fake = Fake::start(|_, before| match before {
        0 => Reply::events("event: lines\nid: 7\ndata: a\n\nevent: lines\nid: 8\nda"),
        _ => Reply::events("event: end\ndata: b\n\n"),
    });
    let client = fake.client();
    let names = block_on(async {
        let mut follow = Follow::open(
            &client,
            &route::FOLLOW_LOG,
            &["r", "t", "0"],
            vec![("attempt", "2".into())],
        )
        .await?;
        let mut names = Vec::new();
        while names.last().is_none_or(|name| name != "end") {
            names.push(match follow.next().await? {
                Heard::Event(event) => event.name,
                Heard::Again => "again".to_owned(),
            });
        }
        Ok(names)
    })
    .unwrap();
    assert_eq!(names, ["lines", "again", "end"]);
    let asked = fake.asked();
    assert_eq!(asked[1].headers["last-event-id"], "7");
    assert_eq!(
        asked[1].path,
        "/api/v1/runs/r/tasks/t/0/logs/follow?attempt=2"
    );
    assert_eq!(asked[0].headers.get("last-event-id"), None);
}

#[test]
fn every_operation_stands_in_the_servers_document() {
    let document: Value = serde_json::from_str(&weft_server::openapi::document_text()).unwrap();
    for route in route::ALL {
        let path = format!("{}{}", route::BASE, route.template);
        let operation = &document["paths"][&path][route.method.as_str().to_lowercase()];
        assert!(
            operation.is_object(),
            "{} {path} is not in the document",
            route.method
        );
    }
}
