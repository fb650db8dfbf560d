//! `cargo test` over the workspace, with the time that each test program took.

use crate::{program, workspace::Workspace};
use anyhow::{Context as _, Result, bail};
use std::{
    io::{self, BufRead as _, BufReader, IsTerminal as _},
    time::{Duration, Instant},
};
use weft_sweeps as sweeps;

/// One test program, or the examples in one crate's documentation.
pub(crate) struct TestProgram {
    pub(crate) name: String,
    pub(crate) took: Duration,
}

/// Runs all tests even where some fail: one list of failures is worth more than its first line.
/// Without a choice of targets cargo runs the documentation's examples too, and leaves out
/// benches, which mean nothing in this profile.
pub(crate) fn run(
    workspace: &Workspace,
    deep: bool,
    programs: &mut Vec<TestProgram>,
) -> Result<()> {
    let mut cargo = program::cargo();
    // Both streams go through one pipe, so that headings and results stay in order.
    let (reader, writer) = io::pipe().context("no pipe for cargo test")?;
    cargo
        .current_dir(workspace.root())
        .args(["test", "--locked", "--workspace", "--no-fail-fast"])
        .stdout(writer.try_clone()?)
        .stderr(writer);
    if deep {
        cargo.env(sweeps::DEEP, "1");
    }
    if io::stderr().is_terminal() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    eprintln!("$ cargo test --locked --workspace --no-fail-fast");
    let mut child = cargo.spawn().context("cargo test did not start")?;
    // The command holds the writing end of the pipe, whose reader ends when all writers are closed.
    drop(cargo);
    let mut current: Option<(String, Instant)> = None;
    let mut end = |program: Option<(String, Instant)>| {
        programs.extend(program.map(|(name, start)| TestProgram {
            name,
            took: start.elapsed(),
        }));
    };
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        if let Some(name) = heading(&line) {
            end(current.replace((name, Instant::now())));
        }
    }
    end(current);
    let status = child.wait()?;
    if !status.success() {
        bail!("cargo test failed ({status})");
    }
    Ok(())
}

/// The name in cargo's line about a program that it starts.
fn heading(line: &str) -> Option<String> {
    let plain = without_colours(line);
    let plain = plain.trim_start();
    if let Some(rest) = plain.strip_prefix("Running ") {
        // "unittests src/lib.rs (target/debug/deps/weft_core-0123456789abcdef)"
        let (source, built) = rest.rsplit_once(" (")?;
        let file = built.trim_end_matches(')').rsplit('/').next()?;
        let name = file.rsplit_once('-').map_or(file, |(name, _hash)| name);
        return Some(format!("{name} ({source})"));
    }
    let name = plain.strip_prefix("Doc-tests ")?;
    Some(format!("{name} (documentation)"))
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or("", |(_colour, text)| text)
    })
}

/// Prints the programs, slowest first, down to those that took less than a second.
pub(crate) fn print(programs: &mut [TestProgram]) {
    const SHORTEST: Duration = Duration::from_secs(1);
    if programs.is_empty() {
        return;
    }
    programs.sort_by_key(|program| std::cmp::Reverse(program.took));
    eprintln!("\n=== test programs");
    let (long, short): (Vec<_>, Vec<_>) = programs
        .iter()
        .partition(|program| program.took >= SHORTEST);
    for program in long {
        eprintln!("{:>7.1} s  {}", program.took.as_secs_f64(), program.name);
    }
    let rest: Duration = short.iter().map(|program| program.took).sum();
    eprintln!("{:>7.1} s  {} others", rest.as_secs_f64(), short.len());
}

#[cfg(test)]
mod tests {
    use super::heading;

    #[test]
    fn headings_name_the_program_and_its_source() {
        let line = "\u{1b}[1m\u{1b}[32m     Running\u{1b}[0m unittests src/lib.rs (target/debug/deps/weft_core-0123abc)";
        assert_eq!(
            heading(line).as_deref(),
            Some("weft_core (unittests src/lib.rs)")
        );
        let line = "   Doc-tests weft_core";
        assert_eq!(heading(line).as_deref(), Some("weft_core (documentation)"));
        assert_eq!(heading("test result: ok. 3 passed"), None);
    }
}
