//! Maintenance: the runs and blobs that it removes, and those that a run still needs.

use super::{artifacts::Known, blobs, runs, *};
use std::{fs::File, path::Path, sync::Arc};
use tempfile::TempDir;
use weft_blob::Kind;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::DurationMs,
};
use weft_store::{FileEntry, InstanceRow, InstanceTag, Output, RunStore as _, RunUpdate, Turn};
use weft_store_sql::{CompiledKey, DatabaseLocation, Deploy, DeployDag, Trigger};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A data folder with one DAG.
struct Home {
    folder: TempDir,
    database: Database,
    blobs: Blobs,
}

impl Home {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = DatabaseLocation::Sqlite {
            folder: folder.path().into(),
        };
        let database = Database::open(&place).await.unwrap();
        database.migrate().await.unwrap();
        let blobs = Blobs::local(&folder.path().join("blobs")).unwrap();
        Self {
            folder,
            database,
            blobs,
        }
    }

    /// Puts a blob as if it had been put then.
    async fn put(&self, kind: Kind, bytes: &str, at: i64) -> Digest {
        let tenant = TenantId::default();
        let bytes = bytes.to_owned();
        let digest = self.blobs.put(kind, &tenant, bytes).await.unwrap();
        let hex = digest.hex();
        let path = self
            .folder
            .path()
            .join(format!("blobs/tenants/{tenant}/{kind}/{}/{hex}", &hex[..2]));
        set_age(&path, at);
        digest
    }

    async fn exists(&self, kind: Kind, digest: &Digest) -> bool {
        let tenant = TenantId::default();
        self.blobs.exists(kind, &tenant, digest).await.unwrap()
    }

    /// A run that is made now.
    async fn run(&self) -> RunId {
        let component = self.put(Kind::Component, "component", 0).await;
        let deploy = Deploy {
            tenant: TenantId::default(),
            digest: component,
            dags: vec![DeployDag {
                id: "x".parse().unwrap(),
                document: r#"{"id":"x"}"#.into(),
                files: vec![FileEntry {
                    name: String::new(),
                    digest: component,
                }],
            }],
            activate: true,
            paused: false,
            by: "ada".into(),
        };
        let deployed = self.database.deploy(&deploy).await.unwrap().remove(0);
        let trigger = Trigger {
            tenant: TenantId::default(),
            dag: deployed.id,
            version: deployed.version,
            logical_date: None,
            interval: None,
            params: "{}".into(),
            concurrency_key: None,
            not_before: None,
            by: "ada".into(),
            trace: None,
            idempotency_key: None,
        };
        self.database.trigger(&trigger).await.unwrap().run()
    }

    /// What a scheduler would write.
    async fn commit(&mut self, run: RunUpdate, instances: Vec<InstanceRow>) {
        let leases = self
            .database
            .lease_shards("test", DurationMs(60_000), u32::MAX)
            .await
            .unwrap();
        let last = self.database.shard_state(leases[0].shard).await.unwrap();
        let turn = Turn {
            lease: leases[0],
            number: last.turn + 1,
            new_runs: Vec::new(),
            runs: vec![run],
            events: Vec::new(),
            cleared: Vec::new(),
            attempts: Vec::new(),
            instances,
            tasks: Vec::new(),
            commands: Vec::new(),
            approvals: Vec::new(),
            missed: Vec::new(),
            updates: Vec::new(),
            timetables: Vec::new(),
        };
        self.database.commit(&turn).await.unwrap();
    }
}

fn set_age(path: &Path, at: i64) {
    let at = UNIX_EPOCH + Duration::from_millis(at.unsigned_abs());
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(at).unwrap();
}

fn update(id: RunId, ended: Option<i64>) -> RunUpdate {
    RunUpdate {
        id,
        state: if ended.is_some() {
            RunState::Success
        } else {
            RunState::Running
        },
        started: Some(Timestamp(1)),
        ended: ended.map(Timestamp),
        counts: Counts::default(),
    }
}

fn instance(run: RunId, index: u32, state: InstanceTag, output: Option<Output>) -> InstanceRow {
    InstanceRow {
        run,
        instance: Instance {
            task: TaskIndex(0),
            index,
        },
        state,
        cause: "",
        number: 1,
        nonce: 1,
        queued: Some(Timestamp(1)),
        started: Some(Timestamp(10 * DAY)),
        ended: None,
        due: None,
        worker: Some("w".into()),
        output,
        resume: None,
        wait: None,
        woken: None,
        error: None,
        usage: None,
        log: None,
    }
}

