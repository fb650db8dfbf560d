//! The Compose file, run by Podman: a deployment, a run, a restart, and another run.
//!
//! Nothing is pulled. The image of Weft is the packaged one; those of Postgres, Redis, `SeaweedFS`
//! and the AWS client are stand-ins of the same names, made of Debian's packages by debootstrap.
//! Podman and runc get settings of their own here, which also fit a machine that is a container.

use crate::{
    program,
    steps::timed,
    tools::{self, environment},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// Reads Compose files for Podman.
const PODMAN_COMPOSE: &str = "podman-compose==1.6.0";
/// Debian's version whose packages stand-ins are made of, and its Python's.
const DEBIAN: (&str, &str) = ("bookworm", "3.11");
/// What stand-ins need.
const PACKAGES: &str = "postgresql,redis-server,python3";
/// The image that all stand-ins begin with. It is kept, since it takes minutes.
const BASE: &str = "localhost/weft-stand-ins:bookworm";
/// Names of images in the Compose file, and the scripts in `xtask/compose` that are their entry points.
const STAND_INS: [(&str, Option<&str>); 4] = [
    ("docker.io/library/postgres:17", Some("postgres")),
    ("docker.io/library/redis:7", None),
    ("docker.io/chrislusf/seaweedfs:3.97", Some("weed")),
    ("docker.io/amazon/aws-cli:2.31.0", Some("aws")),
];
/// The Compose file's name of the product.
const WEFT: &str = "docker.io/library/weft:latest";
/// What is restarted: all that keeps its state on disk, or none. The stand-in for S3 has it in memory.
const RESTARTED: [&str; 5] = ["postgres", "redis", "server", "scheduler", "worker"];
/// The server's container.
const SERVER: &str = "weft_server_1";
/// Works without systemd, without the right to raise limits, and with both versions of cgroups.
const SETTINGS: &str = "\
    [containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n\
    [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
    [network]\nnetwork_backend = \"netavark\"\n";
/// How long services may take until they answer.
const PATIENCE: Duration = Duration::from_mins(3);
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Starts everything, and runs a DAG before and after a restart.
pub(crate) fn check(workspace: &Workspace, image: &Path, dag: &Path) -> Result<()> {
    tools::containers()?;
    let compose = Compose::prepare(workspace)?;
    timed("images", || compose.images(workspace, image))?;
    timed("what Weft needs", || compose.backends())?;
    timed("a server and a scheduler", || {
        compose.up(&["--no-build", "migrate"])?;
        program::run(compose.podman("wait").arg("weft_migrate_1"))?;
        compose.up(&["--no-build", "server", "scheduler"])?;
        compose.answers()
    })?;
    timed("a worker", || {
        let token =
            program::read(&mut compose.wfctl(&["tokens", "create", "worker", "--role", "worker"]))?;
        fs::write(compose.folder.join("worker.token"), token)?;
        compose.up(&["--no-build", "worker"])
    })?;
    timed("a deployment and a run", || {
        let copy = format!("{SERVER}:/tmp/dag.wasm");
        program::run(compose.podman("cp").arg(dag).arg(copy))?;
        program::run(&mut compose.wfctl(&["deploy", "/tmp/dag.wasm"]))?;
        compose.run_dag()
    })?;
    timed("a restart and another run", || {
        // One after another: the names of services that restart at the same time may be lost for good.
        for service in RESTARTED {
            program::run(compose.command().args(["restart", service]))?;
        }
        compose.healthy()?;
        compose.answers()?;
        compose.run_dag()
    })
}

/// The Compose file's copy in a folder of its own, and how its programs are called.
struct Compose {
    folder: PathBuf,
    program: PathBuf,
}

impl Compose {
    fn prepare(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.target().join("compose");
        fs::create_dir_all(&folder)?;
        let source = workspace.root().join("deploy/compose/compose.yaml");
        fs::copy(&source, folder.join("compose.yaml"))?;
        fs::write(folder.join("worker.token"), "")?;
        fs::write(folder.join("containers.conf"), SETTINGS)?;
        let passwords = [
            "POSTGRES_PASSWORD=one",
            "REDIS_PASSWORD=two",
            "S3_SECRET=three",
        ];
        fs::write(folder.join(".env"), passwords.join("\n"))?;
        let program = environment::with(&[PODMAN_COMPOSE])?.join("podman-compose");
        let compose = Self { folder, program };
        compose.down();
        Ok(compose)
    }

    fn podman(&self, subcommand: &str) -> Command {
        let mut podman = Command::new("podman");
        podman
            .env("CONTAINERS_CONF", self.folder.join("containers.conf"))
            .arg(subcommand);
        podman
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .env("CONTAINERS_CONF", self.folder.join("containers.conf"))
            .args(["--profile", "worker"]);
        command
    }

    /// Starts services without those that they depend on: Podman 4 knows dependencies of a container,
    /// and not theirs in turn. The order is this test's.
    fn up(&self, what: &[&str]) -> Result<()> {
        let up = ["up", "--detach", "--no-deps"];
        program::run(self.command().args(up).args(what))
    }

    fn down(&self) {
        // There may be nothing to remove.
        if let Err(error) = program::read(self.command().args(["down", "--volumes"])) {
            eprintln!("{error:#}");
        }
    }

    /// Loads the product's image, and makes the others.
    fn images(&self, workspace: &Workspace, image: &Path) -> Result<()> {
        let loaded = program::read(self.podman("load").arg("--quiet").arg("--input").arg(image))?;
        let name = loaded.trim().rsplit(' ').next().unwrap_or_default();
        program::run(self.podman("tag").args([name, WEFT]))?;
        if program::read(self.podman("image").args(["exists", BASE])).is_err() {
            self.base(workspace)?;
        }
        for (name, script) in STAND_INS {
            // The Compose file calls `weed` through a shell, the others by their entry points.
            let entry = script.map_or_else(String::new, |script| {
                let file = format!("/usr/local/bin/{script}");
                format!("COPY {script} {file}\nENTRYPOINT [\"{file}\"]\n")
            });
            let text = format!("FROM {BASE}\nENV PATH=/usr/local/bin:/usr/bin:/bin\n{entry}");
            let file = self.folder.join("Containerfile");
            fs::write(&file, text)?;
            program::run(
                self.podman("build")
                    .args(["--quiet", "--tag", name, "--file"])
                    .arg(&file)
                    .arg(workspace.root().join("xtask/compose")),
            )?;
        }
        Ok(())
    }

    fn base(&self, workspace: &Workspace) -> Result<()> {
        let (suite, python) = DEBIAN;
        let root = self.folder.join("base");
        program::run(
            Command::new("debootstrap")
                .args(["--variant=minbase", &format!("--include={PACKAGES}"), suite])
                .arg(&root),
        )?;
        program::run(
            Command::new(tools::python()?)
                .args([
                    "-m",
                    "pip",
                    "--disable-pip-version-check",
                    "install",
                    "--quiet",
                ])
                .args([
                    "--only-binary=:all:",
                    "--python-version",
                    python,
                    "--target",
                ])
                .arg(root.join(format!("usr/local/lib/python{python}/dist-packages")))
                .arg("--requirement")
                .arg(workspace.root().join("xtask/s3/requirements.txt")),
        )?;
        let tar = self.folder.join("base.tar");
        program::run(
            Command::new("tar")
                .arg("-C")
                .arg(&root)
                .arg("-cf")
                .arg(&tar)
                .arg("."),
        )?;
        program::run(self.podman("import").arg("--quiet").arg(&tar).arg(BASE))?;
        fs::remove_file(&tar)?;
        Ok(fs::remove_dir_all(&root)?)
    }

    /// Starts databases and S3.
    fn backends(&self) -> Result<()> {
        self.up(&["postgres", "redis", "s3", "bucket"])?;
        self.healthy()
    }

    /// Waits for the databases. Podman runs checks of health through systemd, which need not be here.
    fn healthy(&self) -> Result<()> {
        for service in ["postgres", "redis"] {
            let name = format!("weft_{service}_1");
            until(&name, || {
                program::read(self.podman("healthcheck").args(["run", &name])).map(drop)
            })?;
        }
        Ok(())
    }

    /// `wfctl` inside of the server's container, with the administrator's token that it keeps.
    fn wfctl(&self, args: &[&str]) -> Command {
        let mut podman = self.podman("exec");
        podman.args([SERVER, "/usr/local/bin/wfctl"]).args(args);
        podman
    }

    fn answers(&self) -> Result<()> {
        until("the server", || {
            program::read(&mut self.wfctl(&["dags", "list"])).map(drop)
        })
    }

    fn run_dag(&self) -> Result<()> {
        let trigger = ["runs", "trigger", "quakes", "--output", "json"];
        let run: serde_json::Value =
            serde_json::from_str(&program::read(&mut self.wfctl(&trigger))?)?;
        let run = run["id"].as_str().context("a run has an id")?;
        program::run(&mut self.wfctl(&["runs", "watch", run]))
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        self.down();
    }
}

/// Tries until it succeeds.
fn until(what: &str, attempt: impl Fn() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(error) if start.elapsed() > PATIENCE => {
                bail!("{what} did not answer within {PATIENCE:?}: {error:#}")
            }
            Err(_not_yet) => thread::sleep(POLL_INTERVAL),
        }
    }
}
