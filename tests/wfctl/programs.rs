//! Programs from any compiler as tasks: the same DAG in five languages, and two
//! programs of other people's, on the week of earthquakes of the examples.

use crate::home::Home;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};
use weft_tests::guests;

/// Each has the program `numbers-<language>.wasm`.
const LANGUAGES: [&str; 5] = ["c", "cpp", "zig", "go", "assemblyscript"];

/// jaq takes the feed apart, `numbers` computes, SQLite computes the same.
const PIPELINE: &str = r#"
[dag]
id = "magnitudes"

[dag.params]
threshold = { default = 300, schema = { type = "integer" } }

[tasks.feed]
program = "feed.wasm"

[tasks.networks]
description = "The magnitudes of each network, in hundredths"
program = "jaq.wasm"
args = ["--compact-output", """
  .events | map(select(.kind == "earthquake" and .magnitude != null))
  | group_by(.id[:2]) | map(map(.magnitude * 100 | round))"""]
inputs = { events = "feed" }

[tasks.part]
program = "numbers-LANGUAGE.wasm"
args = ["part"]
expand = { numbers = "networks" }

[tasks.whole]
program = "numbers-LANGUAGE.wasm"
args = ["whole", "{{ params.threshold }}"]
inputs = { parts = "part" }
skip_on_exit = [3]
fail_on_exit = [65]

[tasks.checked]
program = "sqlite3.wasm"
args = [":memory:", """
  SELECT json_object('count', count(*), 'sum', sum(number.value), 'most', max(number.value))
  FROM json_each('{{ inputs.networks }}') AS network, json_each(network.value) AS number"""]
inputs = { networks = "networks" }
"#;

/// SQLite makes a database, which is an artifact, and another task asks it.
const DATABASE: &str = r#"
[dag]
id = "database"

[tasks.feed]
program = "feed.wasm"

[tasks.rows]
description = "As a text of SQL's"
program = "jaq.wasm"
args = ["--raw-output", """
  .events | map(select(.kind == "earthquake" and .magnitude != null) | [.id, .magnitude, (.place | split(", ") | last)])
  | tojson | gsub("'"; "''")"""]
inputs = { events = "feed" }
output = "text"

[tasks.database]
program = "sqlite3.wasm"
args = ["-vfs", "unix-none", "/out/quakes.db",
  "CREATE TABLE quake (id TEXT PRIMARY KEY, magnitude REAL NOT NULL, region TEXT NOT NULL)",
  "INSERT INTO quake SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each('{{ inputs.rows }}')"]
inputs = { rows = "rows" }

[tasks.regions]
program = "sqlite3.wasm"
args = ["-vfs", "unix-none", "-readonly", "-json", "/in/database", """
  SELECT region, count(*) AS quakes, max(magnitude) AS most FROM quake
  GROUP BY region ORDER BY quakes DESC, region LIMIT 3"""]
inputs = { database = "database" }
"#;

/// An earthquake of the feed, as the test itself reads it.
struct Quake {
    magnitude: f64,
    region: String,
}

/// Every event that is an earthquake and has a magnitude.
fn quakes() -> Vec<Quake> {
    let file = guests::root().join("examples/quakes/data/earthquakes.json");
    let feed: Value = serde_json::from_slice(&fs::read(file).expect("the feed is there"))
        .expect("the feed is JSON");
    let events = feed["features"].as_array().expect("it lists events");
    events
        .iter()
        .map(|event| &event["properties"])
        .filter(|event| event["type"] == "earthquake")
        .filter_map(|event| {
            let place = event["place"].as_str().unwrap_or_default();
            Some(Quake {
                magnitude: event["mag"].as_f64()?,
                region: place.rsplit(", ").next()?.to_owned(),
            })
        })
        .collect()
}

/// What `numbers` and SQLite have to find.
fn expected() -> Value {
    let hundredths: Vec<i64> = quakes()
        .iter()
        .map(|quake| format!("{:.0}", (quake.magnitude * 100.0).round()))
        .map(|text| text.parse().expect("it is a whole number"))
        .collect();
    json!({
        "count": hundredths.len(),
        "sum": hundredths.iter().sum::<i64>(),
        "most": hundredths.iter().max(),
    })
}

