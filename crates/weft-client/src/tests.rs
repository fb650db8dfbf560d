//! The client against a server that answers as each test says.

use crate::{
    EventStream, StreamItem,
    fake::{Fake, Received, Reply, TOKEN, client},
    page::{self, Listed},
    route,
};
use serde_json::Value;
use std::future::Future;
use weft_api::{
    NewRun, UnreadableItem,
    problem::{Code, Exit, Problems},
};

fn block_on<T>(work: impl Future<Output = Result<T, Problems>>) -> Result<T, Problems> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

fn show(fake: &Fake) -> Result<Value, Problems> {
    let client = fake.client();
    block_on(client.request(&route::SHOW_DAG, &["a b"]).fetch())
}

#[track_caller]
fn one(result: Result<Value, Problems>) -> weft_api::problem::Problem {
    let problems = result.unwrap_err();
    assert_eq!(problems.iter().count(), 1, "{problems}");
    problems.iter().next().unwrap().clone()
}

#[test]
fn a_token_is_sent_in_its_header_field_only() {
    let fake = Fake::start(|_, _| Reply::json(200, "{}"));
    show(&fake).unwrap();
    let received = &fake.received()[0];
    assert_eq!(
        (received.method.as_str(), received.path.as_str()),
        ("GET", "/api/v1/dags/a%20b")
    );
    assert_eq!(received.headers["authorization"], format!("Bearer {TOKEN}"));
    let others = received
        .headers
        .iter()
        .filter(|(name, _)| *name != "authorization");
    assert!(others.into_iter().all(|(_, value)| !value.contains(TOKEN)));
    assert!(!format!("{:?}", fake.client()).contains(TOKEN));
}

