//! Logs: kept ones page by page, live ones as they come.

use crate::world::{World, instance};
use http_body_util::BodyExt;
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use weft_blob::logs::{LiveLines, LogKey as BlobKey, LogLine, LogOptions, LogSource, LogWriter};
use weft_core::{document::TaskIndex, id::TenantId, run::Instance, time::Timestamp};
use weft_server::ports::{Change, LogKey};
use weft_store::{InstanceRow, InstanceTag};

fn line(number: u64) -> LogLine {
    LogLine {
        at: Timestamp(1_000),
        source: LogSource::Info,
        message: format!("line {number}"),
        fields: vec![("n".into(), number.to_string())],
    }
}

/// Writes lines as a worker would; returns the pointer to them.
async fn written(world: &World, count: u64) -> String {
    let (writer, _recovered) = LogWriter::start(&world.blobs, LogOptions::local())
        .await
        .unwrap();
    let key = BlobKey {
        tenant: TenantId::default(),
        attempt: "a/1".into(),
    };
    writer
        .append(&key, (0..count).map(line).collect())
        .await
        .unwrap();
    writer
        .finish(&key)
        .await
        .unwrap()
        .expect("lines were written")
        .to_string()
}

async fn world() -> (World, String) {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let run = world.trigger("d").await;
    (world, run)
}

fn live(run: &str) -> LogKey {
    LogKey {
        tenant: TenantId::default(),
        run: run.parse().unwrap(),
        instance: Instance {
            task: TaskIndex(0),
            index: 0,
        },
        number: 1,
    }
}

fn some(first: u64, count: u64, has_ended: bool) -> LiveLines {
    LiveLines {
        first,
        lines: (first..first + count).map(line).collect(),
        has_ended,
    }
}