fn run(home: &Home, manifest: &str, code: i32, args: &[&str]) -> Value {
    home.dag(manifest);
    let args = [&["run", "--output", "json", "dag.toml"], args].concat();
    home.run(&args).exits(code).run_ended()
}

#[test]
fn the_same_dag_in_each_language_gives_the_same_output() {
    let expected = expected();
    let home = Home::new();
    let mut pages = BTreeMap::new();
    for language in LANGUAGES {
        let manifest = PIPELINE.replace("LANGUAGE", language);
        let ended = run(&home, &manifest, 0, &[]);
        let tasks = &ended["tasks"];
        assert_eq!(tasks["whole"]["output"], expected, "{language}");
        assert_eq!(tasks["checked"]["output"], expected, "SQLite");
        let parts = tasks["part"]["instances"].as_array().map(Vec::len);
        assert_eq!(parts, Some(12), "{language}: one for each network");
        let page = artifact(&ended, "page.txt");
        pages.insert(page, language);
    }
    let count = &expected["count"];
    let most = &expected["most"];
    let page = format!("{count} in 12 parts, at most {most}\n");
    assert_eq!(pages.into_keys().collect::<Vec<_>>(), [page]);
    home.is_tidy();
}

#[test]
fn an_exit_code_means_a_skip_or_a_failure_for_good_in_each_language() {
    let home = Home::new();
    for language in LANGUAGES {
        let manifest = PIPELINE.replace("LANGUAGE", language);
        let ended = run(&home, &manifest, 0, &["--param", "threshold=700"]);
        assert_eq!(ended["tasks"]["whole"]["state"], "skipped", "{language}");
        let wrong = manifest.replace("\"whole\", \"{{", "\"hole\", \"{{");
        let ended = run(&home, &wrong, 1, &[]);
        let whole = &ended["tasks"]["whole"];
        assert_eq!(whole["state"], "failed", "{language}");
        assert_eq!(whole["attempts"], 1, "{language}");
    }
}

#[test]
fn a_database_is_made_by_one_task_and_asked_by_another() {
    let mut regions: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for quake in quakes() {
        let (count, most) = regions.entry(quake.region).or_insert((0, f64::MIN));
        *count += 1;
        *most = most.max(quake.magnitude);
    }
    let mut regions: Vec<_> = regions.into_iter().collect();
    regions.sort_by(|(a, (m, _)), (b, (n, _))| n.cmp(m).then(a.cmp(b)));
    let expected: Vec<Value> = regions
        .into_iter()
        .take(3)
        .map(|(region, (quakes, most))| json!({"region": region, "quakes": quakes, "most": most}))
        .collect();
    let ended = run(&Home::new(), DATABASE, 0, &[]);
    assert_eq!(ended["tasks"]["regions"]["output"], json!(expected));
}

#[test]
fn a_manifest_and_its_programs_become_one_file() {
    let home = Home::new();
    home.dag(&PIPELINE.replace("LANGUAGE", "c"));
    home.run(&["build", "dag.toml", "-o", "one.wasm"]).exits(0);
    let work = home.path("work");
    for file in fs::read_dir(&work)
        .expect("the folder can be listed")
        .flatten()
    {
        if file.file_name() != "one.wasm" {
            fs::remove_file(file.path()).expect("the file can be removed");
        }
    }
    let ended = home
        .run(&["run", "--output", "json", "one.wasm"])
        .exits(0)
        .run_ended();
    assert_eq!(ended["tasks"]["whole"]["output"], expected());
}

/// The text of a file that the run left.
fn artifact(ended: &Value, what: &str) -> String {
    let folder = ended["folder"].as_str().expect("a run has a folder");
    let kept = crate::home::files(&std::path::Path::new(folder).join("artifacts"));
    let texts: Vec<String> = kept
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .collect();
    assert_eq!(texts.len(), 1, "{what} is the only text in {kept:?}");
    texts.into_iter().next().unwrap_or_default()
}
