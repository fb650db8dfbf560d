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
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use wait4::Wait4 as _;
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

/// The examples in the documentation, which cargo compiles and runs.
const DOCUMENTATION: &str = "documentation";
/// A program with at most so many failed tests runs these once more, by themselves.
const MAX_REPEATED: usize = 3;

/// One test program, or the examples in the documentation.
pub(crate) struct TestProgram {
    pub(crate) name: String,
    pub(crate) took: Duration,
    /// Of all its processes that it waited for.
    pub(crate) cpu: Duration,
    /// The tests that failed beside others and passed by themselves.
    pub(crate) flaky: Vec<String>,
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
        name: DOCUMENTATION.into(),
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
                    let (program, passed) = run_one(name, command);
                    let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                    let (programs, failed) = &mut *ended;
                    if let Err(error) = passed {
                        failed.push(format!("{}: {error:#}", program.name));
                    }
                    programs.push(program);
                }
            });
        }
    });
    let (_programs, failed) = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(failed.is_empty(), "tests failed: {}", failed.join("\n"));
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

/// Runs a program, and few tests that failed once more: a machine that is busy with other tests may
/// have kept them from what they wait for.
fn run_one(name: String, mut command: Command) -> (TestProgram, Result<()>) {
    let start = Instant::now();
    let mut program = TestProgram {
        name,
        took: Duration::ZERO,
        cpu: Duration::ZERO,
        flaky: Vec::new(),
    };
    let passed = run_to_end(&mut command, &mut program).and_then(|ended| {
        let failed = ended.failed_tests();
        let may_repeat = program.name != DOCUMENTATION
            && (ended.is_one_test() || (1..=MAX_REPEATED).contains(&failed.len()));
        if ended.status.success() || !may_repeat {
            return ended.check();
        }
        if !ended.is_one_test() {
            command.arg("--exact").args(&failed);
        }
        run_to_end(&mut command, &mut program)?.check()?;
        program.flaky = if ended.is_one_test() {
            vec!["its only test".into()]
        } else {
            failed
        };
        Ok(())
    });
    program.took = start.elapsed();
    (program, passed)
}

/// How a program ended, and what it wrote.
struct Ended {
    status: ExitStatus,
    output: String,
}

impl Ended {
    fn check(&self) -> Result<()> {
        let failed = self.failed_tests().join(", ");
        ensure!(self.status.success(), "{}: {failed}", self.status);
        Ok(())
    }

    /// Whether the program has a `main` of its own instead of the harness, which begins with the
    /// line `running N tests`.
    fn is_one_test(&self) -> bool {
        !self.output.lines().any(|line| line.starts_with("running "))
    }

    /// The names of the tests that failed, from the lines `test NAME ... FAILED`.
    fn failed_tests(&self) -> Vec<String> {
        let failed = |line: &str| {
            let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
            Some(name.to_owned())
        };
        self.output.lines().filter_map(failed).collect()
    }
}

/// Runs a program to its end, and prints then what it wrote, so that two don't mix.
fn run_to_end(command: &mut Command, program: &mut TestProgram) -> Result<Ended> {
    let name = &program.name;
    eprintln!("     Running {name}");
    // Both streams go through one pipe, so that messages and results stay in order.
    let (mut reader, writer) = io::pipe().context("no pipe for a test program")?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let child = command
        .spawn()
        .with_context(|| format!("{command:?} did not start"))?;
    // The command holds the writing end of the pipe, whose reader ends when all writers are closed.
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    let ended = child.wait4()?;
    program.cpu += ended.rusage.utime + ended.rusage.stime;
    let output = String::from_utf8_lossy(&output).into_owned();
    eprintln!("       Ended {name}\n{}", output.trim_end());
    Ok(Ended {
        status: ended.status,
        output,
    })
}

/// Prints the programs, slowest first, down to those that took less than a second.
pub(crate) fn print(programs: &mut [TestProgram]) {
    const SHORTEST: Duration = Duration::from_secs(1);
    if programs.is_empty() {
        return;
    }
    programs.sort_by_key(|program| std::cmp::Reverse(program.took));
    eprintln!("\n=== test programs, {AT_ONCE} at a time, and their CPU time");
    let (long, short): (Vec<_>, Vec<_>) = programs
        .iter()
        .partition(|program| program.took >= SHORTEST);
    for program in long {
        eprintln!(
            "{:>7.1} s {:>7.1} s  {}",
            program.took.as_secs_f64(),
            program.cpu.as_secs_f64(),
            program.name
        );
    }
    let took: Duration = short.iter().map(|program| program.took).sum();
    let cpu: Duration = short.iter().map(|program| program.cpu).sum();
    eprintln!(
        "{:>7.1} s {:>7.1} s  {} others",
        took.as_secs_f64(),
        cpu.as_secs_f64(),
        short.len()
    );
    for program in &*programs {
        for test in &program.flaky {
            eprintln!(
                "  flaky: {test} of {} failed, and passed by itself",
                program.name
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test program that fails with these tests, unless it is asked for them alone.
    fn fails_beside_others(tests: &[&str]) -> Command {
        let lines: Vec<String> = tests
            .iter()
            .map(|test| format!("echo 'test {test} ... FAILED'"))
            .collect();
        let script = format!(
            "[ \"$0\" = --exact ] && exit 0; echo running tests; {}; exit 101",
            lines.join("; ")
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        command
    }

    #[test]
    fn few_tests_that_failed_beside_others_run_once_more_by_themselves() {
        let (program, passed) = run_one("some".into(), fails_beside_others(&["a::b", "c"]));
        assert!(passed.is_ok(), "{passed:?}");
        assert_eq!(program.flaky, ["a::b", "c"]);
        let many = ["a", "b", "c", "d"];
        let (program, failed) = run_one("many".into(), fails_beside_others(&many));
        let failed = failed.expect_err("more than few").to_string();
        assert!(failed.contains("a, b, c, d"), "{failed}");
        assert!(program.flaky.is_empty());
    }

    #[test]
    fn a_program_that_fails_without_a_failed_test_is_not_repeated() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "[ \"$0\" = --exact ] && exit 0; echo running tests; exit 3",
        ]);
        assert!(run_one("broken".into(), command).1.is_err());
    }

    #[test]
    fn a_program_without_the_harness_runs_once_more_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        command
            .current_dir(folder.path())
            .args(["-c", "[ -e tried ] && exit 0; touch tried; exit 101"]);
        let (program, passed) = run_one("alone".into(), command);
        assert!(passed.is_ok(), "{passed:?}");
        assert_eq!(program.flaky, ["its only test"]);
        let mut command = Command::new("sh");
        command.args(["-c", "exit 101"]);
        assert!(run_one("broken".into(), command).1.is_err());
    }
}
