//! The reference pages of the command line and of the exit codes, from what the built `wfctl` prints.

use super::compare;
use crate::{
    program,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use std::fmt::Write as _;

const HEAD: &str = "\
# Command line

`wfctl --help` lists the commands, and `wfctl COMMAND --help` prints what is on this page.

<!-- Generated: `cargo xtask docs --update` -->
";

const EXIT_CODES: &str = "\
# Exit codes

`wfctl` exits with one of these codes. [Problem codes](problems.md) lists the exit code of each problem.

<!-- Generated: `cargo xtask docs --update` -->

| code | meaning |
|---|---|
";

/// Writes both pages, or fails if they are older than the program.
pub(super) fn pages(workspace: &Workspace, update: bool) -> Result<()> {
    let wfctl = Wfctl::built(workspace, Profile::Dev);
    let mut page = HEAD.to_owned();
    let mut commands = vec![Vec::new()];
    while let Some(command) = commands.pop() {
        let help = help(&wfctl, &command)?;
        let level = "#".repeat(command.len().min(2) + 2);
        let name = command.join(" ");
        write!(page, "\n{level} wfctl {name}\n\n```text\n{help}\n```\n")?;
        let below = subcommands(&help).into_iter().rev();
        commands.extend(below.map(|name| [command.clone(), vec![name]].concat()));
    }
    let page = page.replace("wfctl \n", "wfctl\n");
    compare(workspace, "docs/reference/cli.md", &page, update)?;
    let exit_codes = exit_codes(&help(&wfctl, &[])?)?;
    compare(
        workspace,
        "docs/reference/exit-codes.md",
        &exit_codes,
        update,
    )
}

fn help(wfctl: &Wfctl, command: &[String]) -> Result<String> {
    let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
    arguments.push("--help");
    let mut command = wfctl.command(&arguments);
    // Defaults and environment variables are shown as everybody has them.
    command.env("NO_COLOR", "1").env_remove("WEFT_URL");
    let help = program::read(&mut command)?;
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    Ok(lines.join("\n"))
}

/// The names under `Commands:`, without clap's own `help`.
fn subcommands(help: &str) -> Vec<String> {
    let after = help
        .split_once("\nCommands:\n")
        .map_or("", |(_, after)| after);
    let lines = after.lines().take_while(|line| !line.is_empty());
    // A description that is wrapped begins further to the right.
    lines
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The paragraph `Exit codes:` as a table.
fn exit_codes(help: &str) -> Result<String> {
    let (_, after) = help
        .split_once("Exit codes:\n")
        .context("wfctl --help lists the exit codes")?;
    let mut page = EXIT_CODES.to_owned();
    for line in after.lines().take_while(|line| !line.is_empty()) {
        let (code, meaning) = line
            .trim()
            .split_once(' ')
            .context("an exit code has a meaning")?;
        writeln!(page, "| {code} | {} |", meaning.trim())?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Usage: wfctl\n\nCommands:\n  new     Start a DAG\n  build   Make one\n          dag.wasm\n  help    \
        Print this\n\nExit codes:\n  0    success\n  130  interrupted\n\nEnvironment:\n";

    #[test]
    fn commands_are_found_in_the_help() {
        assert_eq!(subcommands(HELP), ["new", "build"]);
        assert!(subcommands("Usage: wfctl new\n").is_empty());
    }

    #[test]
    fn exit_codes_become_a_table() {
        let page = exit_codes(HELP).expect("the help lists them");
        assert!(
            page.ends_with("|---|---|\n| 0 | success |\n| 130 | interrupted |\n"),
            "{page}"
        );
    }
}
