//! Updates of assets: they create the runs of the DAGs that wait for them, once, through pauses and crashes, and wake the tasks
//! that wait for them.

use crate::harness::{Installation, failure, success};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use weft_broker::{Dispatch, ReportedOutcome};
use weft_core::{
    asset::{AssetUpdate, UpdateFields},
    id::TenantId,
    run::{RunState, Selection},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};
use weft_scheduler::Wake;
use weft_store::{CommandKind, Output, RunKind};
use weft_store_sql::{AssetUpdateRow, Deployed, ReportUpdate};

fn producer(id: &str, asset: &str) -> Value {
    json!({ "id": id, "tasks": { "make": { "outlets": [asset] } } })
}

fn consumer(condition: &Value) -> Value {
    json!({
        "id": "uses",
        "on_assets": condition,
        "params": { "assets": { "default": {} } },
        "tasks": { "use": {} },
    })
}

fn works(_dispatch: &Dispatch) -> Option<ReportedOutcome> {
    success("1")
}

/// The runs of the consumer, the oldest first.
async fn runs(installation: &Installation, asset: &str) -> Vec<RunId> {
    let tenant = TenantId::default();
    let name = asset.parse().expect("a name");
    let updates = installation
        .database
        .asset_updates(&tenant, &name, None, 100);
    let updates = updates.await.expect("the database answers");
    let created = updates.iter().flat_map(|update| &update.created);
    let mut runs: Vec<RunId> = created.map(|(run, _)| *run).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// Waits for so many runs that updates of the asset created.
async fn created(installation: &Installation, asset: &str, count: usize) -> Vec<RunId> {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let found = async {
        loop {
            let found = runs(installation, asset).await;
            if found.len() >= count {
                return found;
            }
            ticks.tick().await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(30), found).await;
    found.expect("they are created")
}

async fn report(installation: &Installation, asset: &str) {
    let report = ReportUpdate {
        tenant: TenantId::default(),
        update: AssetUpdate::plain(asset.parse().expect("a name")),
        by: "test".into(),
        idempotency_key: None,
    };
    let reported = installation.database.report_asset_update(&report).await;
    reported.expect("the database answers");
    installation.handle().wake(Wake::Command);
}

async fn taken_by(installation: &Installation, run: RunId) -> Vec<AssetUpdateRow> {
    let tenant = TenantId::default();
    let taken = installation.database.updates_taken_by(&tenant, run, 0, 100);
    taken.await.expect("the database answers")
}

async fn produce(installation: &Installation, deployed: &Deployed) -> RunId {
    let run = installation.trigger(deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    run
}

/// Returns once every condition was evaluated after all that was written before: a turn with an update has
/// them evaluated before anything of the next run is dispatched.
async fn evaluate_conditions(installation: &Installation) {
    let other = installation.deploy(&producer("other", "other")).await;
    for _ in 0..2 {
        produce(installation, &other).await;
    }
}

#[tokio::test]
async fn a_success_creates_a_run_that_knows_what_it_is_made_of() {
    let installation = Installation::running(2, works).await;
    installation
        .deploy(&consumer(&json!("s3://lake/orders")))
        .await;
    let makes = installation
        .deploy(&producer("makes", "s3://lake/orders"))
        .await;
    let run = produce(&installation, &makes).await;
    let made = created(&installation, "s3://lake/orders", 1).await;
    assert_eq!(installation.ended(made[0]).await, RunState::Success);
    let row = installation.show(made[0]).await;
    assert_eq!(row.kind, RunKind::Assets);
    let params: Value = serde_json::from_str(&row.params).expect("JSON");
    let update = &params["assets"]["s3://lake/orders"][0];
    assert_eq!(update["run"], json!(run.to_string()));
    let taken = taken_by(&installation, made[0]).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].made_by.as_ref().map(|made| made.run), Some(run));
    // The consumer's own success updates nothing, and no further run comes.
    evaluate_conditions(&installation).await;
    assert_eq!(runs(&installation, "s3://lake/orders").await, made);
}

#[tokio::test]
async fn a_run_waits_for_all_assets_of_its_condition() {
    let installation = Installation::running(2, works).await;
    let condition = json!(["orders", { "any": ["rates", "prices"] }]);
    installation.deploy(&consumer(&condition)).await;
    let makes = installation.deploy(&producer("makes", "orders")).await;
    for _ in 0..2 {
        produce(&installation, &makes).await;
    }
    assert_eq!(runs(&installation, "orders").await, []);
    report(&installation, "prices").await;
    let made = created(&installation, "orders", 1).await;
    assert_eq!(taken_by(&installation, made[0]).await.len(), 3);
    // All of them were used: both are waited for again.
    report(&installation, "prices").await;
    report(&installation, "rates").await;
    evaluate_conditions(&installation).await;
    assert_eq!(runs(&installation, "prices").await, made);
    produce(&installation, &makes).await;
    assert_eq!(created(&installation, "orders", 2).await.len(), 2);
}

#[tokio::test]
async fn a_paused_dag_gathers_updates_for_one_run() {
    let installation = Installation::running(2, works).await;
    let uses = installation.deploy(&consumer(&json!("orders"))).await;
    installation.set_paused(&uses, true).await;
    for _ in 0..3 {
        report(&installation, "orders").await;
    }
    evaluate_conditions(&installation).await;
    assert_eq!(runs(&installation, "orders").await, []);
    installation.set_paused(&uses, false).await;
    let made = created(&installation, "orders", 1).await;
    assert_eq!(taken_by(&installation, made[0]).await.len(), 3);
}

#[tokio::test]
async fn an_update_creates_one_run_through_crashes() {
    let mut installation = Installation::running(1, works).await;
    let makes = installation.deploy(&producer("makes", "orders")).await;
    installation.deploy(&consumer(&json!("orders"))).await;
    produce(&installation, &makes).await;
    for crash in 1..=3 {
        // Between the success and the run, or after it: it depends on the moment.
        installation.crash().await;
        installation.start_scheduler(&format!("s{crash}"));
        let worker = format!("w{crash}");
        installation.start_worker(&worker, &["default"], 1, Arc::new(works));
        let made = created(&installation, "orders", crash).await;
        assert_eq!(made.len(), crash, "each update creates one");
        produce(&installation, &makes).await;
    }
    let made = created(&installation, "orders", 4).await;
    for run in &made {
        assert_eq!(taken_by(&installation, *run).await.len(), 1);
    }
}

#[tokio::test]
async fn only_a_success_updates() {
    let fails = Arc::new(AtomicBool::new(true));
    let rule = {
        let fails = Arc::clone(&fails);
        move |_dispatch: &Dispatch| {
            if fails.load(Ordering::Relaxed) {
                return failure(false);
            }
            success("1")
        }
    };
    let installation = Installation::running(1, rule).await;
    installation.deploy(&consumer(&json!("orders"))).await;
    let makes = installation.deploy(&producer("makes", "orders")).await;
    let run = installation.trigger(&makes).await;
    assert_eq!(installation.ended(run).await, RunState::Failed);
    assert_eq!(runs(&installation, "orders").await, []);
    fails.store(false, Ordering::Relaxed);
    let tasks = vec!["make".parse().expect("an id")];
    let clear = CommandKind::Clear(Selection::of(tasks, false));
    installation.command(run, clear).await;
    created(&installation, "orders", 1).await;
}

/// A rule by which the task `wait` waits for an update of `orders`, and every other task succeeds.
fn waits(
    partition: Option<&'static str>,
    since: Timestamp,
) -> impl Fn(&Dispatch) -> Option<ReportedOutcome> + Clone {
    move |dispatch: &Dispatch| match (dispatch.document.task.as_str(), &dispatch.resumed) {
        ("wait", None) => Some(ReportedOutcome::Deferred {
            until: None,
            wait: Some(Wait::Asset {
                asset: "orders".parse().expect("a name"),
                partition: partition.map(Arc::from),
                since,
            }),
            call: None,
            approval: None,
            state: "null".into(),
        }),
        ("wait", Some(_)) => {
            let woken = dispatch.document.woken.clone().unwrap_or_default();
            success(&woken["update"].to_string())
        }
        _ => success("1"),
    }
}

fn waiter() -> Value {
    json!({ "id": "waits", "tasks": { "wait": {} } })
}

/// The update that woke the task of a run.
async fn seen(installation: &Installation, run: RunId) -> Value {
    assert_eq!(installation.ended(run).await, RunState::Success);
    match installation.show_instance(run, 0).await.output {
        Some(Output::Inline(text)) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("it returned {other:?}"),
    }
}

#[tokio::test]
async fn an_update_by_a_task_wakes_what_waits_for_the_asset() {
    let installation = Installation::running(2, waits(None, Timestamp(0))).await;
    let makes = installation.deploy(&producer("makes", "orders")).await;
    let deployed = installation.deploy(&waiter()).await;
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.deferred == 1).await;
    let made_by = produce(&installation, &makes).await;
    let update = seen(&installation, run).await;
    assert_eq!(update["run"], json!(made_by.to_string()), "{update}");
    assert_eq!(
        (&update["asset"], &update["partition"]),
        (&json!("orders"), &Value::Null)
    );
    // It is there already.
    let late = installation.trigger(&deployed).await;
    assert_eq!(seen(&installation, late).await, update);
}

