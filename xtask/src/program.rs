//! Runs other programs: with their output shown, or caught.

use anyhow::{Context, Result, bail};
use std::{
    collections::VecDeque,
    env,
    ffi::{OsStr, OsString},
    io::{self, BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use wait4::Wait4 as _;

/// The cargo that runs this program, so that every command uses one toolchain.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Shows the command line, runs it, and fails where it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("'{line}' did not start"))?;
    if !status.success() {
        bail!("'{line}' failed ({status})");
    }
    Ok(())
}

/// The same, and a failure contains the last lines that the program printed.
///
/// For programs that end with a list of what failed. They see a pipe instead of a terminal.
pub(crate) fn run_and_quote(command: &mut Command) -> Result<()> {
    /// As many as a list of a few failures has.
    const QUOTED: usize = 24;
    let line = line(command);
    eprintln!("$ {line}");
    let (reader, writer) = io::pipe().context("no pipe for a program's output")?;
    let mut child = command
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("'{line}' did not start"))?;
    // The command holds the writing ends of the pipe, whose reader ends when all are closed.
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let mut last = VecDeque::with_capacity(QUOTED);
    for printed in BufReader::new(reader).split(b'\n') {
        let printed = String::from_utf8_lossy(&printed?).into_owned();
        eprintln!("{printed}");
        if last.len() == QUOTED {
            last.pop_front();
        }
        last.push_back(printed);
    }
    let status = child.wait()?;
    if !status.success() {
        let last: Vec<String> = last.into();
        bail!("'{line}' failed ({status}):\n{}", last.join("\n"));
    }
    Ok(())
}

/// What a command took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Of all its processes.
    pub(crate) cpu: Duration,
}

/// The same as [`run`], and returns what it took.
pub(crate) fn run_measured(command: &mut Command) -> Result<Cost> {
    let line = line(command);
    eprintln!("$ {line}");
    let start = Instant::now();
    let child = command
        .spawn()
        .with_context(|| format!("'{line}' did not start"))?;
    let ended = child.wait4()?;
    if !ended.status.success() {
        bail!("'{line}' failed ({})", ended.status);
    }
    let cost = Cost {
        wall: start.elapsed(),
        cpu: ended.rusage.utime + ended.rusage.stime,
    };
    eprintln!(
        "it took {:.1} s, and {:.1} s of CPU time",
        cost.wall.as_secs_f64(),
        cost.cpu.as_secs_f64()
    );
    Ok(cost)
}

/// Runs a program and returns its standard output; a failure contains its standard error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .output()
        .with_context(|| format!("'{line}' did not start"))?;
    if !output.status.success() {
        bail!(
            "'{line}' failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("'{line}' printed something that is not UTF-8"))
}

/// Whether the program is there: started and ended with success.
pub(crate) fn works(program: impl AsRef<OsStr>, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The command line, short enough to read.
fn line(command: &Command) -> String {
    let mut words = vec![
        std::path::Path::new(command.get_program())
            .file_name()
            .unwrap_or_default(),
    ];
    words.extend(command.get_args());
    words
        .iter()
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
