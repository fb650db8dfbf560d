//! Programs besides cargo that the tests need: found, or installed where that
//! touches nothing of the user's.

pub(crate) mod compilers;
pub(crate) mod cross;
pub(crate) mod debian;
pub(crate) mod emulator;
pub(crate) mod environment;
pub(crate) mod toolchain;

use crate::{
    program,
    workspace::{Workspace, cache_folder},
};
use anyhow::{Result, bail};
use std::{
    env,
    ffi::OsString,
    fs, iter,
    path::{Path, PathBuf},
    process::Command,
};

/// The version that `deny.toml` was written for.
const CARGO_DENY: &str = "0.20.2";

/// `cargo-deny`: the machine's own, or one installed into Weft's cache folder
/// (about two minutes on two cores, once).
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    if program::works("cargo-deny", &["--version"]) {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let root = cache_folder().join("tools");
    let program = root.join("bin/cargo-deny");
    if !program::works(&program, &["--version"]) {
        let mut install = program::cargo();
        // It runs once and for seconds: optimising it would take minutes.
        install
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args([
                "install",
                "cargo-deny",
                "--locked",
                "--quiet",
                "--debug",
                "--version",
                CARGO_DENY,
                "--root",
            ])
            .arg(&root);
        program::run(&mut install)?;
    }
    Ok(program)
}

/// The examples' results are computed a second time by programs of another
/// language, so that an error in ours can't hide in both; and the API is fuzzed by one.
pub(crate) fn python() -> Result<&'static str> {
    if program::works(
        "python3",
        &["-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
    ) {
        return Ok("python3");
    }
    bail!("Python 3.11 or newer is needed for the tests: install it ('apt-get install python3')")
}

/// Debian's package of what Python needs to make virtual environments.
const VENV_PACKAGE: &str = "python3-venv";

/// A tool of Python's, in a virtual environment in Weft's cache folder (half a minute, once for
/// each change of what is pinned).
pub(crate) struct PythonTool {
    /// Name of the environment's folder, and of the folder in `xtask` whose `requirements.txt` pins
    /// the tool and its dependencies.
    name: &'static str,
    /// Name of the program in the environment.
    program: &'static str,
}

/// Fuzzes the API.
pub(crate) const SCHEMATHESIS: PythonTool = PythonTool {
    name: "api-fuzz",
    program: "schemathesis",
};
/// An S3 server, which tests start.
pub(crate) const S3: PythonTool = PythonTool {
    name: "s3",
    program: "moto_server",
};
/// Renders the chart; its environment also has `kubernetes-validate` and `check-jsonschema`.
pub(crate) const HELM: PythonTool = PythonTool {
    name: "deployment",
    program: "helm",
};

/// Builds the documentation site.
pub(crate) const ZENSICAL: PythonTool = PythonTool {
    name: "docs",
    program: "zensical",
};

/// Builds native Python packages.
pub(crate) const NATIVE_BUILDER: PythonTool = PythonTool {
    name: "native",
    program: "python",
};

impl PythonTool {
    /// The program, installed where it isn't.
    pub(crate) fn get(&self, workspace: &Workspace) -> Result<PathBuf> {
        let python = python()?;
        let requirements = workspace
            .root()
            .join("xtask")
            .join(self.name)
            .join("requirements.txt");
        let pinned = fs::read_to_string(&requirements)?;
        let folder = cache_folder().join("tools").join(self.name);
        // Written last: if it matches, the installation is complete.
        let stamp = folder.join("installed.txt");
        let tool = folder.join("bin").join(self.program);
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == pinned) && tool.exists() {
            return Ok(tool);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        venv()?;
        program::run(Command::new(python).args(["-m", "venv"]).arg(&folder))?;
        program::run(
            Command::new(folder.join("bin/python"))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--requirement",
                ])
                .arg(&requirements),
        )?;
        fs::write(&stamp, pinned)?;
        Ok(tool)
    }
}

