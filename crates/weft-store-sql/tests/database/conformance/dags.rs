//! Deploying, versions, pausing, deleting.

use crate::setup::{dag_id, file, lease, one_dag, trigger_of, turn};
use weft_core::{
    digest::Digest,
    id::TenantId,
    run::{Counts, RunState},
};
use weft_store::{CommandKind, RunStore as _, RunUpdate, ShardId};
use weft_store_sql::{
    ActivateError, DagFilter, Database, Deletion, DeployChange, DeployError, Repair,
};

const SHARD: ShardId = ShardId(0);

pub(crate) async fn the_same_file_again_changes_nothing(database: &Database) {
    let first = database.deploy(&file("a", &["x", "b"])).await.unwrap();
    assert_eq!(first[0].id, dag_id("x"), "in the order of the file");
    assert!(
        first
            .iter()
            .all(|dag| dag.change == DeployChange::NewDag && dag.number == 1)
    );
    let version = database.shard_state(SHARD).await.unwrap().settings;
    let again = database.deploy(&file("a", &["x", "b"])).await.unwrap();
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(again.change, DeployChange::Unchanged);
        assert_eq!(again.version, first.version);
        assert_eq!(again.key, first.key);
    }
    assert_eq!(database.shard_state(SHARD).await.unwrap().settings, version);
}

pub(crate) async fn a_deploy_returns_the_previous_version(database: &Database) {
    let first = database.deploy(&file("a", &["x"])).await.unwrap();
    assert_eq!(first[0].previous, None);
    let second = database.deploy(&file("b", &["x"])).await.unwrap();
    assert_eq!(second[0].change, DeployChange::NewVersion);
    assert_eq!(second[0].number, 2);
    let previous = second[0].previous.as_ref().unwrap();
    assert_eq!(previous.number, 1);
    assert_eq!(previous.digest, Digest::of(b"a"));
    assert!(previous.document.contains("\"seed\":\"a\""));
    let mut quiet = file("c", &["x"]);
    quiet.activate = false;
    let third = database.deploy(&quiet).await.unwrap();
    assert_eq!(third[0].number, 3);
    let shown = database
        .show_dag(&TenantId::default(), &dag_id("x"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(shown.active.unwrap().number, 2);
    let back = database.deploy(&file("a", &["x"])).await.unwrap();
    assert_eq!(back[0].change, DeployChange::Reactivated);
    assert_eq!(back[0].number, 1);
}

pub(crate) async fn versions_are_listed_and_activated_again(database: &Database) {
    let tenant = TenantId::default();
    for seed in ["a", "b", "c"] {
        database.deploy(&file(seed, &["x"])).await.unwrap();
    }
    let id = dag_id("x");
    let page = database.list_versions(&tenant, &id, None, 2).await.unwrap();
    assert_eq!(
        page.iter()
            .map(|version| version.number)
            .collect::<Vec<_>>(),
        [3, 2]
    );
    assert!(page[0].active && !page[1].active);
    assert_eq!(page[0].created_by, "ada");
    let rest = database
        .list_versions(&tenant, &id, Some(2), 2)
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);
    let before = database
        .activate_version(&tenant, &id, 1, "bob")
        .await
        .unwrap();
    assert_eq!(before.unwrap().number, 3);
    let (row, stored) = database
        .show_version(&tenant, &id, 1)
        .await
        .unwrap()
        .unwrap();
    assert!(row.active);
    assert_eq!(stored.files[0].digest, Digest::of(b"a"));
    assert_eq!(database.version(row.id).await.unwrap(), Some(stored));
    let error = database
        .activate_version(&tenant, &id, 9, "bob")
        .await
        .unwrap_err();
    assert!(
        matches!(error, ActivateError::UnknownVersion(_, 9)),
        "{error}"
    );
    let error = database
        .activate_version(&tenant, &dag_id("y"), 1, "bob")
        .await
        .unwrap_err();
    assert!(matches!(error, ActivateError::UnknownDag(_)), "{error}");
}

pub(crate) async fn an_unknown_tenant_or_a_doubled_dag_deploys_nothing(database: &Database) {
    let mut foreign = file("a", &["x"]);
    foreign.tenant = "unknown".parse().unwrap();
    let error = database.deploy(&foreign).await.unwrap_err();
    assert!(matches!(error, DeployError::UnknownTenant(_)), "{error}");
    let error = database.deploy(&file("a", &["x", "x"])).await.unwrap_err();
    assert!(matches!(error, DeployError::Twice(_)), "{error}");
    assert_eq!(
        database.list_dags(&DagFilter::default(), 10).await.unwrap(),
        []
    );
}

pub(crate) async fn pausing_is_seen_by_the_scheduler(database: &Database) {
    let tenant = TenantId::default();
    one_dag(database, "x").await;
    let version = database.shard_state(SHARD).await.unwrap().settings;
    assert!(
        database
            .pause_dag(&tenant, &dag_id("x"), "bob")
            .await
            .unwrap()
    );
    assert!(database.dags(SHARD, None, 10).await.unwrap().readable[0].paused);
    let paused = database.shard_state(SHARD).await.unwrap().settings;
    assert!(paused > version);
    assert!(
        database
            .pause_dag(&tenant, &dag_id("x"), "bob")
            .await
            .unwrap()
    );
    assert_eq!(
        database.shard_state(SHARD).await.unwrap().settings,
        paused,
        "paused again is no change"
    );
    let only_paused = DagFilter {
        paused: Some(true),
        ..DagFilter::default()
    };
    assert_eq!(database.list_dags(&only_paused, 10).await.unwrap().len(), 1);
    assert!(
        database
            .unpause_dag(&tenant, &dag_id("x"), "bob")
            .await
            .unwrap()
    );
    assert_eq!(database.list_dags(&only_paused, 10).await.unwrap(), []);
    assert!(
        !database
            .unpause_dag(&tenant, &dag_id("y"), "bob")
            .await
            .unwrap()
    );
}

pub(crate) async fn a_dag_with_unfinished_runs_is_not_deleted(database: &Database) {
    let tenant = TenantId::default();
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let refused = database.delete_dag(&tenant, &dag.id, "bob").await.unwrap();
    assert_eq!(refused, Deletion::ActiveRuns(1));
    assert!(database.show_dag(&tenant, &dag.id).await.unwrap().is_some());
    let mut turn = turn(database, lease(database).await).await;
    turn.runs.push(RunUpdate {
        id: run,
        state: RunState::Cancelled,
        started: None,
        ended: None,
        counts: Counts::default(),
    });
    database.commit(&turn).await.unwrap();
    assert_eq!(
        database.delete_dag(&tenant, &dag.id, "bob").await.unwrap(),
        Deletion::Done
    );
    assert_eq!(
        database.delete_dag(&tenant, &dag.id, "bob").await.unwrap(),
        Deletion::Unknown
    );
    assert_eq!(
        database
            .show_run(&tenant, run)
            .await
            .unwrap()
            .unwrap()
            .dag_id,
        dag.id
    );
}

pub(crate) async fn a_deleted_dags_name_is_free_again(database: &Database) {
    let dag = one_dag(database, "x").await;
    database
        .delete_dag(&TenantId::default(), &dag.id, "bob")
        .await
        .unwrap();
    assert_eq!(database.dags(SHARD, None, 10).await.unwrap().readable, []);
    let again = one_dag(database, "x").await;
    assert_eq!(again.change, DeployChange::NewDag);
    assert_ne!(again.key, dag.key);
    assert_eq!(again.number, 1);
}

pub(crate) async fn dags_are_paged_by_id(database: &Database) {
    database
        .deploy(&file("a", &["b", "a-b", "a", "B", "c"]))
        .await
        .unwrap();
    let mut seen = Vec::new();
    let mut filter = DagFilter::default();
    loop {
        let page = database.list_dags(&filter, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|dag| dag.id.to_string()));
    }
    assert_eq!(seen, ["B", "a", "a-b", "b", "c"], "as bytes compare");
    let scheduler = database.dags(SHARD, None, 3).await.unwrap().readable;
    let rest = database
        .dags(SHARD, Some(scheduler[2].key), 3)
        .await
        .unwrap()
        .readable;
    assert_eq!((scheduler.len(), rest.len()), (3, 2));
}

