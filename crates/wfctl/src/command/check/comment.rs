//! A comparison as text: for a terminal, and as Markdown for a pull request.

use super::against::{ComparedDag, Comparison};
use std::fmt::Write as _;
use weft_api::text::line;

/// The longest line, in characters.
const MAX_LINE: usize = 400;

/// For a terminal.
pub(super) fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    let mut say = |line: &str| writeln!(text, "{line}").expect("a String takes every text");
    for dag in &comparison.dags {
        say(&format!("{}: {}", shown(&dag.dag), dag.headline()));
        for line in dag.lines() {
            say(&format!("  {}", shown(&line)));
        }
        for (mark, line) in findings(dag) {
            say(&format!("  {mark}: {}", shown(line)));
        }
        if let Some(runs) = runs(dag) {
            say(&format!("  {runs}"));
        }
    }
    text
}

/// A comment of a pull request.
pub(super) fn markdown(comparison: &Comparison) -> String {
    let mut text = String::new();
    let mut say = |line: &str| writeln!(text, "{line}").expect("a String takes every text");
    let verdict = if comparison.fine {
        "Nothing breaks and nothing is missing."
    } else {
        "**Look at what breaks or is missing before you deploy this.**"
    };
    say("### Weft: what a deploy would change");
    say("");
    say(&format!(
        "`{}` beside {}. {verdict}",
        code(&comparison.file),
        comparison.server
    ));
    for dag in &comparison.dags {
        say("");
        say(&format!("#### `{}`: {}", code(&dag.dag), dag.headline()));
        say("");
        let lines = dag.lines();
        if !lines.is_empty() {
            say("```diff");
            for line in lines {
                say(&shown(&line));
            }
            say("```");
        }
        for (mark, line) in findings(dag) {
            say(&format!("- **{mark}**: {}", escaped(line)));
        }
        if let Some(runs) = runs(dag) {
            say(&format!("- {runs}"));
        }
    }
    text
}

fn findings(dag: &ComparedDag) -> impl Iterator<Item = (&'static str, &String)> {
    let breaking = dag.breaking.iter().map(|line| ("breaks", line));
    let missing = dag.missing.iter().map(|line| ("missing", line));
    breaking.chain(missing)
}

fn runs(dag: &ComparedDag) -> Option<String> {
    let version = dag.version?;
    let verb = match dag.runs_under_way {
        0 => return None,
        1 => "run goes",
        _ => "runs go",
    };
    let runs = dag.runs_under_way;
    Some(format!("{runs} {verb} on with version {version}"))
}

/// Fit for a terminal, and a line.
fn shown(text: &str) -> String {
    line(text, MAX_LINE)
}

/// Fit for a code span.
fn code(text: &str) -> String {
    shown(text).replace('`', "'")
}

/// Fit for running text: no name of an author makes a mark or a link of it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in shown(text).chars() {
        if "\\`*_{}[]<>()#!|@".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_api::{ChangeKind, Difference};

    fn comparison() -> Comparison {
        let changed = ComparedDag {
            dag: "quakes".into(),
            change: ChangeKind::Changed,
            version: Some(7),
            difference: Difference {
                tasks_added: vec!["load".into()],
                code_changed: true,
                ..Difference::default()
            },
            breaking: vec!["the parameter a_b is gone".into()],
            missing: vec!["the variable key (task load)".into()],
            runs_under_way: 1,
        };
        Comparison {
            file: "dag.toml".into(),
            server: "https://weft.example/".into(),
            fine: false,
            dags: vec![changed],
        }
    }

    #[test]
    fn a_terminal_gets_a_line_for_each_thing() {
        insta::assert_snapshot!(text(&comparison()), @r"
        quakes: changes version 7
          + task load
          ~ code
          breaks: the parameter a_b is gone
          missing: the variable key (task load)
          1 run goes on with version 7
        ");
    }

    #[test]
    fn a_pull_request_gets_one_comment() {
        insta::assert_snapshot!(markdown(&comparison()), @r"
        ### Weft: what a deploy would change

        `dag.toml` beside https://weft.example/. **Look at what breaks or is missing before you deploy this.**

        #### `quakes`: changes version 7

        ```diff
        + task load
        ~ code
        ```
        - **breaks**: the parameter a\_b is gone
        - **missing**: the variable key \(task load\)
        - 1 run goes on with version 7
        ");
    }
}