#[test]
fn no_redirect_is_followed() {
    let elsewhere = Fake::start(|_, _| Reply::json(200, "{}"));
    let location = elsewhere.url.clone();
    let fake = Fake::start(move |_, _| {
        Reply::raw(&format!(
            "HTTP/1.1 302 X\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ))
    });
    assert_eq!(one(show(&fake)).code, Code::UnexpectedAnswer);
    assert!(elsewhere.received().is_empty());
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
fn each_detail_of_an_answer_becomes_a_problem() {
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
fn a_missing_token_names_the_commands_that_give_one() {
    let fake = Fake::start(|_, _| Reply::problem(401, "unauthenticated", 4));
    let problem = one(show(&fake));
    assert_eq!(problem.code.exit(), Exit::Refused);
    assert!(problem.help.unwrap().contains("wfctl login"));
}

#[test]
fn a_refused_connection_names_the_url_and_how_to_start_a_server() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client = client(&url);
    let problem = one(block_on(client.request(&route::LIST_DAGS, &[]).fetch()));
    assert_eq!(
        (problem.code, problem.code.exit()),
        (Code::Unreachable, Exit::Unreachable)
    );
    assert!(problem.message.contains(&url), "{}", problem.message);
    assert!(problem.help.unwrap().contains("wfctl up"));
}

#[test]
fn an_answer_of_another_program_is_reported_with_its_first_line() {
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
fn a_safe_request_is_sent_again_until_it_is_answered() {
    let fake = Fake::start(|_, before| match before {
        0 => Reply::raw(""),
        1 => Reply::problem(503, "unavailable", 1),
        _ => Reply::json(200, "{\"a\":1}"),
    });
    assert_eq!(show(&fake).unwrap()["a"], 1);
    assert_eq!(fake.received().len(), 3);
}

#[test]
fn a_request_is_sent_a_bounded_number_of_times() {
    let fake = Fake::start(|_, _| Reply::problem(503, "unavailable", 1));
    assert_eq!(one(show(&fake)).code, Code::Unavailable);
    assert_eq!(fake.received().len(), 3);
}

#[test]
fn a_trigger_is_sent_again_under_the_same_idempotency_key() {
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
            .request(&route::TRIGGER, &["a"])
            .json(&NewRun::default())
            .fetch(),
    )
    .unwrap();
    let keys: Vec<String> = fake
        .received()
        .iter()
        .map(|received| received.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    let _other: Value = block_on(
        client
            .request(&route::TRIGGER, &["a"])
            .json(&NewRun::default())
            .fetch(),
    )
    .unwrap();
    assert_ne!(fake.received()[2].headers["idempotency-key"], keys[0]);
}

#[test]
fn an_unsafe_request_is_sent_once() {
    let fake = Fake::start(|_, _| Reply::raw(""));
    let client = fake.client();
    let problem = one(block_on(
        client.request(&route::CREATE_TOKEN, &[]).json(&()).fetch(),
    ));
    assert_eq!(problem.code, Code::Unreachable);
    assert_eq!(fake.received().len(), 1);
}

/// Pages of two numbers each, up to nine.
fn numbers(received: &Received, _before: usize) -> Reply {
    let from: u32 = received
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
    let list = block_on(page::collect(limit, || {
        client.request(&route::LIST_DAGS, &[]).query("paused", true)
    }))
    .unwrap();
    assert!(
        fake.received()
            .iter()
            .all(|received| received.path.contains("paused=true"))
    );
    (list, fake.received().len())
}

#[test]
fn a_list_is_read_page_by_page_up_to_the_limit() {
    assert_eq!(
        listed(3),
        (
            Listed {
                items: vec![0, 1, 2],
                unreadable: vec![],
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
                unreadable: vec![],
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
                unreadable: vec![],
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
                unreadable: vec![],
                more: false
            },
            5
        )
    );
}

#[test]
fn an_empty_page_with_a_cursor_ends_the_list() {
    let fake = Fake::start(|_, _| Reply::json(200, r#"{"items":[],"next":"again"}"#));
    let client = fake.client();
    let list: Listed<u32> =
        block_on(page::collect(5, || client.request(&route::LIST_DAGS, &[]))).unwrap();
    assert_eq!(
        list,
        Listed {
            items: vec![],
            unreadable: vec![],
            more: true
        }
    );
}

#[test]
fn what_the_server_cannot_read_is_between_the_items_of_all_pages() {
    let fake = Fake::start(|received, _| {
        let second = received.path.contains("cursor=");
        let page = if second {
            r#"{"items":[7]}"#
        } else {
            r#"{"items":[],"next":"more","unreadable":[{"id":"6","why":"it is damaged"}]}"#
        };
        Reply::json(200, page)
    });
    let client = fake.client();
    let list: Listed<u32> =
        block_on(page::collect(5, || client.request(&route::LIST_DAGS, &[]))).unwrap();
    let unreadable = UnreadableItem {
        id: "6".into(),
        why: "it is damaged".into(),
    };
    assert_eq!(
        list,
        Listed {
            items: vec![7],
            unreadable: vec![unreadable],
            more: false
        }
    );
}

#[test]
fn a_stream_that_ends_continues_after_its_last_event() {
    let fake = Fake::start(|_, before| match before {
        0 => Reply::events("event: lines\nid: 7\ndata: a\n\nevent: lines\nid: 8\nda"),
        _ => Reply::events("event: end\ndata: b\n\n"),
    });
    let client = fake.client();
    let names = block_on(async {
        let mut stream = EventStream::open(
            &client,
            &route::FOLLOW_LOG,
            &["r", "t", "0"],
            vec![("attempt", "2".into())],
        )
        .await?;
        let mut names = Vec::new();
        while names.last().is_none_or(|name| name != "end") {
            names.push(match stream.next().await? {
                StreamItem::Event(event) => event.name,
                StreamItem::Reconnected => "again".to_owned(),
            });
        }
        Ok(names)
    })
    .unwrap();
    assert_eq!(names, ["lines", "again", "end"]);
    let received = fake.received();
    assert_eq!(received[1].headers["last-event-id"], "7");
    assert_eq!(
        received[1].path,
        "/api/v1/runs/r/tasks/t/0/logs/follow?attempt=2"
    );
    assert_eq!(received[0].headers.get("last-event-id"), None);
}

#[test]
fn every_operation_is_in_the_servers_document() {
    let document: Value =
        serde_json::from_str(include_str!("../../weft-server/openapi.json")).unwrap();
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

#[test]
fn a_refusal_of_an_unread_body_names_its_reason() {
    let fake = Fake::refusing_unread_bodies();
    let client = fake.client();
    let problem = one(block_on(
        client
            .request(&route::DEPLOY, &[])
            .file(vec![0; 23 << 20].into())
            .fetch(),
    ));
    assert_eq!(problem.code, Code::Unauthenticated, "{problem:?}");
}