pub(crate) async fn a_repair_replaces_a_version_or_drops_it(database: &Database) {
    let tenant = TenantId::default();
    let good = one_dag(database, "etl").await;
    let bad = database.deploy(&file("bad", &["etl"])).await.unwrap();
    let of_good = database.trigger(&trigger_of(&good)).await.unwrap().run();
    let of_bad = database.trigger(&trigger_of(&bad[0])).await.unwrap().run();
    let settings = database.shard_state(SHARD).await.unwrap().settings;
    let repair = |version, replacement| Repair {
        version,
        replacement,
    };
    let id = dag_id("etl");
    let unknown = database
        .repair_version(&tenant, &id, repair(2, Some(9)), "bob")
        .await;
    assert!(
        matches!(unknown, Err(ActivateError::UnknownVersion(_, 9))),
        "{unknown:?}"
    );
    let unknown = database
        .repair_version(&tenant, &dag_id("other"), repair(1, None), "bob")
        .await;
    assert!(
        matches!(unknown, Err(ActivateError::UnknownDag(_))),
        "{unknown:?}"
    );
    assert_eq!(
        database.shard_state(SHARD).await.unwrap().settings,
        settings
    );

    let repaired = database
        .repair_version(&tenant, &id, repair(2, Some(1)), "bob")
        .await;
    assert_eq!(repaired.unwrap(), [of_bad]);
    assert!(database.shard_state(SHARD).await.unwrap().settings > settings);
    let dag = database.show_dag(&tenant, &id).await.unwrap().unwrap();
    assert_eq!(dag.active.unwrap().number, 1);
    for run in [of_good, of_bad] {
        let run = database.run(run).await.unwrap().unwrap().unwrap();
        assert_eq!(run.version, good.version);
    }

    let dropped = database
        .repair_version(&tenant, &id, repair(1, None), "bob")
        .await;
    let mut both = [of_good, of_bad];
    both.sort_unstable();
    assert_eq!(dropped.unwrap(), both);
    let commands = database.commands(SHARD, None, 9).await.unwrap().readable;
    let failed: Vec<_> = commands
        .iter()
        .map(|command| (command.run, &command.kind))
        .collect();
    assert_eq!(failed, both.map(|run| (run, &CommandKind::Fail)));
    let dag = database.show_dag(&tenant, &id).await.unwrap().unwrap();
    assert_eq!(dag.active, None);
}
