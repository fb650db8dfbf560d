//! Databases to test on, empty and migrated, and what most cases begin with.

use crate::postgres_server;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    time::{DurationMs, Timestamp},
};
use weft_store::{FileEntry, RunStore as _, ShardLease, Turn};
use weft_store_sql::{Database, DatabaseLocation, Deploy, DeployDag, Deployed, Trigger};

/// A database and what it lies in.
pub(crate) struct Home {
    pub(crate) database: Database,
    pub(crate) place: DatabaseLocation,
    /// Removed when the test is over.
    pub(crate) folder: Option<TempDir>,
}

/// SQLite in a folder of its own.
pub(crate) async fn sqlite() -> Home {
    let folder = TempDir::new().unwrap();
    let place = DatabaseLocation::Sqlite {
        folder: folder.path().into(),
    };
    Home {
        database: migrated(&place).await,
        place,
        folder: Some(folder),
    }
}

/// A database of its own on the tests' Postgres server.
pub(crate) async fn postgres() -> Home {
    let place = postgres_place();
    Home {
        database: migrated(&place).await,
        place,
        folder: None,
    }
}

/// An empty database of its own on that server.
pub(crate) fn postgres_place() -> DatabaseLocation {
    DatabaseLocation::Postgres {
        url: postgres_server::new_database(),
    }
}

async fn migrated(place: &DatabaseLocation) -> Database {
    let database = Database::open(place).await.unwrap();
    database.migrate().await.unwrap();
    database
}

pub(crate) fn dag_id(text: &str) -> DagId {
    text.parse().unwrap()
}

/// A file with DAGs of these names; another `seed` is another file.
pub(crate) fn file(seed: &str, dags: &[&str]) -> Deploy {
    Deploy {
        tenant: TenantId::default(),
        digest: Digest::of(seed.as_bytes()),
        dags: dags
            .iter()
            .map(|id| DeployDag {
                id: dag_id(id),
                document: format!("{{\"id\":\"{id}\",\"seed\":\"{seed}\"}}").into(),
                files: vec![FileEntry {
                    name: String::new(),
                    digest: Digest::of(seed.as_bytes()),
                }],
            })
            .collect(),
        activate: true,
        paused: false,
        by: "ada".into(),
    }
}

/// One DAG, deployed and active.
pub(crate) async fn one_dag(database: &Database, id: &str) -> Deployed {
    let mut deployed = database.deploy(&file(id, &[id])).await.unwrap();
    deployed.remove(0)
}

/// What triggers a DAG that was deployed.
pub(crate) fn trigger_of(dag: &Deployed) -> Trigger {
    Trigger {
        tenant: TenantId::default(),
        dag: dag.id.clone(),
        version: dag.version,
        logical_date: None,
        interval: None,
        params: "{}".into(),
        concurrency_key: None,
        not_before: None,
        by: "ada".into(),
        trace: None,
        idempotency_key: None,
    }
}

/// The first shard, owned by a scheduler of a name of its own.
pub(crate) async fn lease(database: &Database) -> ShardLease {
    static SCHEDULERS: AtomicU64 = AtomicU64::new(0);
    let name = format!("scheduler-{}", SCHEDULERS.fetch_add(1, Ordering::Relaxed));
    let leases = database
        .lease_shards(&name, DurationMs(60_000), u32::MAX)
        .await
        .unwrap();
    leases[0]
}

/// A turn of nothing: the one after those that are committed.
pub(crate) async fn turn(database: &Database, lease: ShardLease) -> Turn {
    let last = database.shard_state(lease.shard).await.unwrap();
    Turn {
        lease,
        number: last.turn + 1,
        new_runs: Vec::new(),
        runs: Vec::new(),
        events: Vec::new(),
        cleared: Vec::new(),
        attempts: Vec::new(),
        instances: Vec::new(),
        tasks: Vec::new(),
        commands: Vec::new(),
        approvals: Vec::new(),
        missed: Vec::new(),
        updates: Vec::new(),
        timetables: Vec::new(),
    }
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}

/// A text where one may be missing.
#[expect(
    clippy::unnecessary_wraps,
    reason = "rows have texts that may be missing"
)]
pub(crate) fn text(text: &str) -> Option<Arc<str>> {
    Some(text.into())
}
