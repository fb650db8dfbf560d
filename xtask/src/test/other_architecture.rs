//! A worker of another architecture: an aarch64 program, run by QEMU, joins a server on x86-64,
//! which compiles for it. The tasks of one run go to both. What a processor ends, a trap and a
//! stack that overflows, ends the attempt and not the worker.

use crate::{
    dist::{self, Base, Platform},
    installation::{Installation, Start},
    program,
    steps::timed,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Policy that allows tasks on the other architecture.
const POLICY: &str = "[queues]\nallow = [\"architecture=aarch64\"]\n";
/// The other worker's name.
const WORKER: &str = "arm";
/// A component and a module on each architecture, and the output of one as the input of the other.
const MIXED: &str = r#"
[dag]
id = "mixed"

[tasks.range]
component = "guest_sdk.wasm"
inputs = { count = { value = 8 } }

[tasks.halve]
component = "guest_sdk.wasm"
expand = { n = "range" }
queue = "architecture=aarch64"

[tasks.module_here]
program = "plain-module.wasm"
after = ["range"]

[tasks.module_there]
program = "plain-module.wasm"
after = ["range"]
queue = "architecture=aarch64"
"#;
/// Tasks that the processor or the ticker ends, by the code of the failure.
const ENDS: [(&str, &str); 3] = [
    ("trap", "trap"),
    ("deep_recursion", "stack_overflow"),
    ("endless_loop", "timeout"),
];
/// Components that are compiled for the other architecture: guests that the tasks there use.
const FETCHED: u64 = 3;
const GUESTS: [&str; 3] = ["guest_sdk.wasm", "plain-module.wasm", "guest_hostile.wasm"];
/// How long the worker may take to start; QEMU translates all of its code.
const PATIENCE: Duration = Duration::from_mins(3);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Builds the program for the other architecture, and has it join.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let platform = Platform::Aarch64;
    ensure!(
        !platform.is_here(),
        "this machine is of that architecture itself"
    );
    let program = timed("wfctl for aarch64", || {
        dist::build(workspace, platform, Profile::Demo)
    })?;
    let base = Base::get(platform)?;
    let arm = dist::runnable(Wfctl::at(workspace, &program), platform, &base)?;
    let wfctl = Wfctl::built(workspace, Profile::Dev);
    let folder = workspace.target().join("other-architecture");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for guest in GUESTS {
        let built = workspace.guests().join(guest);
        fs::copy(&built, folder.join(guest)).with_context(|| built.display().to_string())?;
    }
    let data = "other-architecture/data";
    let up = Installation::start(workspace, &wfctl, data, Start::Empty, &[])?;
    let policy = folder.join("policy.toml");
    fs::write(&policy, POLICY)?;
    program::run(&mut up.client(["policy".as_ref(), "set".as_ref(), policy.as_os_str()]))?;
    let worker = timed("the worker joins", || Worker::start(&arm, &up, &folder))?;
    timed("a run on both", || mixed(&wfctl, &up, &folder))?;
    timed("what the processor ends", || ends(&wfctl, &up, &folder))?;
    worker.check()?;
    up.end()
}

/// Deploys a manifest and runs it to its end, whichever that is; returns the run.
fn run(
    wfctl: &Wfctl,
    up: &Installation<'_>,
    folder: &Path,
    dag: &str,
    text: &str,
) -> Result<String> {
    let (manifest, file) = (
        folder.join(format!("{dag}.toml")),
        folder.join(format!("{dag}.dag.wasm")),
    );
    fs::write(&manifest, text)?;
    program::read(&mut wfctl.command([
        "build".as_ref(),
        manifest.as_os_str(),
        "--output".as_ref(),
        file.as_os_str(),
    ]))?;
    program::read(&mut up.client(["deploy".as_ref(), file.as_os_str()]))?;
    let trigger = ["runs", "trigger", dag, "--output", "json"];
    let run: Value = serde_json::from_str(&program::read(&mut up.client(trigger))?)?;
    let run = run["id"].as_str().context("a run has an id")?;
    // It prints how the run ended, and a failed one fails it.
    up.client(["runs", "watch", run]).status()?;
    Ok(run.to_owned())
}

