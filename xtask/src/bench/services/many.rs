//! An installation of many processes to measure: a Postgres that syncs each commit, a
//! Redis, a server, a scheduler, and workers. All of it goes when it is dropped.

use super::Bench;
use crate::{
    installation::{Installation, Start},
    program, tools,
    wfctl::Wfctl,
};
use anyhow::{Context as _, Result, bail};
use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use ureq::Agent;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);
/// The default memory limit of a task, in MiB.
const TASK_MEMORY: u32 = 256;
/// Between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The folder of the server and the worker, in the target folder.
const FOLDER: &str = "bench-many";

/// How attempts reach the worker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    /// It takes them from Redis itself.
    Direct,
    /// It takes them from the server's gateway.
    Server,
}

/// The whole installation.
pub(super) struct Many<'b> {
    wfctl: &'b Wfctl,
    folder: PathBuf,
    /// The arguments that name database, Redis and blob store, for servers and schedulers.
    backend_args: Vec<String>,
    route: Route,
    scheduler: Option<Running>,
    pub(super) server: Installation<'b>,
    _redis: Running,
    _postgres: Postgres,
}

/// A worker of the installation.
pub(super) struct Worker {
    process: Running,
    /// The address of its status page.
    pub(super) status: String,
}

impl<'b> Many<'b> {
    /// Starts it without workers; those that are added later use this route.
    pub(super) fn start(bench: &Bench<'b>, route: Route) -> Result<Self> {
        let folder = bench.workspace.target().join(FOLDER);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("blobs"))?;
        let postgres = Postgres::start()?;
        let port = free_port()?.to_string();
        let redis = Running::start(Command::new(tools::redis()?).args([
            "--port",
            &port,
            "--save",
            "",
            "--appendonly",
            "no",
            "--bind",
            "127.0.0.1",
        ]))?;
        let address = folder.join("database.url");
        fs::write(&address, &postgres.url)?;
        let backend_args = vec![
            "--database-file".to_owned(),
            address.display().to_string(),
            "--redis".to_owned(),
            format!("redis://127.0.0.1:{port}"),
            "--blobs".to_owned(),
            format!("file://{}", folder.join("blobs").display()),
        ];
        program::run(
            bench
                .wfctl
                .command(["db", "migrate", "--database-file"])
                .arg(&address),
        )?;
        let more: Vec<&str> = backend_args.iter().map(String::as_str).collect();
        let server = Installation::serving(
            "server",
            bench.workspace,
            bench.wfctl,
            &format!("{FOLDER}/server"),
            Start::Empty,
            &more,
        )?;
        let scheduler = Running::start(bench.wfctl.command(["scheduler"]).args(&backend_args))?;
        let role = match route {
            Route::Direct => "trusted-worker",
            Route::Server => "worker",
        };
        let token = program::read(&mut server.client(["tokens", "create", "w", "--role", role]))?;
        fs::write(folder.join("token"), token)?;
        Ok(Self {
            wfctl: bench.wfctl,
            folder,
            backend_args,
            route,
            scheduler: Some(scheduler),
            server,
            _redis: redis,
            _postgres: postgres,
        })
    }

    /// Starts another worker, whose data folder has its name.
    pub(super) fn worker(&self, name: &str, slots: u32) -> Result<Worker> {
        let status = format!("127.0.0.1:{}", free_port()?);
        let connection = match self.route {
            Route::Direct => "direct",
            Route::Server => "server",
        };
        let mut command = self.wfctl.command(["worker", "--url", self.server.url()]);
        command
            .args(["--status", &status, "--way", connection, "--name", name])
            .args(["--slots", &slots.to_string()])
            // The sum of its slots' limits: slots are measured, not this machine's memory.
            .args(["--memory", &format!("{}MiB", slots * TASK_MEMORY)])
            .arg("--token-file")
            .arg(self.folder.join("token"))
            .arg("--data")
            .arg(self.folder.join(name));
        let process = Running::start(&mut command)?;
        Ok(Worker { process, status })
    }

    /// Starts another scheduler.
    pub(super) fn standby(&self) -> Result<Running> {
        Running::start(self.wfctl.command(["scheduler"]).args(&self.backend_args))
    }

    /// Kills the first scheduler, as a loss of power would.
    pub(super) fn kill_scheduler(&mut self) {
        self.scheduler = None;
    }
}

impl Worker {
    /// Waits until the worker takes attempts.
    pub(super) fn ready(&self) -> Result<()> {
        patiently("the worker", || {
            let page = format!("http://{}/health/ready", self.status);
            ureq::get(page).call().is_ok()
        })
    }

    /// The number of its free slots, from its metrics.
    pub(super) fn slots_free(&self, agent: &Agent) -> Result<u32> {
        let page = format!("http://{}/metrics", self.status);
        let metrics = agent.get(page).call()?.body_mut().read_to_string()?;
        metrics
            .lines()
            .find_map(|line| line.strip_prefix("weft_worker_slots_free ")?.parse().ok())
            .context("the worker's metrics lack weft_worker_slots_free")
    }

    /// Id of its process.
    pub(super) fn number(&self) -> u32 {
        self.process.0.id()
    }
}

/// A process, killed when dropped.
pub(super) struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Self(
            child.with_context(|| format!("{name} did not start"))?,
        ))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server as its package sets it up, but for where it listens.
struct Postgres {
    url: String,
    _server: Running,
    _folder: Folder,
}

/// A temporary folder, removed when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

impl Postgres {
    fn start() -> Result<Self> {
        let programs = tools::postgres()?;
        let path = env::temp_dir().join(format!("weft-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        let folder = Folder(path);
        if tools::is_root() {
            program::run(Command::new("chown").arg("nobody:nogroup").arg(&folder.0))?;
        }
        let data = folder.0.join("data");
        let mut init = as_nobody(&programs.join("initdb"));
        init.arg("-D").arg(&data);
        init.args(["-U", "weft", "-A", "trust", "-E", "UTF8", "--locale=C"]);
        program::read(&mut init)?;
        let mut serve = as_nobody(&programs.join("postgres"));
        serve.arg("-D").arg(&data).arg("-k").arg(&folder.0);
        let server = Running::start(serve.args(["-c", "listen_addresses="]))?;
        patiently("Postgres", || {
            let mut ready = Command::new(programs.join("pg_isready"));
            let ready = ready.arg("--quiet").arg("--host").arg(&folder.0).status();
            ready.is_ok_and(|status| status.success())
        })?;
        let mut make = Command::new(programs.join("createdb"));
        make.arg("--host").arg(&folder.0);
        program::run(make.args(["--username=weft", "weft"]))?;
        Ok(Self {
            url: format!("postgres://weft@localhost/weft?host={}", folder.0.display()),
            _server: server,
            _folder: folder,
        })
    }
}

/// The server refuses to run as root.
fn as_nobody(program: &Path) -> Command {
    if !tools::is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    command.arg(program);
    command
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn patiently(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > PATIENCE {
            bail!("{what} did not begin within {PATIENCE:?}");
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}
