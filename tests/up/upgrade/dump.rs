//! A database as text: what makes its schema, and its rows, each with the names of its columns.
//!
//! SQLite's is written and read by Python's own, as a backup of an operator's might be; Postgres'
//! by its own programs.

use super::{Kind, Place, component};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use weft_core::digest::Digest;

/// Into `schema.sql` and `rows.sql` of a folder.
const SAVE_SQLITE: &str = r#"
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
made = "FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
tables = []
with open(sys.argv[2] + "/schema.sql", "w") as schema:
    for kind, name, sql in database.execute("SELECT type, name, sql " + made):
        if kind == "table":
            tables.append(name)
        if name != "sqlite_sequence":
            schema.write(sql + ";\n")
# Inserting rows with keys of their own writes it, too.
tables.remove("sqlite_sequence")
tables.append("sqlite_sequence")
with open(sys.argv[2] + "/rows.sql", "w") as rows:
    for table in tables:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        names = ", ".join(columns)
        values = " || ', ' || ".join(f"quote({column})" for column in columns)
        if table == "sqlite_sequence":
            rows.write("DELETE FROM sqlite_sequence;\n")
        for (row,) in database.execute(f"SELECT {values} FROM {table}"):
            rows.write(f"INSERT INTO {table} ({names}) VALUES ({row});\n")
"#;

const LOAD_SQLITE: &str = r#"
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
for part in ["schema", "rows"]:
    with open(sys.argv[2] + f"/{part}.sql") as script:
        database.executescript(script.read())
"#;

fn done(command: &mut Command) -> Vec<u8> {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    output.stdout
}

fn python(script: &str, place: &Place, folder: &Path) {
    let mut command = Command::new("python3");
    command.args(["-c", script]);
    done(command.arg(place.here.path("data/weft.db")).arg(folder));
}

/// Writes what a database holds, which no process uses meanwhile.
pub(super) fn save(place: &Place, folder: &Path) {
    match place.kind {
        Kind::Sqlite => python(SAVE_SQLITE, place, folder),
        Kind::Postgres => {
            for (part, more) in [
                ("schema.sql", &["--schema-only"][..]),
                ("rows.sql", &["--data-only", "--column-inserts"][..]),
            ] {
                let mut command = Command::new("pg_dump");
                command.args(["--no-owner", "--no-privileges"]).args(more);
                let text = String::from_utf8(done(command.arg(&place.url))).expect("UTF-8");
                fs::write(folder.join(part), essence(&text)).expect("there is room");
            }
        }
    }
}

/// Without comments and settings, of which each version of `pg_dump` has others.
fn essence(dump: &str) -> String {
    let noise = ["--", "SET ", "SELECT pg_catalog.set_config", "\\"];
    dump.lines()
        .filter(|line| !line.is_empty() && !noise.iter().any(|start| line.starts_with(start)))
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Fills an empty database.
pub(super) fn load(place: &Place, folder: &Path) {
    match place.kind {
        Kind::Sqlite => python(LOAD_SQLITE, place, folder),
        Kind::Postgres => {
            let mut command = Command::new("psql");
            command.args(["--no-psqlrc", "--quiet", "--single-transaction"]);
            command.args(["--set", "ON_ERROR_STOP=1"]);
            for part in ["schema.sql", "rows.sql"] {
                command.arg("--file").arg(folder.join(part));
            }
            done(command.arg(&place.url));
        }
    }
}

/// Where a component lies in a data folder.
fn lies(data: &Path, bytes: &[u8]) -> PathBuf {
    let digest = Digest::of(bytes).hex();
    data.join("blobs/tenants/default/component")
        .join(&digest[..2])
        .join(digest)
}

/// Copies what was deployed, apart from the component that every version has at hand.
pub(super) fn keep_components(data: &Path, folder: &Path) {
    fs::create_dir_all(folder).expect("there is room");
    let known = fs::read(component()).expect("it is there");
    let components = data.join("blobs/tenants/default/component");
    let parts = fs::read_dir(components).expect("there are components");
    for part in parts {
        let files = fs::read_dir(part.expect("it is read").path()).expect("it is a folder");
        for file in files {
            let bytes = fs::read(file.expect("it is read").path()).expect("it is read");
            if bytes != known {
                let name = format!("{}.wasm", &Digest::of(&bytes).hex()[..12]);
                fs::write(folder.join(name), bytes).expect("there is room");
            }
        }
    }
}

/// The other way.
pub(super) fn put_components(data: &Path, folder: &Path) {
    let kept = fs::read_dir(folder).expect("it was kept");
    let kept = kept.map(|file| file.expect("it is read").path());
    for file in kept.chain([component()]) {
        let bytes = fs::read(file).expect("it was kept");
        let target = lies(data, &bytes);
        let folder = target.parent().expect("it lies in a folder");
        fs::create_dir_all(folder).expect("there is room");
        fs::write(target, bytes).expect("there is room");
    }
}

/// The lines of a file, each of them JSON.
pub(super) fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("it was kept");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}