/// The instances of a task.
fn instances(up: &Installation<'_>, run: &str, task: &str) -> Result<Vec<Value>> {
    let list = ["tasks", "list", run, "--task", task, "--output", "json"];
    Ok(serde_json::from_str(&program::read(&mut up.client(list))?)?)
}

fn mixed(wfctl: &Wfctl, up: &Installation<'_>, folder: &Path) -> Result<()> {
    let run = run(wfctl, up, folder, "mixed", MIXED)?;
    for (task, there, count) in [
        ("range", false, 1),
        ("halve", true, 8),
        ("module_here", false, 1),
        ("module_there", true, 1),
    ] {
        let instances = instances(up, &run, task)?;
        ensure!(instances.len() == count, "{task}: {instances:?}");
        for instance in instances {
            // Odd numbers are skipped by the guest itself.
            let state = instance["state"].as_str().unwrap_or_default();
            ensure!(
                ["success", "skipped"].contains(&state),
                "{task}: {instance}"
            );
            ensure!(
                (instance["worker"] == WORKER) == there,
                "{task}: {instance}"
            );
        }
    }
    Ok(())
}

fn ends(wfctl: &Wfctl, up: &Installation<'_>, folder: &Path) -> Result<()> {
    let tasks = ENDS.map(|(task, _code)| {
        format!(
            "[tasks.{task}]\ncomponent = \"guest_hostile.wasm\"\n\
             queue = \"architecture=aarch64\"\ntimeout = \"5s\"\n"
        )
    });
    let text = format!("[dag]\nid = \"ends\"\n{}", tasks.concat());
    let run = run(wfctl, up, folder, "ends", &text)?;
    for (task, code) in ENDS {
        let instances = instances(up, &run, task)?;
        let [instance] = &instances[..] else {
            bail!("{task} has {} instances", instances.len());
        };
        ensure!(instance["error"]["code"] == code, "{task}: {instance}");
        ensure!(instance["worker"] == WORKER, "{task}: {instance}");
    }
    Ok(())
}

/// The worker's process, killed when dropped.
struct Worker {
    process: Child,
    status: String,
    log: PathBuf,
}

impl Worker {
    /// Starts it, and waits until the server knows it.
    fn start(arm: &Wfctl, up: &Installation<'_>, folder: &Path) -> Result<Self> {
        let token = folder.join("token");
        let create = ["tokens", "create", WORKER, "--role", "worker"];
        fs::write(&token, program::read(&mut up.client(create))?)?;
        let status = free_address()?;
        let log = folder.join("worker.log");
        let mut serve = arm.command(["worker", "--name", WORKER, "-q", "architecture="]);
        serve
            .args(["--slots", "4", "--status", &status, "--url", up.url()])
            .arg("--token-file")
            .arg(&token)
            .arg("--data")
            .arg(folder.join("worker"))
            .stdin(Stdio::null())
            .stderr(fs::File::create(&log)?);
        let worker = Self {
            process: serve.spawn().context("QEMU did not start")?,
            status,
            log,
        };
        let began = Instant::now();
        loop {
            let list = ["workers", "list", "--output", "json"];
            let workers: Vec<Value> = serde_json::from_str(&program::read(&mut up.client(list))?)?;
            if let Some(it) = workers.iter().find(|worker| worker["id"] == WORKER) {
                eprintln!("{it}");
                let architecture = &it["labels"]["architecture"];
                ensure!(
                    architecture == "aarch64",
                    "it says of itself {architecture}"
                );
                return Ok(worker);
            }
            if began.elapsed() > PATIENCE {
                bail!("it did not join within {PATIENCE:?}:\n{}", worker.output());
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// It lives, and the server compiled everything that it ran.
    fn check(&self) -> Result<()> {
        let page = format!("http://{}/metrics", self.status);
        let metrics = ureq::get(&page).call()?.body_mut().read_to_string()?;
        for (name, expected) in [
            ("weft_worker_compile_cache_fetched_total", FETCHED),
            ("weft_worker_compile_cache_misses_total", 0),
        ] {
            let value = metrics.lines().find_map(|line| line.strip_prefix(name));
            let value = value.and_then(|value| value.trim().parse().ok());
            ensure!(
                value == Some(expected),
                "{name} is {value:?}:\n{}",
                self.output()
            );
        }
        Ok(())
    }

    fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has ended already where something went wrong.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// An address with no listener.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
