//! The deaths of workers that count against a task.

use crate::setup::{at, dag_id, one_dag, trigger_of};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::Instance,
    run_id::RunId,
    suspicion::{Blamed, Crash},
};
use weft_store::{CrashUpdate, RunStore as _, ShardId};
use weft_store_sql::{Database, Deployed};

const SHARD: ShardId = ShardId(0);

fn blamed(dag: &Deployed, task: &str) -> Blamed {
    Blamed {
        dag: dag.key.0,
        digest: Digest::of(b"file"),
        task: task.parse().unwrap(),
    }
}

fn crash(run: RunId, number: u32) -> Crash {
    Crash {
        run,
        instance: Instance {
            task: TaskIndex(3),
            index: 2,
        },
        number,
        worker: Arc::from("one"),
        at: at(i64::from(number)),
        absolved: false,
    }
}

async fn run_of(database: &Database, dag: &Deployed) -> RunId {
    database.trigger(&trigger_of(dag)).await.unwrap().run()
}

pub(crate) async fn crashes_are_recorded_once_absolved_and_cleared(database: &Database) {
    let dag = one_dag(database, "d").await;
    let run = run_of(database, &dag).await;
    let (bad, other) = (blamed(&dag, "bad"), blamed(&dag, "other"));
    let news = [
        CrashUpdate::Counted(bad.clone(), crash(run, 1)),
        CrashUpdate::Counted(other.clone(), crash(run, 2)),
    ];
    for _again in 0..2 {
        database.record_crashes(&news).await.unwrap();
    }
    let kept = [(bad.clone(), crash(run, 1)), (other.clone(), crash(run, 2))];
    assert_eq!(database.crashes(SHARD).await.unwrap().readable, kept);
    assert_eq!(database.crashes(ShardId(7)).await.unwrap().readable, []);
    // What is absolved matters while its run goes on; this one waits.
    let absolved = [CrashUpdate::Absolved(bad.clone())];
    database.record_crashes(&absolved).await.unwrap();
    assert_eq!(database.crashes(SHARD).await.unwrap().readable, kept[1..]);
    let cleared = [CrashUpdate::Cleared {
        run,
        task: TaskIndex(3),
    }];
    database.record_crashes(&cleared).await.unwrap();
    assert_eq!(database.crashes(SHARD).await.unwrap().readable, kept[1..]);
    // It was forgotten, so it can be counted anew.
    database.record_crashes(&news).await.unwrap();
    assert_eq!(database.crashes(SHARD).await.unwrap().readable, kept);
}

pub(crate) async fn lifting_a_quarantine_raises_the_settings_version(database: &Database) {
    let (dag, other) = (one_dag(database, "d").await, one_dag(database, "e").await);
    let (run, run_of_other) = (run_of(database, &dag).await, run_of(database, &other).await);
    let news: Vec<CrashUpdate> = (1..=3)
        .map(|number| CrashUpdate::Counted(blamed(&dag, "bad"), crash(run, number)))
        .chain([CrashUpdate::Counted(
            blamed(&other, "bad"),
            crash(run_of_other, 1),
        )])
        .collect();
    database.record_crashes(&news).await.unwrap();
    let (tenant, id) = (TenantId::default(), dag_id("d"));
    let shown = database.crashes_of_dag(&tenant, &id).await.unwrap();
    assert_eq!(shown.len(), 3);
    let version = database.shard_state(SHARD).await.unwrap().settings;
    assert!(database.lift_quarantine(&tenant, &id, "ada").await.unwrap());
    assert!(database.shard_state(SHARD).await.unwrap().settings > version);
    assert_eq!(database.crashes_of_dag(&tenant, &id).await.unwrap(), []);
    assert_eq!(database.crashes(SHARD).await.unwrap().readable.len(), 1);
    let version = database.shard_state(SHARD).await.unwrap().settings;
    assert!(database.lift_quarantine(&tenant, &id, "ada").await.unwrap());
    assert_eq!(
        database.shard_state(SHARD).await.unwrap().settings,
        version,
        "there was nothing"
    );
    let unknown = dag_id("unknown");
    assert!(
        !database
            .lift_quarantine(&tenant, &unknown, "ada")
            .await
            .unwrap()
    );
}
