//! Assets: their updates, what waits for them, and what runs were created of.

use super::{queue::new_run, turn::instance_row};
use crate::setup::{at, dag_id, lease, trigger_of, turn};
use serde_json::{Value, json};
use std::sync::Arc;
use weft_core::{
    asset::{AssetName, AssetUpdate, UpdateFields},
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    wait::Wait,
};
use weft_store::{
    Awaited, InstanceTag, NewRun, RunKind, RunStore as _, RunUpdate, ShardId, ShardLease, Taken,
    Updated, WaitingDag,
};
use weft_store_sql::{
    Database, Deploy, DeployDag, Deployed, ReportUpdate, ReportedUpdate, RunRetention,
};

const SHARD: ShardId = ShardId(0);

async fn deploy(database: &Database, id: &str, more: Value) -> Deployed {
    let mut dag = json!({ "id": id, "tasks": { "a": { "program": "a.wasm" } } });
    for (key, value) in more.as_object().expect("fields") {
        dag[key] = value.clone();
    }
    let document = json!({ "contract": "weft.dag/1", "dags": [dag] }).to_string();
    let deploy = Deploy {
        tenant: TenantId::default(),
        digest: Digest::of(document.as_bytes()),
        dags: vec![DeployDag {
            id: dag_id(id),
            document: document.into(),
            files: Vec::new(),
        }],
        activate: true,
        paused: false,
        by: "ada".into(),
    };
    database.deploy(&deploy).await.unwrap().remove(0)
}

/// A DAG whose task updates `orders`, and its run.
async fn producer(database: &Database) -> RunId {
    let task = json!({ "program": "a.wasm", "outlets": ["orders"] });
    let dag = deploy(database, "makes", json!({ "tasks": { "a": task } })).await;
    database.trigger(&trigger_of(&dag)).await.unwrap().run()
}

fn name(text: &str) -> AssetName {
    text.parse().unwrap()
}

fn updated(run: RunId, index: u32, nonce: u64, update: &str) -> Updated {
    let fields: UpdateFields<'_> = serde_json::from_str(update).unwrap();
    Updated {
        run,
        instance: Instance {
            task: TaskIndex(0),
            index,
        },
        number: 1,
        nonce,
        update: AssetUpdate::check(fields).unwrap(),
        at: at(nonce.cast_signed()),
    }
}

async fn write(
    (database, lease): (&Database, ShardLease),
    updates: Vec<Updated>,
    new: Vec<NewRun>,
) {
    let mut turn = turn(database, lease).await;
    let rows = updates
        .iter()
        .map(|updated| (updated.run, updated.instance.index));
    turn.instances = rows
        .map(|(run, index)| weft_store::InstanceRow {
            state: InstanceTag::Success,
            ..instance_row(run, 0, index)
        })
        .collect();
    turn.updates = updates;
    turn.new_runs = new;
    database.commit(&turn).await.unwrap();
}

async fn waiting(database: &Database) -> Vec<WaitingDag> {
    database.waiting_dags(SHARD, None, 10).await.unwrap()
}

/// Everything that waits for a DAG.
fn taken(waiting: &WaitingDag) -> Vec<Taken> {
    let assets = waiting.assets.iter();
    assets
        .filter_map(|asset| {
            Some(Taken {
                asset: asset.asset.clone(),
                newest: asset.newest?,
                updates: asset.updates,
            })
        })
        .collect()
}

fn created(dag: &Deployed, id: i64, taken: Vec<Taken>) -> NewRun {
    NewRun {
        kind: RunKind::Assets,
        taken,
        ..new_run(dag, id, 50)
    }
}