fn naming(digest: &Digest) -> Arc<str> {
    format!(r#"{{"chart":{{"$artifact":"{digest}"}}}}"#).into()
}

#[tokio::test]
async fn artifacts_go_when_no_kept_run_names_them() {
    let mut home = Home::new().await;
    let run = home.run().await;
    let inline = home.put(Kind::Artifact, "named inline", 0).await;
    let inside = home
        .put(Kind::Artifact, "named inside a large output", 0)
        .await;
    let orphan = home.put(Kind::Artifact, "named by nothing", 0).await;
    let text = naming(&inside);
    let large = home.put(Kind::Output, &text, 0).await;
    let unnamed = home.put(Kind::Output, "unnamed", 0).await;
    // Made by the attempt that still runs, which began on the tenth day.
    let in_use = home.put(Kind::Artifact, "not named yet", 11 * DAY).await;
    let blob = Output::Blob {
        digest: large,
        bytes: 3,
    };
    home.commit(
        update(run, None),
        vec![
            instance(
                run,
                0,
                InstanceTag::Success,
                Some(Output::Inline(naming(&inline))),
            ),
            instance(run, 1, InstanceTag::Success, Some(blob)),
            instance(run, 2, InstanceTag::Running, None),
        ],
    )
    .await;
    let mut known = Known::default();
    let now = Timestamp(20 * DAY);
    blobs::collect(&home.database, &home.blobs, now, &mut known)
        .await
        .unwrap();
    assert!(!home.exists(Kind::Artifact, &orphan).await);
    assert!(!home.exists(Kind::Output, &unnamed).await);
    for kept in [&inline, &inside, &in_use] {
        assert!(home.exists(Kind::Artifact, kept).await, "{kept}");
    }
    assert!(home.exists(Kind::Output, &large).await);
    // The attempt ends without naming what it made; then the run goes, and all of it.
    home.commit(
        update(run, Some(1)),
        vec![instance(run, 2, InstanceTag::Failed, None)],
    )
    .await;
    blobs::collect(&home.database, &home.blobs, now, &mut known)
        .await
        .unwrap();
    assert!(!home.exists(Kind::Artifact, &in_use).await);
    assert!(home.exists(Kind::Artifact, &inside).await);
    let retention = Retention {
        runs: Some(Duration::ZERO),
        last: 0,
    };
    let tomorrow = Timestamp(super::now().0 + DAY);
    assert_eq!(
        runs::forget(&home.database, retention, tomorrow)
            .await
            .unwrap(),
        1
    );
    blobs::collect(&home.database, &home.blobs, now, &mut known)
        .await
        .unwrap();
    for gone in [&inline, &inside] {
        assert!(!home.exists(Kind::Artifact, gone).await, "{gone}");
    }
    assert!(!home.exists(Kind::Output, &large).await);
}

#[tokio::test]
async fn code_stays_while_its_file_is_there_and_somebody_asks_for_it() {
    let home = Home::new().await;
    home.run().await;
    let key = |component: &[u8], name: &str| CompiledKey {
        tenant: TenantId::default(),
        component: Digest::of(component),
        name: name.into(),
        signer: "key".into(),
    };
    let blob = async |bytes: &str| home.put(Kind::Compiled, bytes, 0).await;
    let (asked, orphan, unnamed) = (
        blob("asked for").await,
        blob("its file is gone").await,
        blob("named by nothing").await,
    );
    let here = key(b"component", "here");
    for (key, digest) in [(&here, &asked), (&key(b"gone", "here"), &orphan)] {
        home.database.put_compiled(key, digest).await.unwrap();
    }
    let mut known = Known::default();
    let mut collect = async |days: i64| {
        let now = Timestamp(super::now().0 + days * DAY);
        blobs::collect(&home.database, &home.blobs, now, &mut known)
            .await
            .unwrap();
    };
    collect(0).await;
    assert!(!home.exists(Kind::Compiled, &unnamed).await);
    // It may be of a file that came after the list of files was read.
    assert!(home.exists(Kind::Compiled, &orphan).await);
    collect(2).await;
    assert!(!home.exists(Kind::Compiled, &orphan).await);
    assert!(home.exists(Kind::Compiled, &asked).await);
    collect(31).await;
    assert!(!home.exists(Kind::Compiled, &asked).await);
    assert_eq!(home.database.find_compiled(&here).await.unwrap(), None);
}

#[tokio::test]
async fn runs_stay_for_as_long_as_was_said() {
    let mut home = Home::new().await;
    let ended = home.run().await;
    let running = home.run().await;
    home.commit(update(ended, Some(1)), Vec::new()).await;
    home.commit(update(running, None), Vec::new()).await;
    let later = Timestamp(super::now().0 + 30 * DAY);
    for (runs, last, gone) in [
        (None, 0, 0),
        (Some(Duration::from_hours(31 * 24)), 0, 0),
        (Some(Duration::from_hours(29 * 24)), 2, 0),
        (Some(Duration::from_hours(29 * 24)), 0, 1),
    ] {
        let retention = Retention { runs, last };
        let forgotten = runs::forget(&home.database, retention, later)
            .await
            .unwrap();
        assert_eq!(forgotten, gone, "{retention:?}");
    }
    assert!(home.database.run(running).await.unwrap().is_some());
    assert!(home.database.run(ended).await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_is_removed_while_a_backup_is_made() {
    let home = Home::new().await;
    let orphan = home.put(Kind::Artifact, "named by nothing", 0).await;
    let folder = DataFolder::existing(home.folder.path()).unwrap();
    let maintenance = Maintenance {
        folder: folder.clone(),
        database: home.database.clone(),
        blobs: home.blobs.clone(),
        retention: Retention::DEFAULT,
    };
    let held = folder.hold_blobs().unwrap().expect("no collection runs");
    let mut known = Known::default();
    maintenance
        .collect_blobs(super::now(), &mut known)
        .await
        .unwrap();
    assert!(home.exists(Kind::Artifact, &orphan).await);
    drop(held);
    maintenance
        .collect_blobs(super::now(), &mut known)
        .await
        .unwrap();
    assert!(!home.exists(Kind::Artifact, &orphan).await);
}
