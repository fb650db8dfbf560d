//! Task instances, attempts, events, as people see them.

use super::turn::instance_row;
use crate::setup::{at, lease, one_dag, trigger_of, turn};
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance},
    run_id::RunId,
};
use weft_store::{
    AttemptRecord, ClearedTask, EventChunk, InstanceRow, InstanceTag, Output, RunStore as _,
    TaskSummary,
};
use weft_store_sql::{Database, InstanceFilter};

fn all(run: RunId) -> InstanceFilter {
    InstanceFilter {
        tenant: TenantId::default(),
        run,
        task: None,
        state: None,
        after: None,
    }
}

const fn instance(task: u32, index: u32) -> Instance {
    Instance {
        task: TaskIndex(task),
        index,
    }
}

async fn run_with_instances(database: &Database) -> RunId {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let mut turn = turn(database, lease(database).await).await;
    turn.instances = vec![
        InstanceRow {
            state: InstanceTag::Failed,
            ..instance_row(run, 2, 1)
        },
        instance_row(run, 2, 0),
        InstanceRow {
            state: InstanceTag::Failed,
            ..instance_row(run, 0, 0)
        },
        instance_row(run, 2, 2),
    ];
    turn.events = (0..3)
        .map(|seq| EventChunk {
            run,
            seq,
            at: at(seq),
            body: format!("chunk {seq}"),
        })
        .collect();
    database.commit(&turn).await.unwrap();
    run
}

pub(crate) async fn lists_go_by_task_index_and_state(database: &Database) {
    let run = run_with_instances(database).await;
    let list = async |filter: InstanceFilter, limit| -> Vec<(u32, u32)> {
        let rows = database.list_instances(&filter, limit).await.unwrap();
        rows.iter()
            .map(|row| (row.instance.task.0, row.instance.index))
            .collect()
    };
    assert_eq!(list(all(run), 9).await, [(0, 0), (2, 0), (2, 1), (2, 2)]);
    assert_eq!(list(all(run), 1).await, [(0, 0)]);
    let after = InstanceFilter {
        after: Some(instance(2, 0)),
        ..all(run)
    };
    assert_eq!(list(after, 9).await, [(2, 1), (2, 2)]);
    let of_task = InstanceFilter {
        task: Some(TaskIndex(2)),
        ..all(run)
    };
    assert_eq!(list(of_task.clone(), 2).await, [(2, 0), (2, 1)]);
    for (after, expected) in [
        (instance(2, 1), vec![(2, 2)]),
        (instance(0, 7), vec![(2, 0), (2, 1), (2, 2)]),
        (instance(3, 0), vec![]),
    ] {
        let page = InstanceFilter {
            after: Some(after),
            ..of_task.clone()
        };
        assert_eq!(list(page, 9).await, expected, "{after:?}");
    }
    let failed = InstanceFilter {
        state: Some(InstanceTag::Failed),
        ..all(run)
    };
    assert_eq!(list(failed.clone(), 9).await, [(0, 0), (2, 1)]);
    let after = InstanceFilter {
        after: Some(instance(0, 0)),
        ..failed
    };
    assert_eq!(list(after, 9).await, [(2, 1)]);
    let good = InstanceFilter {
        state: Some(InstanceTag::Success),
        ..all(run)
    };
    assert_eq!(list(good, 9).await, [(2, 0), (2, 2)]);
    let good_of_task = InstanceFilter {
        state: Some(InstanceTag::Success),
        ..of_task.clone()
    };
    assert_eq!(list(good_of_task, 9).await, [(2, 0), (2, 2)]);
    let failed_of_task = InstanceFilter {
        state: Some(InstanceTag::Failed),
        ..of_task
    };
    assert_eq!(list(failed_of_task, 9).await, [(2, 1)]);
}

pub(crate) async fn another_tenant_sees_nothing(database: &Database) {
    let run = run_with_instances(database).await;
    let (own, foreign) = (TenantId::default(), "unknown".parse::<TenantId>().unwrap());
    let filter = InstanceFilter {
        tenant: foreign.clone(),
        ..all(run)
    };
    assert_eq!(database.list_instances(&filter, 9).await.unwrap(), []);
    assert_eq!(
        database
            .show_instance(&foreign, run, instance(2, 0), 9)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        database
            .show_output(&foreign, run, instance(2, 0))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        database.list_events(&foreign, run, None, 9).await.unwrap(),
        []
    );
    assert_eq!(
        database.list_task_summaries(&foreign, run).await.unwrap(),
        []
    );
    let output = database
        .show_output(&own, run, instance(2, 0))
        .await
        .unwrap();
    assert_eq!(output, Some(Output::Inline("{\"a\":1}".into())));
    let events = database.list_events(&own, run, Some(0), 1).await.unwrap();
    assert_eq!(
        events,
        [EventChunk {
            run,
            seq: 1,
            at: at(1),
            body: "chunk 1".into()
        }]
    );
}

