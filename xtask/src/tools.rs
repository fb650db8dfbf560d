//! Programs besides cargo that the tests need: found, or installed where that
//! touches nothing of the user's.

use crate::{program, workspace::cache_folder};
use anyhow::{Result, bail};
use std::{env, fs, path::PathBuf, process::Command};

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
        install
            .args([
                "install",
                "cargo-deny",
                "--locked",
                "--quiet",
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
/// language, so that an error in ours can't hide in both.
pub(crate) fn python() -> Result<&'static str> {
    if program::works(
        "python3",
        &["-c", "import sys; sys.exit(sys.version_info < (3, 8))"],
    ) {
        return Ok("python3");
    }
    bail!(
        "Python 3.8 or newer is needed to check the examples' results: install it ('apt-get install python3')"
    )
}

/// Debian's package of the server; the contributed programs that it recommends aren't needed.
const POSTGRES_PACKAGE: &str = "postgresql";

/// Postgres' server programs, of which the store's tests start their own: the machine's, or,
/// for root on Debian, installed.
pub(crate) fn postgres() -> Result<PathBuf> {
    if let Some(folder) = postgres_programs() {
        return Ok(folder);
    }
    if is_root() && program::works("apt-get", &["--version"]) {
        program::run(Command::new("apt-get").args(["update", "-qq"]))?;
        program::run(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args([
                    "install",
                    "-y",
                    "-qq",
                    "--no-install-recommends",
                    POSTGRES_PACKAGE,
                ]),
        )?;
        if let Some(folder) = postgres_programs() {
            return Ok(folder);
        }
    }
    bail!(
        "Postgres' server programs (initdb, postgres) are needed to test the store: install them \
         ('apt-get install --no-install-recommends {POSTGRES_PACKAGE}')"
    )
}

fn is_root() -> bool {
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