pub(crate) async fn an_update_waits_for_each_dag_until_a_run_is_made_of_it(database: &Database) {
    let lease = lease(database).await;
    let scheduler = (database, lease);
    let condition = json!({ "on_assets": ["orders", { "any": ["rates", "prices"] }] });
    let uses = deploy(database, "uses", condition).await;
    let also = deploy(database, "also", json!({ "on_assets": "orders" })).await;
    let run = producer(database).await;
    assert_eq!(waiting(database).await, []);
    let updates = vec![
        updated(
            run,
            0,
            7,
            r#"{"asset":"orders","partition":"1","metadata":{"rows":3}}"#,
        ),
        updated(run, 1, 8, r#"{"asset":"orders"}"#),
    ];
    write(scheduler, updates.clone(), Vec::new()).await;
    let found = waiting(database).await;
    assert_eq!(
        found.iter().map(|dag| dag.dag).collect::<Vec<_>>(),
        [uses.key, also.key]
    );
    let names = found[0].assets.iter().map(|asset| asset.asset.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["orders", "prices", "rates"]);
    let orders = &found[1].assets[0];
    assert_eq!(
        (orders.updates, orders.since, orders.last),
        (2, Some(at(7)), Some(at(8)))
    );
    assert_eq!(found[0].assets[1].newest, None);
    // The same again, as after a commit whose answer was lost and a takeover, makes none.
    write(scheduler, updates, Vec::new()).await;
    assert_eq!(waiting(database).await, found);
    let wanted = taken(&found[1]);
    let details = database.waiting_updates(also.key, &wanted, 10);
    let details = details.await.unwrap();
    assert_eq!(details.len(), 2);
    assert_eq!(
        (
            details[0].partition.as_deref(),
            details[0].metadata.as_deref(),
            details[0].run
        ),
        (Some("1"), Some(r#"{"rows":3}"#), Some(run))
    );
    assert_eq!((&details[1].partition, details[1].at), (&None, at(8)));
    // One that comes between the read and the turn waits on.
    let late = vec![updated(run, 2, 9, r#"{"asset":"orders"}"#)];
    write(scheduler, late, Vec::new()).await;
    let id = RunId::from_i64(900).unwrap();
    write(
        scheduler,
        Vec::new(),
        vec![created(&also, 900, taken(&found[1]))],
    )
    .await;
    let left = waiting(database).await;
    assert_eq!(
        left[1].assets[0].updates, 1,
        "of the other DAG nothing was used"
    );
    assert_eq!(left[0].assets[0].updates, 3);
    let tenant = TenantId::default();
    let of_run = database.updates_taken_by(&tenant, id, 0, 10).await.unwrap();
    assert_eq!(
        of_run.iter().map(|row| row.at).collect::<Vec<_>>(),
        [at(7), at(8)]
    );
    let maker = of_run[0].made_by.as_ref().expect("a task made it");
    assert_eq!(
        (maker.run, maker.dag.as_str(), maker.version_number),
        (run, "makes", 1)
    );
    let made = database.updates_made_by(&tenant, run, 0, 10).await.unwrap();
    let created_runs: Vec<usize> = made.iter().map(|row| row.created.len()).collect();
    assert_eq!(created_runs, [1, 1, 0]);
    assert_eq!(made[0].created[0].1.as_str(), "also");
    write(
        scheduler,
        Vec::new(),
        vec![created(&also, 901, taken(&left[1]))],
    )
    .await;
    let left = waiting(database).await;
    assert_eq!(
        left.iter().map(|dag| dag.dag).collect::<Vec<_>>(),
        [uses.key]
    );
}

pub(crate) async fn what_no_condition_names_any_more_waits_no_longer(database: &Database) {
    let lease = lease(database).await;
    let scheduler = (database, lease);
    let uses = deploy(database, "uses", json!({ "on_assets": "orders" })).await;
    let run = producer(database).await;
    write(
        scheduler,
        vec![updated(run, 0, 7, r#"{"asset":"orders"}"#)],
        Vec::new(),
    )
    .await;
    let tenant = TenantId::default();
    // A DAG that is paused gathers on.
    let paused = database.pause_dag(&tenant, &uses.id, "ada");
    paused.await.unwrap();
    assert_eq!(waiting(database).await, []);
    write(
        scheduler,
        vec![updated(run, 1, 8, r#"{"asset":"orders"}"#)],
        Vec::new(),
    )
    .await;
    database
        .unpause_dag(&tenant, &uses.id, "ada")
        .await
        .unwrap();
    assert_eq!(waiting(database).await[0].assets[0].updates, 2);
    let asset = database
        .asset(&tenant, &name("orders"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(asset.updated, Some(at(8)));
    assert_eq!(asset.producers, [(dag_id("makes"), "a".to_owned())]);
    assert_eq!(asset.consumers, [dag_id("uses")]);
    deploy(database, "uses", json!({ "on_assets": "rates" })).await;
    assert_eq!(waiting(database).await, []);
    let listed = database.assets(&tenant, "", 10).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|asset| &*asset.name).collect();
    assert_eq!(names, ["orders", "rates"]);
    assert_eq!(listed[0].consumers, []);
    database
        .activate_version(&tenant, &uses.id, 1, "ada")
        .await
        .unwrap();
    let asset = database
        .asset(&tenant, &name("orders"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(asset.consumers, [dag_id("uses")]);
    let after = database.assets(&tenant, "orders", 10).await.unwrap();
    assert_eq!(after.len(), 0);
    assert_eq!(database.asset(&tenant, &name("x")).await.unwrap(), None);
}

pub(crate) async fn an_update_is_reported_once_for_each_key(database: &Database) {
    let uses = deploy(database, "uses", json!({ "on_assets": "orders" })).await;
    let report = |key: Option<&str>| ReportUpdate {
        tenant: TenantId::default(),
        update: AssetUpdate::plain(name("orders")),
        by: "ada#1".into(),
        idempotency_key: key.map(str::to_owned),
    };
    let first = database
        .report_asset_update(&report(Some("k")))
        .await
        .unwrap();
    let ReportedUpdate::New(first) = first else {
        panic!("it is new");
    };
    assert_eq!(
        (first.created_by.as_deref(), &first.made_by),
        (Some("ada#1"), &None)
    );
    let again = database
        .report_asset_update(&report(Some("k")))
        .await
        .unwrap();
    assert_eq!(again, ReportedUpdate::Before(first));
    for _ in 0..2 {
        let another = database.report_asset_update(&report(None)).await.unwrap();
        assert!(matches!(another, ReportedUpdate::New(_)), "{another:?}");
    }
    let found = waiting(database).await;
    assert_eq!((found[0].dag, found[0].assets[0].updates), (uses.key, 3));
    let tenant = TenantId::default();
    let orders = name("orders");
    let page = database.asset_updates(&tenant, &orders, None, 2);
    let page = page.await.unwrap();
    let rest = database.asset_updates(&tenant, &orders, Some(page[1].id), 2);
    assert_eq!((page.len(), rest.await.unwrap().len()), (2, 1));
}

pub(crate) async fn updates_go_with_the_run_that_made_them(database: &Database) {
    let lease = lease(database).await;
    let scheduler = (database, lease);
    let uses = deploy(database, "uses", json!({ "on_assets": "orders" })).await;
    let run = producer(database).await;
    write(
        scheduler,
        vec![updated(run, 0, 7, r#"{"asset":"orders"}"#)],
        Vec::new(),
    )
    .await;
    let found = waiting(database).await;
    write(
        scheduler,
        Vec::new(),
        vec![created(&uses, 900, taken(&found[0]))],
    )
    .await;
    let mut turn = turn(database, lease).await;
    turn.runs = vec![RunUpdate {
        id: run,
        state: RunState::Success,
        started: Some(at(1)),
        ended: Some(at(9)),
        counts: Counts::default(),
    }];
    database.commit(&turn).await.unwrap();
    let retention = RunRetention {
        before: weft_core::time::Timestamp(i64::MAX / 2),
        keep_last: 0,
    };
    let step = database
        .delete_runs_before(retention, None, 10)
        .await
        .unwrap();
    assert_eq!(step.deleted, [run]);
    let tenant = TenantId::default();
    let left = database
        .asset_updates(&tenant, &name("orders"), None, 10)
        .await
        .unwrap();
    assert_eq!(left.len(), 0);
    let asset = database
        .asset(&tenant, &name("orders"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        asset.updated,
        Some(at(7)),
        "when it was updated last stays known"
    );
}

pub(crate) async fn what_a_task_waits_for_is_the_last_update_that_counts(database: &Database) {
    let lease = lease(database).await;
    let scheduler = (database, lease);
    let run = producer(database).await;
    let (tenant, other) = (TenantId::default(), "other".parse::<TenantId>().unwrap());
    let changes = async || {
        let named = [("orders", &tenant), ("rates", &tenant), ("orders", &other)];
        let named = named.map(|(asset, tenant)| (tenant.clone(), name(asset)));
        database.asset_changes(&named).await.unwrap()
    };
    assert_eq!(changes().await, [0, 0, 0]);
    let updates = vec![
        updated(
            run,
            0,
            7,
            r#"{"asset":"orders","partition":"north","metadata":{"rows":3}}"#,
        ),
        updated(run, 1, 8, r#"{"asset":"orders","partition":"south"}"#),
        updated(run, 2, 9, r#"{"asset":"orders"}"#),
    ];
    write(scheduler, updates.clone(), Vec::new()).await;
    let first = changes().await;
    assert!(first[0] > 0 && first[1..] == [0, 0], "{first:?}");
    // The same again is no change.
    write(scheduler, updates, Vec::new()).await;
    assert_eq!(changes().await, first);
    let wait = |asset: &str, partition: Option<&str>, since: i64| Wait::Asset {
        asset: name(asset),
        partition: partition.map(Arc::from),
        since: at(since),
    };
    let cases = [
        (&tenant, wait("orders", None, 9), Some((None, 9))),
        (&tenant, wait("orders", None, 10), None),
        (
            &tenant,
            wait("orders", Some("north"), 1),
            Some((Some("north"), 7)),
        ),
        (&tenant, wait("orders", Some("north"), 8), None),
        (&tenant, wait("orders", Some("west"), 1), None),
        (&tenant, wait("rates", None, 1), None),
        (&other, wait("orders", None, 1), None),
    ];
    let waits = cases.iter();
    let waits: Vec<(TenantId, Wait)> = waits
        .map(|(tenant, wait, _)| ((*tenant).clone(), wait.clone()))
        .collect();
    let found = database.awaited(&waits).await.unwrap();
    for ((_, wait, expected), found) in cases.iter().zip(&found) {
        match (expected, found) {
            (None, Awaited::NoUpdate) => {}
            (Some((partition, time)), Awaited::Update(update)) => {
                assert_eq!(
                    (update.partition.as_deref(), update.at),
                    (*partition, at(*time))
                );
                assert_eq!(update.run, Some(run));
                let rows = partition.map(|_| r#"{"rows":3}"#);
                assert_eq!(update.metadata.as_deref(), rows, "{wait}");
            }
            (expected, found) => panic!("{wait}: {found:?} instead of {expected:?}"),
        }
    }
    // One from outside counts as well.
    let report = ReportUpdate {
        tenant: tenant.clone(),
        update: AssetUpdate::plain(name("orders")),
        by: "ada#1".into(),
        idempotency_key: None,
    };
    database.report_asset_update(&report).await.unwrap();
    assert!(changes().await[0] > first[0]);
    let waits = [(tenant.clone(), wait("orders", None, 10))];
    let found = database.awaited(&waits).await.unwrap();
    let [Awaited::Update(update)] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((&update.run, &update.partition), (&None, &None));
}