pub(crate) async fn a_task_is_cleared_in_portions(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = lease(database).await;
    let mut first = turn(database, lease).await;
    first.instances = (0..4).map(|index| instance_row(run, 1, index)).collect();
    first.tasks.push(TaskSummary {
        run,
        task: TaskIndex(1),
        instances: 4,
        counts: Counts::default(),
    });
    database.commit(&first).await.unwrap();
    for (below, left, has_counts) in [(Some(2), 2, true), (Some(3), 1, true), (None, 0, false)] {
        let mut portion = turn(database, lease).await;
        portion.cleared.push(ClearedTask {
            run,
            task: TaskIndex(1),
            from: 0,
            below,
        });
        database.commit(&portion).await.unwrap();
        let rows = database.list_instances(&all(run), 9).await.unwrap();
        assert_eq!(rows.len(), left);
        let counts = database
            .list_task_summaries(&TenantId::default(), run)
            .await
            .unwrap();
        assert_eq!(!counts.is_empty(), has_counts);
    }
}

pub(crate) async fn instances_of_a_task_are_cleared_by_themselves(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = lease(database).await;
    let mut first = turn(database, lease).await;
    first.instances = (0..6).map(|index| instance_row(run, 1, index)).collect();
    first.tasks.push(TaskSummary {
        run,
        task: TaskIndex(1),
        instances: 6,
        counts: Counts::default(),
    });
    database.commit(&first).await.unwrap();
    let mut second = turn(database, lease).await;
    second.cleared = [(1, 2), (3, 5)]
        .map(|(from, below)| ClearedTask {
            run,
            task: TaskIndex(1),
            from,
            below: Some(below),
        })
        .to_vec();
    database.commit(&second).await.unwrap();
    let rows = database.list_instances(&all(run), 9).await.unwrap();
    let indexes: Vec<u32> = rows.iter().map(|row| row.instance.index).collect();
    assert_eq!(indexes, [0, 2, 5]);
    let tenant = TenantId::default();
    assert!(
        !database
            .list_task_summaries(&tenant, run)
            .await
            .unwrap()
            .is_empty(),
        "the others are counted on"
    );
}

pub(crate) async fn a_cleared_task_leaves_its_attempts(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = lease(database).await;
    let mut first = turn(database, lease).await;
    first.instances = vec![
        InstanceRow {
            number: 2,
            state: InstanceTag::Failed,
            ..instance_row(run, 1, 0)
        },
        InstanceRow {
            number: 0,
            state: InstanceTag::UpstreamFailed,
            ..instance_row(run, 1, 1)
        },
        instance_row(run, 2, 0),
    ];
    first.attempts.push(AttemptRecord {
        run,
        instance: instance(1, 0),
        number: 1,
        end: "lost",
        queued: None,
        started: None,
        ended: at(2),
        worker: None,
        error: None,
        usage: None,
        log: None,
    });
    database.commit(&first).await.unwrap();
    let mut second = turn(database, lease).await;
    second.cleared.push(ClearedTask {
        run,
        task: TaskIndex(1),
        from: 0,
        below: None,
    });
    second.instances.push(InstanceRow {
        number: 3,
        state: InstanceTag::Queued,
        output: None,
        ..instance_row(run, 1, 0)
    });
    database.commit(&second).await.unwrap();
    let tenant = TenantId::default();
    let (view, attempts) = database
        .show_instance(&tenant, run, instance(1, 0), 9)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (view.number, view.state, view.output),
        (3, InstanceTag::Queued, None)
    );
    let ends: Vec<(u32, &str)> = attempts
        .iter()
        .map(|attempt| (attempt.number, &*attempt.end))
        .collect();
    assert_eq!(ends, [(1, "lost"), (2, "failed")]);
    assert_eq!(attempts[1].log.as_deref(), Some("log/1"));
    let newest = database
        .show_instance(&tenant, run, instance(1, 0), 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(newest.1[0].number, 2);
    assert_eq!(
        database
            .show_instance(&tenant, run, instance(1, 1), 9)
            .await
            .unwrap(),
        None
    );
    assert!(
        database
            .show_instance(&tenant, run, instance(2, 0), 9)
            .await
            .unwrap()
            .is_some()
    );
}
