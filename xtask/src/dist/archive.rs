//! Reproducible archives by the system's programs, and digests.

use crate::{program, tools};
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

/// The time of every file in an archive: the earliest that a zip file can hold.
const TIME_S: u64 = 315_532_800;

/// Packs a folder below `parent` with names sorted, root as the owner, and fixed times.
pub(super) fn tar_gz(parent: &Path, folder: &str, file: &Path) -> Result<()> {
    let tar = file.with_extension("");
    program::run(tar_command(&tar, parent, "0").arg(folder))?;
    // Without the name and the time that gzip keeps by default.
    program::run(
        Command::new("gzip")
            .args(["--no-name", "--force"])
            .arg(&tar),
    )
}

/// `tar`, set to append reproducible entries below `parent` to an archive.
pub(super) fn tar_command(tar: &Path, parent: &Path, owner: &str) -> Command {
    let mut command = Command::new("tar");
    command
        .args(["--append", "--format=ustar", "--sort=name"])
        .arg(format!("--mtime=@{TIME_S}"))
        .args(["--numeric-owner", "--owner", owner, "--group", owner])
        .arg("--file")
        .arg(tar)
        .arg("--directory")
        .arg(parent);
    command
}

/// Packs what a folder holds as a zip file, through Python's standard library.
pub(super) fn zip(folder: &Path, file: &Path) -> Result<()> {
    set_times(folder)?;
    let mut names: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<_>>()?;
    names.sort();
    program::run(
        Command::new(tools::python()?)
            .current_dir(folder)
            .env("TZ", "UTC")
            .args(["-m", "zipfile", "-c"])
            .arg(file)
            .args(names),
    )
}

fn set_times(folder: &Path) -> Result<()> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(TIME_S);
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            set_times(&path)?;
        }
        fs::File::open(&path)?.set_modified(time)?;
    }
    Ok(())
}

/// Copies the files below a folder that the filter accepts.
pub(super) fn copy_tree(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().context("an entry has a name")?;
        if path.is_dir() {
            copy_tree(&path, &to.join(name), wanted)?;
        } else if wanted(&path) {
            fs::create_dir_all(to)?;
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// Sets mode 0755.
pub(super) fn make_executable(file: &Path) -> Result<()> {
    Ok(fs::set_permissions(
        file,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// The SHA-256 of a file.
pub(super) fn sha256(file: &Path) -> Result<[u8; 32]> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    Ok(Sha256::digest(bytes).into())
}

/// The digest as hexadecimal digits.
pub(super) fn hex(digest: [u8; 32]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// Writes `SHA256SUMS` as `sha256sum --check` reads it.
pub(super) fn checksums(folder: &Path, files: &[&Path]) -> Result<()> {
    let mut lines = String::new();
    for file in files {
        let name = file.file_name().context("a file has a name")?;
        writeln!(lines, "{}  {}", hex(sha256(file)?), name.display())?;
    }
    Ok(fs::write(folder.join("SHA256SUMS"), lines)?)
}
