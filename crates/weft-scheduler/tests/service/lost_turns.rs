//! A Postgres that comes back without turns that it had acknowledged.

use crate::{
    harness::{Installation, success},
    postgres_server,
};
use serde_json::json;
use std::{process::Command, sync::Arc, time::Duration};
use weft_broker::{Failure, ReportedOutcome};
use weft_core::{id::TenantId, run::RunState, run_id::RunId};
use weft_scheduler::{Brokers, OneBroker};
use weft_store_sql::{Database, DatabaseLocation};

/// How long a run may take to end after the database came back.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs statements as an administrator of the server, each in a transaction of its own.
fn administer(url: &str, statements: &[String]) {
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]);
    for statement in statements {
        psql.args(["--command", statement]);
    }
    let (server, host) = url.split_once('?').expect("a socket's folder");
    let (server, _database) = server.rsplit_once('/').expect("a database");
    let done = psql.arg(format!("{server}/postgres?{host}")).output();
    let done = done.expect("psql comes with Postgres");
    assert!(done.status.success(), "{done:?}");
}

fn name_of(url: &str) -> &str {
    let (path, _host) = url.split_once('?').expect("a socket's folder");
    path.rsplit_once('/').expect("a database").1
}

/// Ends every session of a database, and lets none begin.
fn close(name: &str) -> [String; 2] {
    [
        format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
    ]
}

/// Copies the database as it is now.
fn copy(url: &str) {
    let name = name_of(url);
    let mut statements = close(name).to_vec();
    statements.push(format!("CREATE DATABASE {name}_copy TEMPLATE {name}"));
    statements.push(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    administer(url, &statements);
}

/// Puts the copy in the database's place.
fn go_back(url: &str) {
    let name = name_of(url);
    let mut statements = close(name).to_vec();
    statements.push(format!("DROP DATABASE {name} WITH (FORCE)"));
    statements.push(format!("ALTER DATABASE {name}_copy RENAME TO {name}"));
    administer(url, &statements);
}

/// The state of a run once it has ended, as the database says, which may not answer at first.
async fn ended(database: &Database, run: RunId) -> RunState {
    let ended = async {
        loop {
            let row = database.show_run(&TenantId::default(), run).await;
            if let Ok(Some(row)) = &row
                && row.state.is_ended()
            {
                return row.state;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    ended.unwrap_or_else(|_late| panic!("run {run} does not end"))
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_end_after_the_database_lost_acknowledged_turns() {
    let url = postgres_server::new_database();
    let location = DatabaseLocation::Postgres { url: url.clone() };
    let database = Database::open(&location).await.expect("it opens");
    database.migrate().await.expect("it migrates");
    let mut installation = Installation::over(database.clone());
    installation.start_scheduler("first");
    let fails_once = move |dispatch: &weft_broker::Dispatch| {
        if dispatch.document.task.as_str() == "flaky" && dispatch.key.attempt.number == 1 {
            Some(ReportedOutcome::Failed(Failure {
                code: "author".into(),
                retryable: true,
                message: "once".into(),
                retry_after: None,
                details: None,
                backtrace: None,
            }))
        } else {
            success("1")
        }
    };
    installation.start_worker("worker", &["default"], 4, Arc::new(fails_once));
    let dag = installation
        .deploy(&json!({ "id": "d", "tasks": {
            "before": {}, "flaky": { "after": ["before"], "retries": 3, "retry_delay": "3s" }, "last": { "after": ["flaky"] }
        } }))
        .await;
    let whole = installation.trigger(&dag).await;
    assert_eq!(ended(&database, whole).await, RunState::Success);
    let halfway = installation.trigger(&dag).await;
    installation.claimed("flaky", 3).await;
    copy(&url);
    // Everything from here on is acknowledged, and then lost.
    assert_eq!(ended(&database, halfway).await, RunState::Success);
    let lost = installation.trigger(&dag).await;
    assert_eq!(ended(&database, lost).await, RunState::Success);
    go_back(&url);
    // Nothing happens by itself: the scheduler has no run in memory.
    assert_eq!(ended(&database, halfway).await, RunState::Success);
    let again = installation.trigger(&dag).await;
    assert_eq!(ended(&database, again).await, RunState::Success);
    let shards = database.list_shards().await.expect("it answers");
    assert!(
        shards[0].lost_turns > 0 && shards[0].lost_at.is_some(),
        "{shards:?}"
    );
    let gone = database.show_run(&TenantId::default(), lost).await;
    assert!(gone.expect("it answers").is_none());
    installation.stop_scheduler().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_notices_turns_that_were_lost_before_it_took_over() {
    let url = postgres_server::new_database();
    let location = DatabaseLocation::Postgres { url: url.clone() };
    let database = Database::open(&location).await.expect("it opens");
    database.migrate().await.expect("it migrates");
    let mut installation = Installation::over(database.clone());
    let brokers: Arc<dyn Brokers> =
        Arc::new(OneBroker::new(Arc::new(installation.broker.scheduler())));
    installation.start_scheduler_with("first", Arc::clone(&brokers));
    installation.start_worker("worker", &["default"], 4, Arc::new(|_: &_| success("1")));
    let dag = installation
        .deploy(&json!({ "id": "d", "tasks": { "one": {}, "two": { "after": ["one"] } } }))
        .await;
    let kept = installation.trigger(&dag).await;
    assert_eq!(ended(&database, kept).await, RunState::Success);
    copy(&url);
    // Old connections are found broken.
    assert_eq!(ended(&database, kept).await, RunState::Success);
    // The promotion outlasts the lease: the first scheduler has given the shard up when the
    // database is back without its last turns.
    let lost = installation.trigger(&dag).await;
    assert_eq!(ended(&database, lost).await, RunState::Success);
    installation.stop_scheduler().await;
    go_back(&url);
    assert_eq!(ended(&database, kept).await, RunState::Success);
    installation.start_scheduler_with("standby", Arc::clone(&brokers));
    let again = installation.trigger(&dag).await;
    assert_eq!(ended(&database, again).await, RunState::Success);
    let shards = database.list_shards().await.expect("it answers");
    let counted = shards[0].lost_turns;
    assert!(counted > 0 && shards[0].lost_at.is_some(), "{shards:?}");
    // The next takeover, of a database that lost nothing, counts nothing.
    installation.stop_scheduler().await;
    installation.start_scheduler_with("third", brokers);
    let after = installation.trigger(&dag).await;
    assert_eq!(ended(&database, after).await, RunState::Success);
    let shards = database.list_shards().await.expect("it answers");
    assert_eq!(shards[0].lost_turns, counted);
    installation.stop_scheduler().await;
}
