//! Opening, refusing, backing up.

use crate::setup;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use weft_store::{CommitError, RunStore as _, ShardId, StoreError};
use weft_store_sql::{BackupError, DATABASE_FILE, Database, DatabaseLocation, OpenError};

/// What a newer Weft writes that adds something, and one that takes something away.
const NEWER: &str = "INSERT INTO migrations (number, name, applied) VALUES (9999, 'future', 0)";
const STRANGE: &str = "UPDATE compatibility SET oldest = 9999";

#[tokio::test]
async fn opening_a_folder_twice_is_refused() {
    let home = setup::sqlite().await;
    let folder = home.folder.as_ref().unwrap().path().to_owned();
    let place = DatabaseLocation::Sqlite {
        folder: folder.clone(),
    };
    let error = Database::open(&place).await.err().unwrap();
    assert!(
        matches!(&error, OpenError::InUse { folder: named } if *named == folder),
        "{error}"
    );
    assert!(
        error.to_string().contains(folder.to_str().unwrap()),
        "{error}"
    );
    home.database.close().await;
    drop(home.database);
    let again = Database::open(&place).await.unwrap();
    again.check().await.unwrap();
}

#[tokio::test]
async fn a_database_that_lacks_migrations_is_refused() {
    let folder = TempDir::new().unwrap();
    let sqlite = DatabaseLocation::Sqlite {
        folder: folder.path().into(),
    };
    for place in [sqlite, setup::postgres_place()] {
        let database = Database::open(&place).await.unwrap();
        let error = database.check().await.unwrap_err();
        assert!(
            matches!(&error, OpenError::Pending { pending } if pending[0].number == 1),
            "{error}"
        );
        assert!(!database.migrate().await.unwrap().is_empty());
        database.check().await.unwrap();
        assert_eq!(database.migrate().await.unwrap(), [], "once is enough");
    }
}