#[tokio::test]
async fn an_update_from_outside_wakes_what_waits_for_the_asset_through_a_crash() {
    let rule = waits(None, Timestamp(0));
    let mut installation = Installation::running(2, rule.clone()).await;
    let deployed = installation.deploy(&waiter()).await;
    let first = installation.trigger(&deployed).await;
    let second = installation.trigger(&deployed).await;
    installation
        .wait(first, |row| row.counts.deferred == 1)
        .await;
    report(&installation, "prices").await;
    report(&installation, "orders").await;
    let update = seen(&installation, first).await;
    assert_eq!(update["run"], Value::Null, "{update}");
    assert_eq!(seen(&installation, second).await, update);
    // One that comes while nothing is scheduled is found by the next scheduler.
    let far = Timestamp(installation.show(second).await.created.0 + 1);
    let rule = waits(None, far);
    installation.crash().await;
    installation.start_scheduler("second");
    installation.start_worker("second", &["default"], 2, Arc::new(rule.clone()));
    let third = installation.trigger(&deployed).await;
    installation.crash().await;
    let report = ReportUpdate {
        tenant: TenantId::default(),
        update: AssetUpdate::plain("orders".parse().expect("a name")),
        by: "test".into(),
        idempotency_key: None,
    };
    let reported = installation.database.report_asset_update(&report).await;
    reported.expect("the database answers");
    installation.start_scheduler("third");
    installation.start_worker("third", &["default"], 2, Arc::new(rule));
    assert_ne!(seen(&installation, third).await, Value::Null);
}

#[tokio::test]
async fn only_updates_of_the_partition_and_since_the_time_count() {
    let installation = Installation::running(2, waits(Some("north"), Timestamp(0))).await;
    let deployed = installation.deploy(&waiter()).await;
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.deferred == 1).await;
    let report = async |partition: &str, metadata: &str| {
        let fields =
            format!(r#"{{"asset":"orders","partition":"{partition}","metadata":{metadata}}}"#);
        let fields: UpdateFields<'_> = serde_json::from_str(&fields).expect("fields");
        let report = ReportUpdate {
            tenant: TenantId::default(),
            update: AssetUpdate::check(fields).expect("an update"),
            by: "test".into(),
            idempotency_key: None,
        };
        let reported = installation.database.report_asset_update(&report).await;
        reported.expect("the database answers");
        installation.handle().wake(Wake::Command);
    };
    report("south", "{}").await;
    evaluate_conditions(&installation).await;
    assert_eq!(installation.show(run).await.counts.deferred, 1);
    report("north", r#"{"rows":3}"#).await;
    let update = seen(&installation, run).await;
    assert_eq!(
        (&update["partition"], &update["metadata"]),
        (&json!("north"), &json!({ "rows": 3 }))
    );
}
