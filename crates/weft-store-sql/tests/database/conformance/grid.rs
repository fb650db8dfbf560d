//! Narrow rows of many runs at once.

use super::{queue::new_run, turn::instance_row};
use crate::setup::{at, dag_id, lease, one_dag, trigger_of, turn};
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
};
use weft_store::{AttemptRecord, InstanceRow, InstanceTag, RunStore as _, RunUpdate, TaskSummary};
use weft_store_sql::{Database, MAX_LATEST_BRIEF_RUNS};

fn in_state(run: RunId, task: u32, index: u32, state: InstanceTag) -> InstanceRow {
    InstanceRow {
        state,
        ..instance_row(run, task, index)
    }
}

fn ended(run: RunId, state: RunState, ended: i64) -> RunUpdate {
    RunUpdate {
        id: run,
        state,
        started: Some(at(1)),
        ended: Some(at(ended)),
        counts: Counts {
            success: 3,
            ..Counts::default()
        },
    }
}

pub(crate) async fn brief_runs_are_paged_newest_first(database: &Database) {
    let dag = one_dag(database, "x").await;
    let other = one_dag(database, "y").await;
    let mut turn = turn(database, lease(database).await).await;
    turn.new_runs = (1..=20).map(|id| new_run(&dag, id, id * 10)).collect();
    turn.new_runs.push(new_run(&other, 21, 7));
    database.commit(&turn).await.unwrap();
    let tenant = TenantId::default();
    let list = async |dag: &str, before: Option<i64>, limit| -> Vec<i64> {
        let before = before.map(|id| RunId::from_i64(id).unwrap());
        let dag = dag_id(dag);
        let rows = database.list_brief_runs(&tenant, &dag, before, limit);
        let rows = rows.await.unwrap();
        rows.into_iter()
            .map(|row| row.unwrap().id.as_i64())
            .collect()
    };
    assert_eq!(list("x", None, 3).await, [20, 19, 18]);
    assert_eq!(list("x", Some(3), 9).await, [2, 1]);
    assert_eq!(list("y", None, 9).await, [21]);
    assert_eq!(list("z", None, 9).await, [0; 0]);
    let both = [dag.key, other.key];
    let latest = database.latest_brief_runs(&tenant, &both, 4);
    let latest = latest.await.unwrap();
    let ids = |key| -> Vec<i64> {
        let runs = latest.get(&key).into_iter().flatten();
        runs.map(|run| run.id.as_i64()).collect()
    };
    assert_eq!(ids(dag.key), [20, 19, 18, 17]);
    assert_eq!(ids(other.key), [21]);
    let all = database.latest_brief_runs(&tenant, &both[..1], u32::MAX);
    assert_eq!(
        all.await.unwrap()[&dag.key].len(),
        MAX_LATEST_BRIEF_RUNS as usize
    );
    let another: TenantId = "other".parse().unwrap();
    let none = database.latest_brief_runs(&another, &both, 4);
    assert!(none.await.unwrap().is_empty());
}

pub(crate) async fn states_of_many_runs_are_read_at_once(database: &Database) {
    let dag = one_dag(database, "x").await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(database.trigger(&trigger_of(&dag)).await.unwrap().run());
    }
    let mut turn = turn(database, lease(database).await).await;
    for run in &runs[..2] {
        turn.instances.extend([
            instance_row(*run, 0, 0),
            in_state(*run, 1, 0, InstanceTag::Failed),
            in_state(*run, 2, 0, InstanceTag::Skipped),
            in_state(*run, 2, 1, InstanceTag::Failed),
            instance_row(*run, 2, 2),
        ]);
        turn.tasks.push(TaskSummary {
            run: *run,
            task: TaskIndex(2),
            instances: 4,
            counts: Counts::default(),
        });
    }
    database.commit(&turn).await.unwrap();
    let mut states = database.list_states_but_success(&runs).await.unwrap();
    states.sort_by_key(|(run, task, _)| (*run, task.0));
    let failed = InstanceTag::Failed;
    let skipped = InstanceTag::Skipped;
    let mut first = runs[..2].to_vec();
    first.sort();
    let wanted: Vec<_> = first
        .iter()
        .flat_map(|run| [(*run, TaskIndex(1), failed), (*run, TaskIndex(2), skipped)])
        .collect();
    assert_eq!(states, wanted);
    let summaries = database.list_summaries_of_runs(&runs).await.unwrap();
    assert_eq!(summaries.len(), 2);
    assert!(
        summaries
            .iter()
            .all(|row| row.instances == 4 && row.task.0 == 2)
    );

    let ranges = [(runs[0], 0..1), (runs[0], 2..9), (runs[2], 0..9)];
    let single = database.list_single_instances(&ranges);
    let mut single = single.await.unwrap();
    single.sort_by_key(|row| row.task.0);
    let seen: Vec<_> = single.iter().map(|row| (row.task.0, row.state)).collect();
    assert_eq!(seen, [(0, InstanceTag::Success), (2, skipped)]);
    assert_eq!(
        (single[0].queued, single[0].started, single[0].ended),
        (Some(at(10)), Some(at(11)), Some(at(12)))
    );

    let mapped = async |indexes, but_success| {
        let key = (runs[0], TaskIndex(2));
        database
            .list_states_of_mapped_task(key, indexes, but_success)
            .await
            .unwrap()
    };
    assert_eq!(mapped(0..9, true).await, [(0, skipped), (1, failed)]);
    assert_eq!(
        mapped(1..3, false).await,
        [(1, failed), (2, InstanceTag::Success)]
    );
}