#[tokio::test]
async fn a_newer_database_is_used_unless_it_is_marked_incompatible() {
    let home = setup::sqlite().await;
    let file = home.folder.as_ref().unwrap().path().join("weft.db");
    let sqlite = rusqlite::Connection::open(file).unwrap();
    let place = setup::postgres_place();
    let database = Database::open(&place).await.unwrap();
    database.migrate().await.unwrap();
    let DatabaseLocation::Postgres { url } = &place else {
        unreachable!("it was made so")
    };
    let mut postgres = PgConnection::connect(url).await.unwrap();
    sqlite.execute_batch(NEWER).unwrap();
    postgres.execute(NEWER).await.unwrap();
    for database in [&home.database, &database] {
        database.check().await.unwrap();
        assert_eq!(database.migrate().await.unwrap(), []);
    }
    sqlite.execute_batch(STRANGE).unwrap();
    postgres.execute(STRANGE).await.unwrap();
    for database in [&home.database, &database] {
        for error in [
            database.check().await.unwrap_err(),
            database.migrate().await.unwrap_err(),
        ] {
            assert!(
                matches!(error, OpenError::Newer { found: 9999, .. }),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn concurrent_migrations_of_postgres_succeed() {
    let place = setup::postgres_place();
    let mut all = Vec::new();
    for _process in 0..4 {
        all.push(Database::open(&place).await.unwrap());
    }
    let (a, b, c, d) = tokio::join!(
        all[0].migrate(),
        all[1].migrate(),
        all[2].migrate(),
        all[3].migrate()
    );
    let done: usize = [a, b, c, d]
        .into_iter()
        .map(|done| done.unwrap().len())
        .sum();
    assert_eq!(
        i64::try_from(done).unwrap(),
        Database::known_schema(),
        "one of them did it"
    );
}

#[tokio::test]
async fn one_process_at_a_time_locks_a_postgres_database_exclusively() {
    let place = setup::postgres_place();
    let first = Database::open(&place).await.unwrap();
    first.lock_exclusive().await.unwrap();
    first.lock_exclusive().await.unwrap();
    first.migrate().await.unwrap();
    let lease = setup::lease(&first).await;
    let second = Database::open(&place).await.unwrap();
    let error = second.lock_exclusive().await.unwrap_err();
    assert!(matches!(error, OpenError::InUseElsewhere), "{error}");
    first.close().await;
    second.lock_exclusive().await.unwrap();
    // The process that took the lock is the only one: earlier leases are void, and their holders fenced.
    second.check().await.unwrap();
    let newer = setup::lease(&second).await;
    assert!(newer.epoch > lease.epoch);
    let error = second
        .commit(&setup::turn(&second, lease).await)
        .await
        .unwrap_err();
    assert!(matches!(error, CommitError::Fenced(_)), "{error}");
    let sqlite = setup::sqlite().await;
    sqlite.database.lock_exclusive().await.unwrap();
}

#[tokio::test]
async fn processes_that_share_postgres_keep_leases_and_block_an_exclusive_lock() {
    let place = setup::postgres_place();
    let first = Database::open(&place).await.unwrap();
    first.lock_shared().await.unwrap();
    first.migrate().await.unwrap();
    let lease = setup::lease(&first).await;
    let second = Database::open(&place).await.unwrap();
    second.lock_shared().await.unwrap();
    second.check().await.unwrap();
    assert_eq!(second.migrate().await.unwrap(), []);
    first
        .commit(&setup::turn(&first, lease).await)
        .await
        .unwrap();
    let third = Database::open(&place).await.unwrap();
    let error = third.lock_exclusive().await.unwrap_err();
    assert!(matches!(error, OpenError::InUseElsewhere), "{error}");
    first.close().await;
    second.close().await;
    third.lock_exclusive().await.unwrap();
    let fourth = Database::open(&place).await.unwrap();
    let error = fourth.lock_shared().await.unwrap_err();
    assert!(matches!(error, OpenError::InUseElsewhere), "{error}");
}

#[tokio::test]
async fn an_invalid_address_is_reported_without_its_password() {
    let place = DatabaseLocation::Postgres {
        url: "postgres://weft:hush@:bad".into(),
    };
    let error = Database::open(&place).await.err().unwrap();
    assert!(!format!("{error} {place:?}").contains("hush"), "{error}");
}

#[tokio::test]
async fn a_backup_is_a_database_of_its_own() {
    let home = setup::sqlite().await;
    let dag = setup::one_dag(&home.database, "x").await;
    let run = home
        .database
        .trigger(&setup::trigger_of(&dag))
        .await
        .unwrap()
        .run();
    let copy = TempDir::new().unwrap();
    let file = copy.path().join("weft.db");
    home.database.backup(&file).await.unwrap();
    let error = home.database.backup(&file).await.unwrap_err();
    assert!(matches!(error, BackupError::Exists(_)), "{error}");
    let restored = Database::open(&DatabaseLocation::Sqlite {
        folder: copy.path().into(),
    })
    .await
    .unwrap();
    restored.check().await.unwrap();
    assert_eq!(
        restored.run(run).await.unwrap(),
        home.database.run(run).await.unwrap()
    );
    let nowhere = copy.path().join("no/folder/weft.db");
    let error = home.database.backup(&nowhere).await.unwrap_err();
    assert!(matches!(error, BackupError::Target { .. }), "{error}");
    let postgres = setup::postgres().await;
    let error = postgres.database.backup(&nowhere).await.unwrap_err();
    assert!(matches!(error, BackupError::UsePgDump), "{error}");
}

#[tokio::test]
async fn a_database_in_use_can_be_read_and_copied_by_another_process() {
    let home = setup::sqlite().await;
    setup::one_dag(&home.database, "x").await;
    let folder = home.folder.as_ref().unwrap().path();
    let file = folder.join(DATABASE_FILE);
    let reader = Database::open(&DatabaseLocation::SqliteReadOnly { file: file.clone() })
        .await
        .unwrap();
    // A reader leaves the leases of the process that works in the folder alone.
    let lease = setup::lease(&home.database).await;
    reader.check().await.unwrap();
    home.database
        .commit(&setup::turn(&home.database, lease).await)
        .await
        .unwrap();
    assert_eq!(reader.schema().await.unwrap(), Database::known_schema());
    assert_eq!(reader.find_damage().await.unwrap(), [""; 0]);
    let refused = reader.deploy(&setup::file("y", &["y"])).await;
    assert!(refused.is_err(), "{refused:?}");
    let copy = folder.join("copy.db");
    reader.backup(&copy).await.unwrap();
    reader.close().await;
    let copied = Database::open(&DatabaseLocation::SqliteReadOnly { file: copy.clone() })
        .await
        .unwrap();
    copied.check().await.unwrap();
    assert_eq!(
        copied
            .dags(ShardId(0), None, 9)
            .await
            .unwrap()
            .readable
            .len(),
        1
    );
    copied.close().await;
    // It reads, so it leaves nothing beside the file.
    assert!(!folder.join("copy.db-wal").exists() && !folder.join("copy.db-shm").exists());
}

#[tokio::test]
async fn a_damaged_file_is_reported_and_a_missing_one_is_not_created() {
    let home = setup::sqlite().await;
    for day in 0..40 {
        setup::one_dag(&home.database, &format!("dag_{day}")).await;
    }
    let folder = home.folder.as_ref().unwrap().path();
    let file = folder.join("copy.db");
    home.database.backup(&file).await.unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    // Pages beyond the first few hold rows and indexes.
    for byte in bytes.iter_mut().skip(8 * 4096).step_by(3) {
        *byte ^= 0x55;
    }
    std::fs::write(&file, bytes).unwrap();
    let damaged = Database::open(&DatabaseLocation::SqliteReadOnly { file })
        .await
        .unwrap();
    match damaged.find_damage().await {
        Ok(damages) => assert!(!damages.is_empty()),
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_)), "{error}"),
    }
    let none = folder.join("none.db");
    let error = Database::open(&DatabaseLocation::SqliteReadOnly { file: none.clone() })
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&error, OpenError::Missing { file } if *file == none),
        "{error}"
    );
    assert!(!none.exists());
}

