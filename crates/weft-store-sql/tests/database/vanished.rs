//! A server that vanishes without closing its connections: every call ends, and the next ones go
//! over new connections.

use crate::{
    postgres_server,
    setup::{at, file, lease, one_dag, trigger_of, turn},
    silent_relay::{SilentRelay, Target},
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use weft_core::id::TenantId;
use weft_store::{CommitError, EventChunk, RunStore as _, StoreError};
use weft_store_sql::{Database, DatabaseLocation, DeployError, OpenError};

/// The longest that a call may hang: its own bound, and some for a busy machine.
const MAX_HANG: Duration = Duration::from_secs(15);
/// A call over a new connection.
const PROMPTLY: Duration = Duration::from_secs(4);
/// As many as a process has connections.
const CONNECTIONS: u64 = 10;

/// A database of its own, reached through a relay.
fn through_a_relay() -> (SilentRelay, DatabaseLocation) {
    relay_to(&postgres_server::new_database())
}

fn relay_to(url: &str) -> (SilentRelay, DatabaseLocation) {
    let (place, folder) = url.split_once("?host=").unwrap();
    let (_server, name) = place.rsplit_once('/').unwrap();
    let relay = SilentRelay::to(Target::Socket(Path::new(folder).join(".s.PGSQL.5432")));
    let url = format!("postgres://weft@127.0.0.1:{}/{name}", relay.port);
    (relay, DatabaseLocation::Postgres { url })
}

async fn migrated() -> (SilentRelay, Database) {
    let (relay, place) = through_a_relay();
    let database = Database::open(&place).await.unwrap();
    database.migrate().await.unwrap();
    (relay, database)
}

/// Opens all connections that the process may have.
async fn open_all_connections(relay: &SilentRelay, database: &Database) {
    let before = relay.connections();
    while relay.connections() < before + CONNECTIONS - 1 {
        let mut calls = JoinSet::new();
        for _ in 0..2 * CONNECTIONS {
            let database = database.clone();
            calls.spawn(async move { database.list_tenants(None, 100).await.unwrap() });
        }
        calls.join_all().await;
    }
}

#[tokio::test]
async fn calls_to_a_vanished_server_end_and_later_ones_use_new_connections() {
    let (relay, database) = migrated().await;
    open_all_connections(&relay, &database).await;
    relay.fall_silent();
    let began = Instant::now();
    let error = database.list_tenants(None, 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    // A connection that can't be made ends as well.
    let error = database.list_tenants(None, 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(began.elapsed() < 2 * MAX_HANG, "{:?}", began.elapsed());
    relay.accept_again();
    let began = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..2 * CONNECTIONS {
        let database = database.clone();
        calls.spawn(async move { database.list_tenants(None, 1).await.unwrap() });
    }
    calls.join_all().await;
    assert!(began.elapsed() < PROMPTLY, "{:?}", began.elapsed());
}

#[tokio::test]
async fn calls_that_are_dropped_while_the_server_is_silent_occupy_no_connection() {
    let (relay, database) = migrated().await;
    open_all_connections(&relay, &database).await;
    relay.fall_silent();
    for _ in 0..2 * CONNECTIONS {
        let call = database.list_tenants(None, 1);
        let dropped = tokio::time::timeout(Duration::from_millis(20), call).await;
        assert!(dropped.is_err());
    }
    relay.accept_again();
    let began = Instant::now();
    let lists = database.list_tenants(None, 1).await;
    assert!(lists.is_ok(), "{lists:?}");
    assert!(began.elapsed() < PROMPTLY, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_turn_whose_commit_was_not_answered_is_committed_again_and_counts_once() {
    let (relay, database) = migrated().await;
    let dag = one_dag(&database, "etl").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let mut turn = turn(&database, lease(&database).await).await;
    turn.events.push(EventChunk {
        run,
        seq: 0,
        at: at(5),
        body: "only once".into(),
    });
    relay.drop_answers();
    let began = Instant::now();
    let unanswered = database.commit(&turn).await;
    assert!(
        matches!(
            unanswered,
            Err(CommitError::Store(StoreError::Unavailable(_)))
        ),
        "{unanswered:?}"
    );
    assert!(began.elapsed() < MAX_HANG, "{:?}", began.elapsed());
    database.commit(&turn).await.unwrap();
    let events = database.run(run).await.unwrap().unwrap().unwrap().events;
    assert_eq!(events, ["only once"]);
}

#[tokio::test]
async fn the_locks_of_a_process_that_vanished_in_a_transaction_are_released_within_seconds() {
    let url = postgres_server::new_database();
    let (relay, place) = relay_to(&url);
    let database = Database::open(&DatabaseLocation::Postgres { url })
        .await
        .unwrap();
    database.migrate().await.unwrap();
    one_dag(&database, "etl").await;
    let vanishing = Database::open(&place).await.unwrap();
    // The DAG's row is locked by then.
    relay.fall_silent_before("INSERT INTO versions");
    let unfinished = file("unfinished", &["etl"]);
    let unanswered = vanishing.deploy(&unfinished);
    let next = async {
        while !relay.is_silent() {
            tokio::task::yield_now().await;
        }
        let began = Instant::now();
        let deployed = database.deploy(&file("next", &["etl"])).await.unwrap();
        (deployed, began.elapsed())
    };
    let (unanswered, (deployed, took)) = tokio::join!(unanswered, next);
    assert!(
        matches!(
            unanswered,
            Err(DeployError::Store(StoreError::Unavailable(_)))
        ),
        "{unanswered:?}"
    );
    assert_eq!(deployed[0].number, 2);
    assert!(took < MAX_HANG, "{took:?}");
    let tenant = TenantId::default();
    let versions = database
        .list_versions(&tenant, &deployed[0].id, None, 9)
        .await
        .unwrap();
    let numbers: Vec<u32> = versions.iter().map(|version| version.number).collect();
    assert_eq!(numbers, [2, 1], "nothing is left of the unfinished one");
}

#[tokio::test]
async fn opening_a_database_whose_server_is_silent_fails_within_seconds() {
    let (relay, place) = through_a_relay();
    relay.fall_silent();
    let began = Instant::now();
    let error = Database::open(&place).await.err().unwrap();
    assert!(
        matches!(error, OpenError::Store(StoreError::Unavailable(_))),
        "{error}"
    );
    assert!(began.elapsed() < MAX_HANG, "{:?}", began.elapsed());
}
