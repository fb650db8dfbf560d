//! Databases of released versions, and the statements that these versions make.
//!
//! A step of the schema has to leave the version before at work: it reads and writes
//! beside the present one while an installation is upgraded. `tests/fixtures` of the
//! workspace has, for each released version and each database, what makes its schema, rows that
//! the program itself wrote, and the texts of its statements.

use crate::{
    raw::{Raw, RawError},
    setup,
};
use sqlx::AssertSqlSafe;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use weft_core::{id::TenantId, time::Timestamp};
use weft_store::{RunStore as _, ShardId};
use weft_store_sql::{
    DagFilter, Database, DatabaseLocation, InstanceFilter, RunCursor, RunFilter, StoredVariable,
    secret::{Keyring, SecretKind},
};

/// The key that these versions sealed with.
const KEY: &str = "5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b";
/// Tables that no released version has written yet.
const UNWRITTEN: [&str; 2] = ["answers", "workers"];
/// No list of these is longer.
const ALL: u32 = 500;

/// Columns of SQLite: table, name, type, whether it may be missing.
const COLUMNS_SQLITE: &str = "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" \
    FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
const COLUMNS_POSTGRES: &str = "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable \
    FROM information_schema.columns WHERE table_schema = 'public'";
/// Everything that was made, as SQLite keeps it: by the words that made it.
const SCHEMA_SQLITE: &str =
    "SELECT type || ' ' || name || ': ' || sql FROM sqlite_schema WHERE sql IS NOT NULL";
/// Columns in their order, indexes, constraints.
const SCHEMA_POSTGRES: &str = "SELECT concat_ws(' ', table_name, ordinal_position, column_name, data_type, \
    is_nullable, column_default, collation_name, is_identity, identity_generation) \
    FROM information_schema.columns WHERE table_schema = 'public' \
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
    UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace";

impl Raw {
    /// The one column of a query, in order.
    async fn texts(&mut self, query: &str) -> BTreeSet<String> {
        let texts: Vec<String> = match self {
            Self::Sqlite(raw) => {
                let mut query = raw.prepare(query).unwrap();
                let texts = query.query_map([], |row| row.get(0)).unwrap();
                texts.collect::<Result<_, _>>().unwrap()
            }
            Self::Postgres(raw) => sqlx::query_scalar(AssertSqlSafe(query))
                .persistent(false)
                .fetch_all(raw)
                .await
                .unwrap(),
        };
        texts.into_iter().collect()
    }

    async fn schema(&mut self) -> BTreeSet<String> {
        let query = match self {
            Self::Sqlite(_) => SCHEMA_SQLITE,
            Self::Postgres(_) => SCHEMA_POSTGRES,
        };
        self.texts(query).await
    }

    async fn columns(&mut self) -> BTreeSet<String> {
        let query = match self {
            Self::Sqlite(_) => COLUMNS_SQLITE,
            Self::Postgres(_) => COLUMNS_POSTGRES,
        };
        self.texts(query).await
    }

    /// How many rows there are, by table.
    async fn counts(&mut self) -> BTreeMap<String, usize> {
        let columns = self.columns().await;
        let tables: BTreeSet<&str> = columns
            .iter()
            .map(|column| column.split('.').next().unwrap())
            .collect();
        let mut counts = BTreeMap::new();
        for table in tables {
            let query = format!("SELECT CAST(count(*) AS TEXT) FROM {table}");
            let count = self.texts(&query).await.pop_first().unwrap();
            counts.insert(table.to_owned(), count.parse().unwrap());
        }
        counts
    }

    /// Empties these tables, whatever refers to them.
    async fn empty(&mut self, tables: &BTreeSet<&str>) {
        for table in tables {
            let script = match self {
                Self::Sqlite(_) => format!("DELETE FROM {table}"),
                Self::Postgres(_) => format!("TRUNCATE {table} CASCADE"),
            };
            self.run(&script).await.unwrap();
        }
    }

    /// Has a statement prepared and planned, with parameters of which nothing is known.
    async fn plan(&mut self, statement: &str) -> Result<(), RawError> {
        match self {
            Self::Sqlite(raw) => Ok(raw.prepare(statement).map(drop)?),
            // What a conflict is about is looked for only when a statement is planned.
            Self::Postgres(_) => {
                self.run("DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan")
                    .await?;
                self.run(&format!("PREPARE old AS {statement}")).await?;
                let count = "SELECT CAST(cardinality(parameter_types) AS TEXT) FROM pg_prepared_statements WHERE name = 'old'";
                let count = self.texts(count).await.pop_first().unwrap();
                let nulls = vec!["NULL"; count.parse().unwrap()].join(", ");
                let values = if nulls.is_empty() {
                    nulls
                } else {
                    format!("({nulls})")
                };
                self.run(&format!("EXPLAIN EXECUTE old{values}")).await
            }
        }
    }
}

/// A version that was released, with one kind of database.
struct Released {
    folder: PathBuf,
}

