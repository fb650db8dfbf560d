//! The workspace's test programs, two at a time, and the examples in its documentation.
//!
//! Cargo runs them one after another. The longest wait for servers and processes more than they
//! compute, so that a second one beside them costs little.

use crate::{program, workspace::Workspace};
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::{
    collections::VecDeque,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use weft_sweeps as sweeps;

/// How many run at once.
const AT_ONCE: usize = 2;
/// Those that take the longest, which begin first.
const LONGEST: [&str; 6] = [
    "up",
    "wfctl",
    "redis",
    "database",
    "sandbox",
    "installation",
];

/// One test program, or the examples in the documentation.
pub(crate) struct TestProgram {
    pub(crate) name: String,
    pub(crate) took: Duration,
}

/// What cargo says of something that it built.
#[derive(Deserialize)]
struct Built {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    /// Whether it is a test program; the programs under test are built with them.
    test: bool,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    src_path: PathBuf,
}

/// A program to run.
struct Planned {
    name: String,
    command: Command,
}

/// Runs all tests even where some fail: one list of failures is worth more than its first line.
pub(crate) fn run(
    workspace: &Workspace,
    deep: bool,
    programs: &mut Vec<TestProgram>,
) -> Result<()> {
    let mut planned = plan(workspace)?;
    planned.push_back(Planned {
        name: "documentation".into(),
        command: cargo_test(workspace, &["--doc", "--no-fail-fast"]),
    });
    if deep {
        for planned in &mut planned {
            planned.command.env(sweeps::DEEP, "1");
        }
    }
    let queue = Mutex::new(planned);
    let next = || {
        queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    let ended = Mutex::new((programs, Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(Planned { name, command }) = next() {
                    let start = Instant::now();
                    let passed = run_one(&name, command);
                    let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                    let (programs, failed) = &mut *ended;
                    if let Err(error) = passed {
                        failed.push(format!("{name}: {error:#}"));
                    }
                    let took = start.elapsed();
                    programs.push(TestProgram { name, took });
                }
            });
        }
    });
    let (_programs, failed) = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(failed.is_empty(), "tests failed: {}", failed.join("; "));
    Ok(())
}

/// The test programs, built if they are not, in the order in which they begin.
fn plan(workspace: &Workspace) -> Result<VecDeque<Planned>> {
    // Without benches, which mean nothing in this profile.
    let targets = ["--lib", "--bins", "--tests", "--examples"];
    let mut cargo = cargo_test(workspace, &targets);
    cargo
        .args(["--no-run", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit());
    let output = cargo.output().context("cargo test did not start")?;
    ensure!(
        output.status.success(),
        "cargo test --no-run failed ({})",
        output.status
    );
    let libraries = compiler_libraries()?;
    let mut planned = VecDeque::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        // Other lines are of other kinds of messages.
        let Ok(built) = serde_json::from_slice::<Built>(line) else {
            continue;
        };
        if built.profile.as_ref().is_some_and(|profile| profile.test) {
            planned.extend(of_program(built, &libraries)?);
        }
    }
    ensure!(!planned.is_empty(), "cargo named no test program");
    planned
        .make_contiguous()
        .sort_by_key(|planned| place_in_order(&planned.name));
    Ok(planned)
}

/// How a test program runs: in its package's folder, with what tests read of cargo's variables.
fn of_program(built: Built, libraries: &Path) -> Result<Option<Planned>> {
    let (Some(program), Some(manifest), Some(target)) =
        (built.executable, built.manifest_path, built.target)
    else {
        return Ok(None);
    };
    let folder = manifest.parent().context("a manifest is in a folder")?;
    let source = target
        .src_path
        .strip_prefix(folder)
        .unwrap_or(&target.src_path);
    let package = folder.file_name().unwrap_or_default();
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("CARGO_MANIFEST_DIR", folder)
        .env("CARGO_PKG_NAME", package)
        .env("LD_LIBRARY_PATH", libraries);
    let name = format!("{} ({})", target.name, source.display());
    Ok(Some(Planned { name, command }))
}

/// The folder of the compiler's own libraries, which tests of macros are linked to.
fn compiler_libraries() -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .output()
        .context("rustc did not start")?;
    let folder = String::from_utf8(output.stdout).context("a path is text")?;
    Ok(folder.trim().into())
}

fn place_in_order(name: &str) -> usize {
    let program = name.split(' ').next().unwrap_or_default();
    let mut longest = LONGEST.iter();
    longest
        .position(|longest| *longest == program)
        .unwrap_or(LONGEST.len())
}

fn cargo_test(workspace: &Workspace, args: &[&str]) -> Command {
    let mut cargo = program::cargo();
    cargo
        .current_dir(workspace.root())
        .args(["test", "--locked", "--workspace"])
        .args(args);
    cargo
}

/// Runs a program to its end, and prints then what it wrote, so that two don't mix.
fn run_one(name: &str, mut command: Command) -> Result<()> {
    eprintln!("     Running {name}");
    // Both streams go through one pipe, so that messages and results stay in order.
    let (mut reader, writer) = io::pipe().context("no pipe for a test program")?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command
        .spawn()
        .with_context(|| format!("{command:?} did not start"))?;
    // The command holds the writing end of the pipe, whose reader ends when all writers are closed.
    drop(command);
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    let status = child.wait()?;
    let output = String::from_utf8_lossy(&output);
    eprintln!("       Ended {name}\n{}", output.trim_end());
    ensure!(status.success(), "{status}");
    Ok(())
}

/// Prints the programs, slowest first, down to those that took less than a second.
pub(crate) fn print(programs: &mut [TestProgram]) {
    const SHORTEST: Duration = Duration::from_secs(1);
    if programs.is_empty() {
        return;
    }
    programs.sort_by_key(|program| std::cmp::Reverse(program.took));
    eprintln!("\n=== test programs, {AT_ONCE} at a time");
    let (long, short): (Vec<_>, Vec<_>) = programs
        .iter()
        .partition(|program| program.took >= SHORTEST);
    for program in long {
        eprintln!("{:>7.1} s  {}", program.took.as_secs_f64(), program.name);
    }
    let rest: Duration = short.iter().map(|program| program.took).sum();
    eprintln!("{:>7.1} s  {} others", rest.as_secs_f64(), short.len());
}
