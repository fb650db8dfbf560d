//! What tasks need to know of the run before theirs.

use super::{queue::new_run, turn::instance_row};
use crate::setup::{at, lease, one_dag, turn};
use weft_core::{
    document::TaskIndex,
    run::{Counts, RunState},
    run_id::RunId,
    wait::TaskEnd,
};
use weft_store::{
    DagKey, InstanceRow, InstanceTag, NewRun, RunBefore, RunKind, RunStore as _, RunUpdate,
    TaskSummary,
};
use weft_store_sql::Database;

fn id(number: i64) -> RunId {
    RunId::from_i64(number).unwrap()
}

fn running(id: RunId) -> RunUpdate {
    RunUpdate {
        id,
        state: RunState::Running,
        started: Some(at(5)),
        ended: None,
        counts: Counts::default(),
    }
}

pub(crate) async fn the_run_before_is_the_dated_one_of_the_latest_earlier_date(
    database: &Database,
) {
    let dag = one_dag(database, "x").await;
    let other = one_dag(database, "y").await;
    let mut turn = turn(database, lease(database).await).await;
    turn.new_runs = vec![
        new_run(&dag, 1, 100),
        NewRun {
            kind: RunKind::Backfill,
            ..new_run(&dag, 2, 200)
        },
        NewRun {
            kind: RunKind::Manual,
            ..new_run(&dag, 3, 300)
        },
        new_run(&other, 4, 250),
        // It is queued.
        new_run(&dag, 5, 350),
    ];
    turn.runs = (1..5).map(|number| running(id(number))).collect();
    database.commit(&turn).await.unwrap();
    let before = |run| {
        Some(RunBefore {
            run: id(run),
            version: dag.version,
            state: RunState::Running,
        })
    };
    let dates = [
        (dag.key, at(400)),
        (dag.key, at(200)),
        (dag.key, at(100)),
        (DagKey(77), at(400)),
        (dag.key, at(201)),
    ];
    let found = database.runs_before(&dates).await.unwrap();
    assert_eq!(found, [before(2), before(1), None, None, before(2)]);
    assert_eq!(database.runs_before(&[]).await.unwrap(), []);
}

pub(crate) async fn ends_of_tasks_are_found_with_and_without_rows_of_their_instances(
    database: &Database,
) {
    let dag = one_dag(database, "x").await;
    let mut turn = turn(database, lease(database).await).await;
    turn.new_runs = vec![new_run(&dag, 1, 100), new_run(&dag, 2, 200)];
    let row = |task, index, state| InstanceRow {
        state,
        ..instance_row(id(1), task, index)
    };
    turn.instances = vec![
        row(0, 0, InstanceTag::Success),
        row(1, 0, InstanceTag::Skipped),
        row(2, 0, InstanceTag::Failed),
        row(3, 0, InstanceTag::Success),
        row(3, 1, InstanceTag::UpstreamFailed),
        row(4, 0, InstanceTag::Cancelled),
        row(5, 0, InstanceTag::Success),
        row(6, 0, InstanceTag::Success),
    ];
    let summary = |task, counts| TaskSummary {
        run: id(1),
        task: TaskIndex(task),
        instances: 2,
        counts,
    };
    turn.tasks = vec![
        summary(
            5,
            Counts {
                success: 1,
                cancelled: 1,
                ..Counts::default()
            },
        ),
        summary(
            6,
            Counts {
                success: 1,
                skipped: 1,
                ..Counts::default()
            },
        ),
    ];
    database.commit(&turn).await.unwrap();
    let asked: Vec<_> = (0..8).map(|task| (id(1), TaskIndex(task))).collect();
    let mut ends = database.task_ends(&asked).await.unwrap();
    ends.sort_by_key(|(_, task, _)| *task);
    let of_run = |(task, end)| (id(1), TaskIndex(task), end);
    let expected = [
        (0, TaskEnd::Success),
        (1, TaskEnd::Skipped),
        (2, TaskEnd::Failed),
        (3, TaskEnd::Failed),
        (4, TaskEnd::Cancelled),
        (5, TaskEnd::Cancelled),
        (6, TaskEnd::Success),
    ];
    assert_eq!(ends, expected.map(of_run), "task 7 is not there");
    let of_other = [(id(2), TaskIndex(2))];
    assert_eq!(database.task_ends(&of_other).await.unwrap(), []);
}
