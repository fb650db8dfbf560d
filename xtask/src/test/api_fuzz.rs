//! Sends thousands of odd requests to a running `wfctl up`, made from its own
//! `OpenAPI` document: none is answered with a 5xx, and every answer is as the
//! document says.
//!
//! The questions follow from a fixed seed. They are bounded in number, not in
//! time, so that a slow machine sends the same ones.

use crate::{
    installation::{Installation, Start},
    program, tools,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Of everything that is random.
const SEED: &str = "20260101";
/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";
/// Streams, which don't end: the server's own tests cover them.
const STREAMS: &str = "^follow_";
/// Called alone and last: it may be the own token that is revoked.
const REVOKES: &str = "^revoke_token$";

/// State to query: outputs, mapped instances, a task that waits for a day.
const DAGS: &str = r#"
[dag]
id = "demo"

[dag.params]
count = 3

[tasks.range]
component = "guest_sdk.wasm"
inputs = { count = { param = "count" } }

[tasks.halve]
component = "guest_sdk.wasm"
expand = { n = "range" }

[tasks.fails_for_good]
component = "guest_sdk.wasm"

[tasks.hold]
component = "guest_ledger.wasm"
inputs = { ledger = { value = "http://127.0.0.1" } }
"#;

/// Starts a server, and fuzzes it.
pub(crate) fn run(workspace: &Workspace, deep: bool) -> Result<()> {
    let tool = tools::SCHEMATHESIS.get(workspace)?;
    let wfctl = Wfctl::built(workspace, Profile::Dev);
    let folder = workspace.target().join("api-fuzz");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for guest in ["guest_sdk.wasm", "guest_ledger.wasm"] {
        let built = workspace.guests().join(guest);
        fs::copy(&built, folder.join(guest)).with_context(|| built.display().to_string())?;
    }
    let up = Installation::start(workspace, &wfctl, "api-fuzz/data", Start::Empty, &[])?;
    let token = fs::read_to_string(up.token())?;
    // In a file of its own, not among the arguments: those are shown.
    let settings = format!("[headers]\nAuthorization = \"Bearer {}\"\n", token.trim());
    fs::write(folder.join("schemathesis.toml"), settings)?;
    let fuzz = Fuzz {
        tool,
        hooks: workspace.root().join("xtask/api-fuzz"),
        document: workspace.root().join("crates/weft-server/openapi.json"),
        known: prepare(&wfctl, &up, &folder)?.to_string(),
        folder,
        requests: weft_sweeps::API_REQUESTS.size_if(deep).to_string(),
    };
    let most = format!("{STREAMS}|{REVOKES}");
    fuzz.ask(&up, &["--exclude-operation-id-regex", &most])?;
    program::read(&mut up.client(["tokens", "list"]))
        .context("the token does not hold any more: most requests were refused")?;
    fuzz.ask(&up, &["--include-operation-id-regex", REVOKES])?;
    up.end()
}

/// Deploys, runs, and tells what is there by the names that the document has for it.
fn prepare(wfctl: &Wfctl, up: &Installation<'_>, folder: &Path) -> Result<Value> {
    let manifest = folder.join("dag.toml");
    fs::write(&manifest, DAGS)?;
    let file = folder.join("dag.wasm");
    program::read(&mut wfctl.command([
        "build".as_ref(),
        manifest.as_os_str(),
        "--output".as_ref(),
        file.as_os_str(),
    ]))?;
    program::read(&mut up.client(["deploy".as_ref(), file.as_os_str()]))?;
    let mut runs = Vec::new();
    for _ in 0..3 {
        let trigger = ["runs", "trigger", "demo", "--output", "json"];
        let run = program::read(&mut up.client(trigger))?;
        let run: Value = serde_json::from_str(&run).context("a run is JSON")?;
        runs.push(run["id"].clone());
    }
    Ok(json!({
        "dag": ["demo"],
        "run": runs,
        "task": ["range", "halve", "fails_for_good", "hold"],
        "index": [0, 1],
        "version": [1],
        "command": [1, 2, 3],
        "tenant": ["default"],
        "name": ["some-name"],
    }))
}

/// How the tool is started.
struct Fuzz {
    tool: PathBuf,
    hooks: PathBuf,
    document: PathBuf,
    known: String,
    folder: PathBuf,
    /// Requests to each operation, besides those that its schema's bounds lead to.
    requests: String,
}

impl Fuzz {
    fn ask(&self, up: &Installation<'_>, which: &[&str]) -> Result<()> {
        let mut tool = Command::new(&self.tool);
        tool.current_dir(&self.folder)
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("PYTHONPATH", &self.hooks)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("WEFT_FUZZ_KNOWN", &self.known)
            .env("WEFT_FUZZ_FILE", self.folder.join("dag.wasm"))
            .arg("--no-color")
            .arg("run")
            .arg(&self.document)
            .args(["--url", up.url()])
            .args(["--seed", SEED, "--max-examples", &self.requests])
            .args(["--checks", CHECKS])
            .args(["--workers", "1", "--request-timeout", "60"])
            .args(["--continue-on-failure", "--warnings", "off"])
            .args(which);
        program::run(&mut tool)
    }
}