#[tokio::test]
async fn the_write_ahead_log_is_preallocated() {
    let home = setup::sqlite().await;
    let log = home.folder.as_ref().unwrap().path().join("weft.db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    let before = length();
    assert!(before > 4_000 * 4_096, "{before} bytes");
    setup::one_dag(&home.database, "x").await;
    assert_eq!(length(), before);
}

#[tokio::test]
async fn a_closed_database_leaves_one_file() {
    let home = setup::sqlite().await;
    setup::one_dag(&home.database, "x").await;
    home.database.close().await;
    let folder = home.folder.as_ref().unwrap().path();
    assert!(
        !folder.join("weft.db-wal").exists(),
        "the log was brought in"
    );
    let error = home.database.deploy(&setup::file("y", &["y"])).await.err();
    assert!(error.is_some(), "it is closed");
}

#[tokio::test]
async fn a_cancelled_call_leaves_the_database_usable() {
    for home in [setup::sqlite().await, setup::postgres().await] {
        let database = &home.database;
        for polls in 0..40 {
            let file = setup::file(&format!("{polls}"), &["a", "b", "c"]);
            let mut call = Box::pin(database.deploy(&file));
            for _poll in 0..polls {
                tokio::select! {
                    biased;
                    done = &mut call => { done.unwrap(); break; }
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        setup::one_dag(database, "z").await;
        let listed = database.dags(ShardId(0), None, 100).await.unwrap().readable;
        assert!(
            [1, 4].contains(&listed.len()),
            "all of a file or none: {listed:?}"
        );
    }
}