/// Debian's package of the server; the contributed programs that it recommends aren't needed.
const POSTGRES_PACKAGE: &str = "postgresql";

/// What Python needs to make virtual environments, which Debian's comes without.
pub(crate) fn venv() -> Result<()> {
    if program::works(python()?, &["-c", "import ensurepip, venv"]) {
        return Ok(());
    }
    install(VENV_PACKAGE)
}

/// The path that programs are looked for in, with this folder before all others.
pub(crate) fn path_with(folder: &Path) -> OsString {
    let old = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(folder.to_path_buf()).chain(env::split_paths(&old));
    env::join_paths(folders).unwrap_or_else(|_no_path| old.clone())
}

/// Postgres' server programs, of which the store's tests start their own: the machine's, or,
/// for root on Debian, installed.
pub(crate) fn postgres() -> Result<PathBuf> {
    if let Some(folder) = postgres_programs() {
        return Ok(folder);
    }
    if is_root() && program::works("apt-get", &["--version"]) {
        install(POSTGRES_PACKAGE)?;
        if let Some(folder) = postgres_programs() {
            return Ok(folder);
        }
    }
    bail!(
        "Postgres' server programs (initdb, postgres) are needed to test the store: install them \
         ('apt-get install --no-install-recommends {POSTGRES_PACKAGE}')"
    )
}

/// Debian's package of the server, which is a Sentinel too.
const REDIS_PACKAGE: &str = "redis-server";

/// `redis-server`, of which the broker's tests start their own.
pub(crate) fn redis() -> Result<&'static str> {
    let program = "redis-server";
    if !program::works(program, &["--version"]) {
        install(REDIS_PACKAGE)?;
    }
    Ok(program)
}

/// The browser of the web UI's tests, and Debian's package of it.
pub(crate) fn chromium() -> Result<&'static str> {
    let program = "/usr/bin/chromium";
    if !Path::new(program).exists() {
        install("chromium")?;
    }
    Ok(program)
}

/// Small programs that tests start, and Debian's packages of them.
const SMALL: [(&str, &str, &str); 4] = [
    ("ip", "-V", "iproute2"),
    ("faketime", "--version", "faketime"),
    ("kill", "--version", "procps"),
    ("systemd-analyze", "--version", "systemd"),
];

/// What runs containers, and Debian's packages of it. Only deep tests need them.
const CONTAINERS: [(&str, &str, &str); 3] = [
    ("podman", "--version", "podman"),
    ("runc", "--version", "runc"),
    ("debootstrap", "--version", "debootstrap"),
];
/// The network of containers, a package without a program to look for.
const CONTAINER_NETWORK: [(&str, &str); 2] = [
    ("/usr/lib/podman/netavark", "netavark"),
    ("/usr/lib/podman/aardvark-dns", "aardvark-dns"),
];

/// Gets what runs containers.
pub(crate) fn containers() -> Result<()> {
    for (program, version, package) in CONTAINERS {
        if !program::works(program, &[version]) {
            install(package)?;
        }
    }
    for (file, package) in CONTAINER_NETWORK {
        if !Path::new(file).exists() {
            install(package)?;
        }
    }
    Ok(())
}

/// Installs the missing ones.
pub(crate) fn small_programs() -> Result<()> {
    for (program, version, package) in SMALL {
        if !program::works(program, &[version]) {
            install(package)?;
        }
    }
    Ok(())
}

/// A package of Debian's, which only root can install.
fn install(package: &str) -> Result<()> {
    if !is_root() || !program::works("apt-get", &["--version"]) {
        bail!("the package {package} is needed: install it ('apt-get install {package}')");
    }
    program::run(Command::new("apt-get").args(["update", "-qq"]))?;
    program::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends", package]),
    )
}

pub(crate) fn is_root() -> bool {
    program::read(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0")
}

/// The folder of `initdb` and `postgres`: one of Debian's, or one of the path.
fn postgres_programs() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let path = env::var_os("PATH").unwrap_or_default();
    debian
        .chain(env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}