pub(crate) async fn a_timeline_holds_each_attempt_once(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let mut turn = turn(database, lease(database).await).await;
    let record = |task, index, number| AttemptRecord {
        run,
        instance: Instance {
            task: TaskIndex(task),
            index,
        },
        number,
        end: "failed",
        queued: Some(at(1)),
        started: Some(at(2)),
        ended: at(3),
        worker: None,
        error: None,
        usage: None,
        log: None,
    };
    turn.attempts = vec![
        record(0, 0, 1),
        record(1, 0, 1),
        record(1, 0, 2),
        record(4, 0, 1),
    ];
    turn.instances = vec![
        InstanceRow {
            number: 2,
            ..instance_row(run, 0, 0)
        },
        // Its retry is to come.
        InstanceRow {
            number: 2,
            ..in_state(run, 1, 0, InstanceTag::UpForRetry)
        },
        // It never ran.
        InstanceRow {
            number: 0,
            ..in_state(run, 2, 0, InstanceTag::Skipped)
        },
        instance_row(run, 3, 0),
        instance_row(run, 3, 1),
    ];
    database.commit(&turn).await.unwrap();
    let tenant = TenantId::default();
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let page = database
            .list_timeline(&tenant, run, after, 2)
            .await
            .unwrap();
        seen.extend(page.attempts.iter().map(|row| {
            let key = (row.instance.task.0, row.instance.index, row.number);
            (key, row.state.to_string())
        }));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let wanted = [
        ((0, 0, 1), "failed"),
        ((0, 0, 2), "success"),
        ((1, 0, 1), "failed"),
        ((1, 0, 2), "failed"),
        ((3, 0, 1), "success"),
        ((3, 1, 1), "success"),
        // A cleared instance has no row until it runs again.
        ((4, 0, 1), "failed"),
    ];
    let wanted: Vec<_> = wanted.map(|(key, state)| (key, state.to_owned())).into();
    assert_eq!(seen, wanted);
    let other: TenantId = "other".parse().unwrap();
    let nothing = database.list_timeline(&other, run, None, 9).await.unwrap();
    assert!(nothing.attempts.is_empty() && nothing.next.is_none());
}

pub(crate) async fn an_overview_counts_what_is_late_failing_and_failed(database: &Database) {
    let tenant = TenantId::default();
    let bad = one_dag(database, "bad").await;
    let good = one_dag(database, "good").await;
    let never = one_dag(database, "never").await;
    let lease = lease(database).await;
    let mut first = turn(database, lease).await;
    let hour = RunId::new(at(3 * 3_600_000), 0).as_i64();
    first.new_runs = [
        (&bad, 1),
        (&bad, 2),
        (&good, 3),
        (&good, 4),
        (&never, 5),
        (&never, 6),
    ]
    .map(|(dag, id)| new_run(dag, hour + id, id * 10))
    .into();
    first.new_runs[4].not_before = at(50);
    first.new_runs[5].not_before = at(200);
    database.commit(&first).await.unwrap();
    let id = |number: i64| RunId::from_i64(hour + number).unwrap();
    let mut second = turn(database, lease).await;
    second.runs = vec![
        ended(id(1), RunState::Success, 100),
        ended(id(2), RunState::Failed, 300),
        ended(id(3), RunState::Failed, 100),
        ended(id(4), RunState::Success, 300),
    ];
    database.commit(&second).await.unwrap();
    let actor = weft_store_sql::Precondition {
        actor: "ada",
        expected: None,
    };
    database.pause_dag(&tenant, &never.id, actor).await.unwrap();
    let overview = database
        .tenant_overview(&tenant, at(200), at(100))
        .await
        .unwrap();
    assert_eq!((overview.late, overview.failed), (1, 1));
    assert_eq!(
        (overview.dags, overview.paused, overview.failing),
        (3, 1, 1)
    );
    let all = database
        .tenant_overview(&tenant, at(0), at(1_000))
        .await
        .unwrap();
    assert_eq!((all.late, all.failed), (2, 2));
    let by_hour = database.count_runs_by_hour(&tenant, RunState::Failed, at(0));
    assert_eq!(by_hour.await.unwrap(), [(3, 2)]);
    let later = database.count_runs_by_hour(&tenant, RunState::Failed, at(4 * 3_600_000));
    assert_eq!(later.await.unwrap(), []);
    let other: TenantId = "other".parse().unwrap();
    let none = database
        .tenant_overview(&other, at(0), at(1_000))
        .await
        .unwrap();
    assert_eq!(none, weft_store_sql::TenantOverview::default());
}
