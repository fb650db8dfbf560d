//! Pictures of a DAG's history: the grid, cells of mapped tasks, attempts, durations, drawings, dates, last runs.

use crate::world::{World, instance};
use serde_json::{Value, json};
use weft_core::{
    document::TaskIndex,
    run::{Counts, Instance, RunState},
    time::Timestamp,
};
use weft_store::{AttemptRecord, InstanceRow, InstanceTag, RunUpdate, TaskSummary, Turn};

/// A DAG of two tasks and a mapped one.
async fn deploy(world: &World) {
    let tasks = json!({
        "load": { "after": ["each"] }, "get": {}, "each": { "expand": { "x": "get" } },
    });
    world.deploy("d", tasks).await;
}

fn update(run: &str, state: RunState, counts: Counts) -> RunUpdate {
    RunUpdate {
        id: run.parse().unwrap(),
        state,
        started: Some(Timestamp(1_000)),
        ended: state.is_ended().then_some(Timestamp(9_000)),
        counts,
    }
}

/// Tasks by position in the document, which sorts them: each 0, get 1, load 2.
async fn run_of(
    world: &World,
    states: [Option<InstanceTag>; 2],
    state: RunState,
    counts: Counts,
) -> String {
    let run = world.trigger("d").await;
    let mut rows = Vec::new();
    for (task, state) in [(2, states[0]), (1, states[1])] {
        rows.extend(state.map(|state| instance(&run, task, 0, state)));
    }
    let turn = Turn {
        instances: rows,
        runs: vec![update(&run, state, counts)],
        ..world.turn().await
    };
    world.commit(turn).await;
    run
}

fn of_mapped(run: &str, instances: u32, counts: Counts) -> TaskSummary {
    TaskSummary {
        run: run.parse().unwrap(),
        task: TaskIndex(0),
        instances,
        counts,
    }
}

fn counts(success: u64, failed: u64, waiting: u64) -> Counts {
    Counts {
        success,
        failed,
        waiting,
        ..Counts::default()
    }
}