#[tokio::test]
async fn a_kept_log_is_read_page_by_page() {
    let (world, run) = world().await;
    let path = format!("/runs/{run}/tasks/a/0/logs");
    world
        .get(&path)
        .send()
        .await
        .problem(404, "attempt_not_found");
    let pointer = written(&world, 120).await;
    let row = InstanceRow {
        log: Some(pointer.into()),
        ended: Some(Timestamp(5_000)),
        ..instance(&run, 0, 0, InstanceTag::Success)
    };
    world.write_instances(vec![row]).await;
    let mut messages = Vec::new();
    let mut next = String::new();
    loop {
        let page = world
            .get(&format!("{path}?limit=50{next}"))
            .send()
            .await
            .ok();
        assert_eq!(page["attempt"], 1);
        messages.extend(
            page["lines"]
                .as_array()
                .unwrap()
                .iter()
                .map(|line| line["message"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        messages,
        (0..120).map(|n| format!("line {n}")).collect::<Vec<_>>()
    );
    world
        .get(&format!("{path}?attempt=2"))
        .send()
        .await
        .problem(404, "attempt_not_found");
}

#[tokio::test]
async fn a_running_attempt_always_has_a_next_page() {
    let (world, run) = world().await;
    world
        .write_instances(vec![instance(&run, 0, 0, InstanceTag::Running)])
        .await;
    let path = format!("/runs/{run}/tasks/a/0/logs");
    let empty = world.get(&path).send().await.ok();
    assert_eq!(
        (&empty["lines"], empty["next"].is_string()),
        (&json!([]), true)
    );
    world
        .logs
        .0
        .lock()
        .unwrap()
        .insert(live(&run), vec![some(0, 3, false)]);
    let page = world.get(&path).send().await.ok();
    assert_eq!(page["lines"].as_array().unwrap().len(), 3);
    assert_eq!(
        page["lines"][2]["fields"],
        json!([{ "name": "n", "value": "2" }])
    );
    assert!(page["next"].is_string());
}

#[tokio::test]
async fn following_gives_live_lines_then_kept_ones_then_the_end() {
    let (world, run) = world().await;
    world
        .write_instances(vec![instance(&run, 0, 0, InstanceTag::Running)])
        .await;
    world
        .logs
        .0
        .lock()
        .unwrap()
        .insert(live(&run), vec![some(0, 2, false), some(2, 1, false)]);
    let response = world
        .get(&format!("/runs/{run}/tasks/a/0/logs/follow"))
        .open()
        .await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut next = async || {
        let frame = body.frame().await?.unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    };
    let first = next().await.unwrap();
    assert!(
        first.contains("event: lines") && first.contains("line 1") && first.contains("id: 2"),
        "{first}"
    );
    let second = next().await.unwrap();
    assert!(
        second.contains("line 2") && second.contains("id: 3"),
        "{second}"
    );
    // It ends, and its log is known by name from then on.
    let pointer = written(&world, 5).await;
    let row = InstanceRow {
        log: Some(pointer.into()),
        ended: Some(Timestamp(5_000)),
        ..instance(&run, 0, 0, InstanceTag::Success)
    };
    world.write_instances(vec![row]).await;
    let third = next().await.unwrap();
    assert!(
        third.contains("line 3") && third.contains("line 4") && third.contains("id: 5"),
        "{third}"
    );
    assert!(next().await.unwrap().contains("event: end"));
    assert_eq!(next().await, None);

    let again = world
        .get(&format!("/runs/{run}/tasks/a/0/logs/follow"))
        .header("last-event-id", "4")
        .send()
        .await;
    let text = String::from_utf8(again.body).unwrap();
    assert!(
        text.contains("line 4") && !text.contains("line 3"),
        "{text}"
    );
    let odd = world
        .get(&format!("/runs/{run}/tasks/a/0/logs/follow"))
        .header("last-event-id", "x")
        .send()
        .await;
    odd.problem(400, "invalid_request");
}

/// A task that prints nothing: its end is all that there is to hear of.
#[tokio::test]
async fn a_follower_is_woken_by_the_end_of_the_attempt() {
    let (world, run) = world().await;
    world
        .write_instances(vec![instance(&run, 0, 0, InstanceTag::Running)])
        .await;
    let response = world
        .get(&format!("/runs/{run}/tasks/a/0/logs/follow"))
        .open()
        .await;
    let mut body = response.into_body();
    let change = |index: Option<u32>| {
        Arc::new(Change::Instance {
            tenant: TenantId::default(),
            run: run.parse().unwrap(),
            task: "a".parse().unwrap(),
            map_index: index,
            state: InstanceTag::Success,
            number: 1,
            worker: None,
        })
    };
    let waiting = tokio::spawn(async move { body.frame().await });
    // The stream listens since before it was answered, so that no change is missed.
    let began = Instant::now();
    let row = InstanceRow {
        ended: Some(Timestamp(5_000)),
        ..instance(&run, 0, 0, InstanceTag::Success)
    };
    world.write_instances(vec![row]).await;
    world.scheduler.changes.send(change(Some(7))).unwrap();
    world.scheduler.changes.send(change(None)).unwrap();
    let frame = waiting.await.unwrap().unwrap().unwrap();
    let event = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
    assert!(event.contains("event: end"), "{event}");
    // Without the word it would have looked after two seconds.
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_log_whose_segment_is_gone_says_so() {
    let (world, run) = world().await;
    let pointer = format!("l1.{}.00000000.00000010", "0".repeat(32));
    let row = InstanceRow {
        log: Some(pointer.into()),
        ..instance(&run, 0, 0, InstanceTag::Success)
    };
    world.write_instances(vec![row]).await;
    world
        .get(&format!("/runs/{run}/tasks/a/0/logs"))
        .send()
        .await
        .problem(404, "log_not_found");
}

/// A run whose only attempt has ended with a log of so many lines.
async fn ended(world: &World, run: &str, lines: u64) {
    let log = written(world, lines).await;
    let row = InstanceRow {
        ended: Some(Timestamp(9_000)),
        log: Some(log.into()),
        ..instance(run, 0, 0, InstanceTag::Failed)
    };
    world.write_instances(vec![row]).await;
}

#[tokio::test]
async fn a_log_is_read_by_the_numbers_of_lines() {
    let (world, run) = world().await;
    ended(&world, &run, 12_345).await;
    let path = format!("/runs/{run}/tasks/a/0/logs");
    let last = world
        .get(&format!("{path}?from_line=12343&lines=5000"))
        .send()
        .await
        .ok();
    assert_eq!(
        (&last["first"], &last["total"]),
        (&json!(12_343), &json!(12_345))
    );
    assert_eq!(last["lines"].as_array().unwrap().len(), 2);
    assert_eq!(last["lines"][1]["message"], "line 12344");
    let middle = world
        .get(&format!("{path}?from_line=6000&lines=3000"))
        .send()
        .await
        .ok();
    assert_eq!(middle["lines"].as_array().unwrap().len(), 3_000);
    assert_eq!(middle["lines"][2_999]["message"], "line 8999");
    world
        .get(&format!("{path}?lines=5001"))
        .send()
        .await
        .problem(422, "invalid_value");
}

#[tokio::test]
async fn a_log_is_searched_as_a_whole() {
    let (world, run) = world().await;
    ended(&world, &run, 25_000).await;
    let path = format!("/runs/{run}/tasks/a/0/logs/search");
    let found = world
        .get(&format!("{path}?q=LINE%202499"))
        .send()
        .await
        .ok();
    assert_eq!(
        (&found["total"], &found["lines"], &found["complete"]),
        (&json!(11), &json!(25_000), &json!(true))
    );
    assert_eq!(
        found["hits"][0],
        json!({ "line": 2_499, "source": "info", "spans": [[0, 9]] })
    );
    assert_eq!(found["hits"][10]["line"], 24_999);
    assert_eq!(found["sources"], json!({ "info": 25_000 }));
    let few = world
        .get(&format!(
            "{path}?q=%5Eline%20%5Cd*7%24&regex=true&limit=2&from_line=10"
        ))
        .send()
        .await
        .ok();
    assert_eq!(
        (&few["total"], few["hits"].as_array().unwrap().len()),
        (&json!(2_499), 2)
    );
    assert_eq!(few["hits"][0]["line"], 17);
    // What is special in an expression is a text like others without `regex`.
    assert_eq!(
        world.get(&format!("{path}?q=.*")).send().await.ok()["total"],
        0
    );
    let positions = world
        .get(&format!(
            "{path}?q=line%201234&positions=true&from_line=1000"
        ))
        .send()
        .await
        .ok();
    assert_eq!(
        positions["positions"],
        json!([1_234, 11_106, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    );
    assert_eq!(
        (&positions["hits"], &positions["next"], &positions["levels"]),
        (&json!([]), &json!(25_000), &json!({ "info": 24_000 }))
    );
    let errors = world.get(&format!("{path}?level=error")).send().await.ok();
    assert_eq!(errors["total"], 0);
    for odd in [
        "level=loud",
        "q=",
        "q=(&regex=true",
        "q=a%7B1000%7D%7B1000%7D&regex=true",
        "q=a&limit=0",
    ] {
        world
            .get(&format!("{path}?{odd}"))
            .send()
            .await
            .problem(422, "invalid_value");
    }
}

#[tokio::test]
async fn a_log_is_downloaded_as_text() {
    let (world, run) = world().await;
    ended(&world, &run, 10_001).await;
    let reply = world
        .get(&format!("/runs/{run}/tasks/a/0/logs/download"))
        .send()
        .await;
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(reply.header("content-security-policy"), "sandbox");
    assert_eq!(
        reply.header("content-disposition"),
        format!("attachment; filename=\"{run}-a-0-1.log\"")
    );
    let text = String::from_utf8(reply.body).unwrap();
    assert_eq!(text.lines().count(), 10_001);
    assert_eq!(
        text.lines().last(),
        Some("1970-01-01T00:00:01Z info   line 10000 n=10000")
    );
}