impl Released {
    /// Every version, with this kind.
    fn all(kind: &str) -> Vec<Self> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
        let mut found: Vec<PathBuf> = fs::read_dir(fixtures)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.starts_with("version-")
            })
            .collect();
        found.sort();
        assert!(!found.is_empty());
        found
            .into_iter()
            .map(|version| Self {
                folder: version.join(kind),
            })
            .collect()
    }

    fn text(&self, file: &str) -> String {
        let path = self.folder.join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Statements, one a line.
    fn statements(&self) -> Vec<String> {
        let text = self.text("statements.sql");
        let statements = text.lines().map(|line| line.strip_suffix(';').unwrap());
        statements.map(ToOwned::to_owned).collect()
    }

    /// The tables that rows are kept of.
    fn tables(rows: &str) -> BTreeSet<&str> {
        rows.lines()
            .filter_map(|line| line.strip_prefix("INSERT INTO "))
            .map(|line| line.split(' ').next().unwrap())
            .map(|table| table.strip_prefix("public.").unwrap_or(table))
            .collect()
    }

    /// Fills an empty place with it.
    async fn load(&self, place: &DatabaseLocation) -> Raw {
        let mut raw = Raw::of(place).await;
        for part in ["schema.sql", "rows.sql"] {
            raw.run(&self.text(part)).await.unwrap();
        }
        raw
    }
}

/// An empty place; a folder lasts as long as what is returned with it.
fn empty_place(kind: &str) -> (DatabaseLocation, Option<TempDir>) {
    if kind == "postgres" {
        return (setup::postgres_place(), None);
    }
    let folder = TempDir::new().unwrap();
    let place = DatabaseLocation::Sqlite {
        folder: folder.path().into(),
    };
    (place, Some(folder))
}

/// The schema of today, without anything in it but what it begins with.
async fn fresh(kind: &str) -> (Raw, Option<TempDir>) {
    let (place, folder) = empty_place(kind);
    let database = Database::open(&place).await.unwrap();
    database.migrate().await.unwrap();
    database.close().await;
    (Raw::of(&place).await, folder)
}

const KINDS: [&str; 2] = ["sqlite", "postgres"];

#[tokio::test]
async fn a_released_schema_migrates_to_the_current_schema() {
    for kind in KINDS {
        let (mut today, _folder) = fresh(kind).await;
        for released in Released::all(kind) {
            let (place, _folder) = empty_place(kind);
            let mut raw = released.load(&place).await;
            let database = Database::open(&place).await.unwrap();
            database.migrate().await.unwrap();
            database.check().await.unwrap();
            let schema = raw.schema().await;
            assert!(schema.len() > 40, "{schema:?}");
            assert_eq!(schema, today.schema().await, "{kind}");
        }
    }
}

#[tokio::test]
async fn rows_of_a_released_version_are_readable() {
    for kind in KINDS {
        for released in Released::all(kind) {
            let (place, _folder) = empty_place(kind);
            let mut raw = released.load(&place).await;
            let database = Database::open(&place).await.unwrap();
            database.migrate().await.unwrap();
            let counts = raw.counts().await;
            let written = released.text("rows.sql");
            for table in released.tables_that_were(&released.text("schema.sql")) {
                let is_written = Released::tables(&written).contains(table.as_str());
                assert!(is_written || UNWRITTEN.contains(&&*table), "{table}");
            }
            everything_is_read(&database, &counts).await;
        }
    }
}

impl Released {
    /// The tables of that version.
    fn tables_that_were(&self, schema: &str) -> BTreeSet<String> {
        let tables: BTreeSet<String> = schema
            .lines()
            .filter_map(|line| line.strip_prefix("CREATE TABLE "))
            .map(|line| line.split(['(', ' ']).next().unwrap())
            .map(|table| table.trim_start_matches("public.").to_owned())
            .collect();
        assert!(tables.len() > 15, "{}: {tables:?}", self.folder.display());
        tables
    }
}

