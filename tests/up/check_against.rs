//! `wfctl check --against`: a file beside what a server has.

use crate::{installation::Installation, workers};
use serde_json::{Value, json};
use std::fs;

const DEPLOYED: &str = r#"
[dag]
id = "d"
[dag.params.rows]
default = 1
[tasks.a]
component = "guest_sdk.wasm"
task = "small"
inputs = { n = { param = "rows" } }
"#;

const CHANGED: &str = r#"
[dag]
id = "d"
schedule = "@daily"
[tasks.a]
component = "guest_sdk.wasm"
task = "small"
inputs = { n = { value = 7 } }
pool = "small"
grants = { variables = ["key"] }
[tasks.b]
component = "guest_sdk.wasm"
task = "small"
inputs = { n = { value = 7 } }
after = ["a"]
queue = "gpu"
"#;

#[test]
fn a_change_is_compared_before_it_is_deployed() {
    let installation = Installation::new();
    let up = installation.up();
    let said = installation.deploy_with(&up, "guest_sdk", DEPLOYED);
    assert_eq!(said.code, Some(0), "{said:?}");
    // A token of a viewer is enough.
    let token = workers::token(&installation, &up, "viewer");
    let check = |format: &str| {
        let args = ["check", "dag.toml", "--against", "--output", format];
        installation.client_with(&up, &args, &token)
    };
    let same = check("text");
    assert_eq!(same.code, Some(0), "{same:?}");
    assert_eq!(same.stdout, "d: the same as version 1\n");

    fs::write(installation.path("work").join("dag.toml"), CHANGED).expect("there is room");
    let changed = check("json");
    assert_eq!(changed.code, Some(1), "{changed:?}");
    let found: Value = serde_json::from_str(&changed.stdout).expect("it is JSON");
    assert_eq!(found["fine"], json!(false));
    let dag = &found["dags"][0];
    assert_eq!(
        (&dag["dag"], &dag["change"], &dag["version"]),
        (&json!("d"), &json!("changed"), &json!(1))
    );
    assert_eq!(dag["difference"]["tasks_added"], json!(["b"]));
    assert_eq!(
        dag["breaking"],
        json!([
            "the parameter rows is gone: a run that gives it is refused",
            "the output of a is not returned any more to tasks that call the DAG",
        ])
    );
    assert_eq!(
        dag["missing"],
        json!([
            "a worker for the queue gpu (task b)",
            "the pool small (task a)",
            "the variable key (task a)"
        ])
    );
    let comment = check("markdown");
    assert_eq!(comment.code, Some(1), "{comment:?}");
    for expected in [
        "#### `d`: changes version 1",
        "+ task b",
        "- **missing**: the variable key",
    ] {
        assert!(comment.stdout.contains(expected), "{}", comment.stdout);
    }
    let unchanged = installation.list(&up, &["dags", "versions", "d"]);
    assert_eq!(unchanged.len(), 1, "a comparison deploys nothing");

    let new = CHANGED.replace("id = \"d\"", "id = \"e\"");
    fs::write(installation.path("work").join("dag.toml"), new).expect("there is room");
    let new = check("text");
    assert!(new.stdout.starts_with("e: new\n"), "{new:?}");
}