#[tokio::test]
async fn a_grid_has_a_column_of_states_for_each_run() {
    let world = World::new().await;
    deploy(&world).await;
    let good = run_of(
        &world,
        [Some(InstanceTag::Success); 2],
        RunState::Success,
        counts(5, 0, 0),
    )
    .await;
    let bad_states = [
        Some(InstanceTag::UpstreamFailed),
        Some(InstanceTag::Success),
    ];
    let bad = run_of(&world, bad_states, RunState::Failed, counts(3, 1, 0)).await;
    let on = run_of(
        &world,
        [None, Some(InstanceTag::Running)],
        RunState::Running,
        counts(0, 0, 2),
    )
    .await;
    let turn = Turn {
        tasks: vec![
            of_mapped(&good, 3, counts(3, 0, 0)),
            of_mapped(&bad, 4, counts(3, 1, 0)),
        ],
        ..world.turn().await
    };
    world.commit(turn).await;
    for _again_from_memory in 0..2 {
        let grid = world.get("/dags/d/grid").send().await.ok();
        let tasks: Vec<&str> = grid["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["task"].as_str().unwrap())
            .collect();
        assert_eq!(tasks, ["get", "each", "load"]);
        assert_eq!(grid["rows"][1]["mapped"], true);
        let column = |at: usize| {
            (
                grid["runs"][at]["id"].clone(),
                grid["runs"][at]["cells"].clone(),
            )
        };
        assert_eq!(column(0), (json!(on), json!([5, 1, 1, 2])));
        assert_eq!(column(1), (json!(bad), json!([8, 1, 9, 1, 11, 1])));
        assert_eq!(column(2), (json!(good), json!([8, 3])));
        assert_eq!(grid["runs"][2]["duration_ms"], 8_000);
        assert_eq!(grid["runs"][0].get("duration_ms"), None);
        let mapped = &grid["runs"][1]["mapped"][0];
        assert_eq!(
            (&mapped["row"], &mapped["instances"]),
            (&json!(1), &json!(4))
        );
        assert_eq!(
            mapped["counts"],
            json!([0, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0])
        );
    }
    // A run that was cleared is read again.
    let turn = Turn {
        runs: vec![update(&good, RunState::Running, counts(2, 0, 1))],
        instances: vec![instance(&good, 2, 0, InstanceTag::Queued)],
        ..world.turn().await
    };
    world.commit(turn).await;
    let grid = world.get("/dags/d/grid?runs=3").send().await.ok();
    assert_eq!(grid["runs"][2]["cells"], json!([8, 2, 4, 1]));
}

#[tokio::test]
async fn a_grid_goes_on_and_leaves_out_rows_that_the_caller_has() {
    let world = World::new().await;
    deploy(&world).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(world.trigger("d").await);
    }
    runs.sort();
    let first = world.get("/dags/d/grid?runs=2").send().await.ok();
    let id = first["rows_id"].as_str().unwrap();
    let next = first["next"].as_str().unwrap();
    let path = format!("/dags/d/grid?runs=2&before={next}&rows_id={id}");
    let second = world.get(&path).send().await.ok();
    assert_eq!(second["runs"][0]["id"], json!(runs[0]));
    assert_eq!((second.get("rows"), second.get("next")), (None, None));
    assert_eq!(second["runs"][0]["cells"], json!([1, 3]));

    // Another version adds its rows, and each run has those of its own.
    world
        .deploy("d", json!({ "new": {}, "get": { "after": ["new"] } }))
        .await;
    world.trigger("d").await;
    let grid = world
        .get(&format!("/dags/d/grid?rows_id={id}"))
        .send()
        .await
        .ok();
    let tasks: Vec<&Value> = grid["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["task"])
        .collect();
    assert_eq!(tasks, ["new", "get", "each", "load"]);
    assert_eq!(grid["runs"][0]["cells"], json!([1, 2, 0, 2]));
    assert_eq!(grid["runs"][1]["cells"], json!([0, 1, 1, 3]));

    world
        .get("/dags/d/grid?runs=366")
        .send()
        .await
        .problem(422, "invalid_value");
    world
        .get("/dags/d/grid?before=x")
        .send()
        .await
        .problem(400, "invalid_cursor");
    world
        .get("/dags/none/grid")
        .send()
        .await
        .problem(404, "dag_not_found");
}

#[tokio::test]
async fn instances_of_a_mapped_task_are_runs_of_equal_states() {
    let world = World::new().await;
    deploy(&world).await;
    let run = run_of(
        &world,
        [None, Some(InstanceTag::Success)],
        RunState::Running,
        counts(4, 1, 5),
    )
    .await;
    let write = async |waiting, success| {
        let mut rows: Vec<InstanceRow> = (0..3)
            .map(|index| instance(&run, 0, index, InstanceTag::Success))
            .collect();
        rows.push(instance(&run, 0, 3, InstanceTag::Failed));
        let turn = Turn {
            instances: rows,
            tasks: vec![of_mapped(&run, 9, counts(success, 1, waiting))],
            ..world.turn().await
        };
        world.commit(turn).await;
    };
    write(5, 3).await;
    let path = format!("/runs/{run}/tasks/each/cells");
    let cells = world.get(&path).send().await.ok();
    assert_eq!(
        cells,
        json!({ "instances": 9, "from": 0, "cells": [8, 3, 9, 1, 1, 5] })
    );
    write(0, 8).await;
    let cells = world
        .get(&format!("{path}?from=2&count=3"))
        .send()
        .await
        .ok();
    assert_eq!(
        cells,
        json!({ "instances": 9, "from": 2, "cells": [8, 1, 9, 1, 8, 1] })
    );
    let beyond = world.get(&format!("{path}?from=100")).send().await.ok();
    assert_eq!(beyond["cells"], json!([]));
    world
        .get(&format!("{path}?count=0"))
        .send()
        .await
        .problem(422, "invalid_value");
    world
        .get(&format!("/runs/{run}/tasks/none/cells"))
        .send()
        .await
        .problem(404, "task_not_found");
}

#[tokio::test]
async fn attempts_of_a_run_come_in_pages_of_whole_instances() {
    let world = World::new().await;
    deploy(&world).await;
    let run = world.trigger("d").await;
    let turn = Turn {
        attempts: vec![AttemptRecord {
            run: run.parse().unwrap(),
            instance: Instance {
                task: TaskIndex(0),
                index: 0,
            },
            number: 1,
            end: "failed",
            queued: Some(Timestamp(1_000)),
            started: Some(Timestamp(2_000)),
            ended: Timestamp(3_000),
            worker: Some("w0".into()),
            error: None,
            usage: None,
            log: None,
        }],
        instances: vec![
            InstanceRow {
                number: 2,
                ..instance(&run, 0, 0, InstanceTag::Running)
            },
            instance(&run, 1, 0, InstanceTag::Success),
        ],
        ..world.turn().await
    };
    world.commit(turn).await;
    let first = world
        .get(&format!("/runs/{run}/attempts?limit=1"))
        .send()
        .await
        .ok();
    let items = first["items"].as_array().unwrap();
    let seen: Vec<_> = items
        .iter()
        .map(|item| {
            (
                item["task"].clone(),
                item["number"].clone(),
                item["state"].clone(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (json!("each"), json!(1), json!("failed")),
            (json!("each"), json!(2), json!("running"))
        ]
    );
    assert_eq!(items[0]["worker"], "w0");
    let next = first["next"].as_str().unwrap();
    let second = world
        .get(&format!("/runs/{run}/attempts?limit=5&cursor={next}"))
        .send()
        .await
        .ok();
    assert_eq!(second["items"][0]["task"], "get");
    assert_eq!(second.get("next"), None);
    world
        .get(&format!("/runs/{run}/attempts?limit=0"))
        .send()
        .await
        .problem(422, "invalid_value");
}

#[tokio::test]
async fn durations_are_those_of_the_newest_runs_and_their_tasks() {
    let world = World::new().await;
    deploy(&world).await;
    let success = Some(InstanceTag::Success);
    run_of(&world, [success, None], RunState::Failed, counts(1, 1, 0)).await;
    let newest = run_of(&world, [success; 2], RunState::Success, counts(3, 0, 0)).await;
    let turn = Turn {
        instances: vec![InstanceRow {
            ended: Some(Timestamp(7_000)),
            ..instance(&newest, 1, 0, InstanceTag::Success)
        }],
        ..world.turn().await
    };
    world.commit(turn).await;
    let plain = world.get("/dags/d/durations").send().await.ok();
    assert_eq!(
        (&plain["runs"][0]["id"], &plain["runs"][0]["duration_ms"]),
        (&json!(newest), &json!(8_000))
    );
    assert_eq!(plain["tasks"], json!([]));
    let tasks = world.get("/dags/d/durations?tasks=true").send().await.ok();
    assert_eq!(
        tasks["tasks"],
        json!([
            { "task": "get", "durations_ms": [5_000, null] },
            { "task": "load", "durations_ms": [null, null] },
        ])
    );
    let one = world
        .get("/dags/d/durations?task=get&runs=1")
        .send()
        .await
        .ok();
    assert_eq!(
        one["tasks"],
        json!([{ "task": "get", "durations_ms": [5_000] }])
    );
}

#[tokio::test]
async fn a_drawing_is_known_by_its_version_and_open_groups() {
    let world = World::new().await;
    let deployed = world
        .deploy(
            "d",
            json!({ "g.a": {}, "g.b": { "after": ["g.a"] }, "x": { "after": ["g.b"] } }),
        )
        .await;
    let digest = deployed["digest"].as_str().unwrap();
    let path = "/dags/d/versions/1/layout";
    let reply = world.get(path).send().await;
    let open = reply.ok();
    assert_eq!(
        (open["nodes"].as_array().unwrap().len(), &open["digest"]),
        (3, &json!(digest))
    );
    assert_eq!(open["groups"][0]["id"], "g");
    assert_eq!(reply.header("cache-control"), "private, no-cache");
    let closed = world
        .get(&format!("{path}?open=&digest={digest}"))
        .send()
        .await;
    assert_eq!(closed.ok()["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(
        closed.header("cache-control"),
        "private, max-age=31536000, immutable"
    );
    assert_ne!(closed.header("etag"), reply.header("etag"));
    let known = world
        .get(path)
        .header("if-none-match", reply.header("etag"))
        .send()
        .await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    world
        .get("/dags/d/versions/9/layout")
        .send()
        .await
        .problem(404, "version_not_found");
}

#[tokio::test]
async fn the_next_dates_are_shown_in_a_zone() {
    let world = World::new().await;
    let dag = json!([{ "id": "d", "schedule": "0 6 * * *", "timezone": "Europe/Berlin", "tasks": { "a": {} } }, { "id": "e", "tasks": { "a": {} } }]);
    world.deploy_dags(dag).await;
    let dates = world
        .get("/dags/d/schedule?count=2&after=2026-10-24T12:00:00Z")
        .send()
        .await
        .ok();
    assert_eq!(
        dates,
        json!({
            "schedule": "0 6 * * *", "timezone": "Europe/Berlin", "paused": false,
            "dates": [
                {
                    "logical_date": "2026-10-25T05:00:00Z", "local": "2026-10-25T06:00:00+01:00",
                    "data_interval": { "start": "2026-10-24T04:00:00Z", "end": "2026-10-25T05:00:00Z" },
                },
                {
                    "logical_date": "2026-10-26T05:00:00Z", "local": "2026-10-26T06:00:00+01:00",
                    "data_interval": { "start": "2026-10-25T05:00:00Z", "end": "2026-10-26T05:00:00Z" },
                },
            ],
        })
    );
    let other = world
        .get("/dags/d/schedule?timezone=Asia/Tokyo&count=1&after=2026-10-24T12:00:00Z")
        .send()
        .await
        .ok();
    assert_eq!(other["dates"][0]["local"], "2026-10-25T14:00:00+09:00");
    assert_eq!(
        world.get("/dags/d/schedule").send().await.ok()["dates"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
    assert_eq!(
        world.get("/dags/e/schedule").send().await.ok()["dates"],
        json!([])
    );
    world
        .get("/dags/d/schedule?timezone=Mars/Olympus")
        .send()
        .await
        .problem(422, "invalid_value");
    world
        .get("/dags/d/schedule?count=1001")
        .send()
        .await
        .problem(422, "invalid_value");
}

#[tokio::test]
async fn lists_of_dags_include_their_last_runs_where_they_are_asked_for() {
    let world = World::new().await;
    deploy(&world).await;
    world.deploy("never", json!({ "a": {} })).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(world.trigger("d").await);
    }
    runs.sort();
    let plain = world.get("/dags").send().await.ok();
    assert_eq!(plain["items"][0].get("recent"), None);
    let list = world.get("/dags?recent=2").send().await.ok();
    let recent = &list["items"][0]["recent"];
    assert_eq!(
        (
            &recent[0]["id"],
            &recent[1]["id"],
            recent.as_array().unwrap().len()
        ),
        (&json!(runs[2]), &json!(runs[1]), 2)
    );
    assert_eq!(list["items"][1]["recent"], json!([]));
    world
        .get("/dags?recent=15")
        .send()
        .await
        .problem(422, "invalid_value");
}

#[tokio::test]
async fn a_dry_run_of_a_clear_lists_what_would_run_again() {
    let world = World::new().await;
    let tasks =
        json!({ "a": {}, "b": { "expand": { "x": "a" } }, "c": { "after": ["b"] }, "d": {} });
    world.deploy("d", tasks).await;
    let run = world.trigger("d").await;
    let turn = Turn {
        instances: vec![
            instance(&run, 0, 0, InstanceTag::Success),
            instance(&run, 1, 0, InstanceTag::Success),
            instance(&run, 1, 1, InstanceTag::Failed),
        ],
        tasks: vec![TaskSummary {
            run: run.parse().unwrap(),
            task: TaskIndex(1),
            instances: 3,
            counts: Counts {
                success: 1,
                failed: 1,
                ready: 1,
                ..Counts::default()
            },
        }],
        ..world.turn().await
    };
    world.commit(turn).await;
    world.scheduler.woken();
    let clear = async |body| {
        let call = world.post(&format!("/runs/{run}/clear"));
        call.json(&body).send().await
    };
    let one = clear(json!({ "tasks": ["a"], "dry_run": true })).await.ok();
    assert_eq!(one["total"], 1);
    assert_eq!(
        one["instances"],
        json!([{ "task": "a", "index": 0, "state": "success" }])
    );
    let all = clear(json!({ "tasks": ["a"], "downstream": true, "dry_run": true })).await;
    assert_eq!(all.status.as_u16(), 200);
    let all = all.ok();
    let tasks: Vec<_> = all["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (task["task"].clone(), task["instances"].clone()))
        .collect();
    assert_eq!(
        tasks,
        [
            (json!("a"), json!(1)),
            (json!("b"), json!(3)),
            (json!("c"), json!(1))
        ]
    );
    assert_eq!(all["total"], 5);
    assert_eq!(
        all["instances"][2],
        json!({ "task": "b", "index": 1, "state": "failed" })
    );
    assert_eq!(world.scheduler.woken(), []);
    clear(json!({ "tasks": ["x"], "dry_run": true }))
        .await
        .problem(404, "task_not_found");
}