/// Through the functions that everything goes by: as many of each as there are.
async fn everything_is_read(database: &Database, counts: &BTreeMap<String, usize>) {
    let tenant = TenantId::default();
    let shard = ShardId(0);
    let expect = |table: &str, count: usize| assert_eq!(counts[table], count, "{table}");
    expect(
        "tenants",
        database.list_tenants(None, ALL).await.unwrap().len(),
    );
    expect(
        "pools",
        database.list_pools(&tenant, None, ALL).await.unwrap().len(),
    );
    assert!(database.show_policy(&tenant).await.unwrap().is_some());
    expect(
        "tokens",
        database.list_tokens(None, None, ALL).await.unwrap().len(),
    );
    assert_eq!(database.installation().await.unwrap().len(), 32);
    expect(
        "crashes",
        database.crashes(shard).await.unwrap().readable.len(),
    );
    let settings = database.settings(shard).await.unwrap();
    expect("tenants", settings.tenants.len());
    let compiled = database.compiled_page(None, ALL).await.unwrap();
    expect("compiled", compiled.len());

    let keys = Keyring::parse(KEY).unwrap();
    let value = database.open_variable(&keys, &tenant, "region").await;
    let north = StoredVariable::Value("north".into());
    assert_eq!(value.unwrap(), Some(north));
    let mut secrets = 0;
    for kind in [SecretKind::Variable, SecretKind::Connection] {
        let listed = database.list_secrets(&tenant, kind, None, ALL).await;
        secrets += listed.unwrap().len();
    }
    expect("secrets", secrets);

    let filter = DagFilter {
        tenant: tenant.clone(),
        after: None,
        paused: None,
    };
    let dags = database.list_dags(&filter, ALL).await.unwrap();
    expect("dags", dags.len());
    let mut versions = 0;
    for dag in &dags {
        versions += database
            .list_versions(&tenant, &dag.id, None, ALL)
            .await
            .unwrap()
            .len();
    }
    expect("versions", versions);

    let filter = RunFilter {
        tenant: tenant.clone(),
        dag: None,
        state: None,
        kind: None,
        created_from: None,
        created_before: None,
        from: RunCursor::Newest,
    };
    let runs = database.list_runs(&filter, ALL).await.unwrap();
    let runs: Vec<_> = runs.into_iter().map(Result::unwrap).collect();
    expect("runs", runs.len());
    let (mut instances, mut tasks) = (0, 0);
    for run in &runs {
        let filter = InstanceFilter {
            tenant: tenant.clone(),
            run: run.id,
            task: None,
            state: None,
            after: None,
        };
        instances += database.list_instances(&filter, ALL).await.unwrap().len();
        tasks += database
            .list_task_summaries(&tenant, run.id)
            .await
            .unwrap()
            .len();
        let stored = database.run(run.id).await.unwrap().unwrap().unwrap();
        assert_eq!(stored.id, run.id);
    }
    expect("task_instances", instances);
    expect("run_tasks", tasks);
    let active = database
        .active_runs(shard, None, ALL)
        .await
        .unwrap()
        .readable;
    assert_eq!(active.len(), 1, "one was under way");
    assert!(!active[0].events.is_empty());
    let waiting = database.dags_with_queued_runs(shard, Timestamp(i64::MAX), None, ALL);
    assert_eq!(
        waiting.await.unwrap().len(),
        1,
        "and one waited, of a DAG that isn't paused"
    );
}

#[tokio::test]
async fn the_current_schema_accepts_writes_of_a_released_version() {
    for kind in KINDS {
        for released in Released::all(kind) {
            let (mut raw, _folder) = fresh(kind).await;
            let rows = released.text("rows.sql");
            raw.empty(&Released::tables(&rows)).await;
            raw.run(&rows).await.unwrap();
        }
    }
}

#[tokio::test]
async fn columns_of_a_released_version_are_unchanged() {
    for kind in KINDS {
        let (mut today, _folder) = fresh(kind).await;
        let today = today.columns().await;
        for released in Released::all(kind) {
            let (place, _folder) = empty_place(kind);
            let old = released.load(&place).await.columns().await;
            let changed: Vec<&String> = old.difference(&today).collect();
            assert!(changed.is_empty(), "{kind}: {changed:?}");
        }
    }
}

#[tokio::test]
async fn statements_of_a_released_version_fit_the_current_schema() {
    for kind in KINDS {
        let (mut raw, _folder) = fresh(kind).await;
        for released in Released::all(kind) {
            let statements = released.statements();
            assert!(statements.len() > 100, "{}", statements.len());
            for statement in statements {
                if let Err(error) = raw.plan(&statement).await {
                    panic!("{kind}: {error}: {statement}");
                }
            }
        }
    }
}

/// What a released version would miss is found by one of the tests above.
#[tokio::test]
async fn a_step_that_breaks_a_released_version_is_detected() {
    for kind in KINDS {
        for released in Released::all(kind) {
            let statements = released.statements();
            for step in [
                "ALTER TABLE pools RENAME COLUMN slots TO places",
                "ALTER TABLE run_tasks DROP COLUMN counts",
                "DROP TABLE crashes",
                "DROP INDEX dags_id",
            ] {
                let (mut raw, _folder) = fresh(kind).await;
                raw.run(step).await.unwrap();
                let mut broken = 0;
                for statement in &statements {
                    broken += usize::from(raw.plan(statement).await.is_err());
                }
                assert!(broken > 0, "{kind}: {step}");
            }
            let rows = released.text("rows.sql");
            let (mut raw, _folder) = fresh(kind).await;
            raw.empty(&Released::tables(&rows)).await;
            let step = "CREATE UNIQUE INDEX one_run_each ON runs (dag)";
            raw.run(step).await.unwrap();
            assert!(raw.run(&rows).await.is_err(), "{kind}: {step}");
        }
    }
}
