//! An installation of many processes to measure: a Postgres that syncs each commit, a
//! Redis, a server, a scheduler and a worker. All of it goes when it is dropped.

use super::Bench;
use crate::{
    installation::{Installation, Start},
    program, tools,
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

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The folder of the server and the worker, in the target folder.
const FOLDER: &str = "bench-many";

/// How attempts reach the worker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    /// It takes them from Redis itself.
    Direct,
    /// The server brings them.
    Server,
}

/// All of it.
pub(super) struct Many<'b> {
    worker: Running,
    _scheduler: Running,
    pub(super) server: Installation<'b>,
    /// Where the worker says how it fares.
    pub(super) status: String,
    _redis: Running,
    _postgres: Postgres,
}

impl<'b> Many<'b> {
    /// With a worker that goes this way.
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
        let places = [
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
        let more: Vec<&str> = places.iter().map(String::as_str).collect();
        let server = Installation::serving(
            "server",
            bench.workspace,
            bench.wfctl,
            &format!("{FOLDER}/server"),
            Start::Empty,
            &more,
        )?;
        let scheduler = Running::start(bench.wfctl.command(["scheduler"]).args(&places))?;
        let (role, way) = match route {
            Route::Direct => ("trusted-worker", "direct"),
            Route::Server => ("worker", "server"),
        };
        let token = program::read(&mut server.client(["tokens", "create", "w", "--role", role]))?;
        let file = folder.join("token");
        fs::write(&file, token)?;
        let status = format!("127.0.0.1:{}", free_port()?);
        let worker = Running::start(
            bench
                .wfctl
                .command(["worker", "--url", server.url(), "--status", &status])
                .args(["--way", way])
                .arg("--token-file")
                .arg(&file)
                .arg("--data")
                .arg(folder.join("worker")),
        )?;
        let many = Self {
            worker,
            _scheduler: scheduler,
            server,
            status,
            _redis: redis,
            _postgres: postgres,
        };
        patiently("the worker", || {
            let page = format!("http://{}/health/ready", many.status);
            ureq::get(page).call().is_ok()
        })?;
        Ok(many)
    }

    /// The worker's process.
    pub(super) fn worker_number(&self) -> u32 {
        self.worker.0.id()
    }
}

/// A process, killed when dropped.
struct Running(Child);

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
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}
