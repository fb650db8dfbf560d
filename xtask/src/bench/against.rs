//! `cargo xtask bench --against COMMIT`: `wfctl` of this checkout beside the one of another commit.
//!
//! Each round measures a subject with both programs, one right after the other and in changing
//! order, so that what else the machine does falls on both alike. What counts is the ratio within
//! a round: its median and its spread over the rounds.

use super::{
    measurement::{Better, Measurement, median, short},
    run, services,
};
use crate::{
    example, guests, program,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context, Result, ensure};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// With fewer rounds, all of them agree by chance too often: with five, once in sixteen times.
const MIN_ROUNDS: usize = 5;

/// What is measured, and how often.
pub(crate) struct Comparison<'c> {
    /// As `git rev-parse` takes it.
    pub(crate) commit: &'c str,
    pub(crate) rounds: u32,
    /// Whether a subject of this name is measured.
    pub(crate) wanted: &'c dyn Fn(&str) -> bool,
    /// What was built before is measured.
    pub(crate) no_build: bool,
}

type Measure<'m> = Box<dyn Fn(&Wfctl) -> Result<Vec<Measurement>> + 'm>;

/// Something that is measured with both programs.
struct Subject<'m> {
    name: &'static str,
    once: bool,
    measure: Measure<'m>,
}

impl Comparison<'_> {
    /// Builds both, measures, and prints the ratios.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let base = Base::of(workspace, self.commit)?;
        let current = if self.no_build {
            Wfctl::built(workspace, Profile::Release)
        } else {
            guests::run(workspace)?;
            base.build(workspace)?;
            Wfctl::build(workspace, Profile::Release)?
        };
        let base = Wfctl::at(workspace, &base.program);
        let quakes = example::file(workspace);
        if (self.wanted)(run::EXAMPLE) {
            example::build(workspace, &current)?;
        }
        let flows = run::subjects(workspace, &quakes);
        let flows = flows.iter().map(|flow| Subject {
            name: flow.name,
            once: false,
            measure: Box::new(|wfctl| flow.measure(wfctl)),
        });
        let scenarios = services::scenarios().map(|scenario| Subject {
            name: scenario.name,
            once: scenario.once,
            measure: Box::new(|wfctl| (scenario.measure)(&services::Bench { workspace, wfctl })),
        });
        let subjects: Vec<Subject<'_>> = flows
            .chain(scenarios)
            .filter(|subject| (self.wanted)(subject.name))
            .collect();
        ensure!(
            !subjects.is_empty(),
            "no subject is measured: `--only` matches none of those that `--against` can compare"
        );
        let mut ratios = Ratios::default();
        for round in 1..=self.rounds {
            for subject in &subjects {
                if subject.once && round > 1 {
                    continue;
                }
                eprintln!("round {round} of {}: {}", self.rounds, subject.name);
                let (before, after) = if round % 2 == 1 {
                    let before = (subject.measure)(&base)?;
                    (before, (subject.measure)(&current)?)
                } else {
                    let after = (subject.measure)(&current)?;
                    ((subject.measure)(&base)?, after)
                };
                ratios.add(&before, after);
            }
        }
        print!("{ratios}");
        Ok(())
    }
}

/// The other commit.
struct Base {
    commit: String,
    /// Where its `wfctl` is kept.
    program: PathBuf,
}

impl Base {
    fn of(workspace: &Workspace, commit: &str) -> Result<Self> {
        let mut resolve = git(workspace.root());
        resolve.args(["rev-parse", "--verify", "--end-of-options"]);
        resolve.arg(format!("{commit}^{{commit}}"));
        let commit = program::read(&mut resolve)
            .with_context(|| format!("{commit:?} is no commit of this clone"))?;
        let commit = commit.trim().to_owned();
        let program = folder(workspace).join(format!("wfctl-{commit}"));
        Ok(Self { commit, program })
    }

    /// Builds its `wfctl` in a worktree, unless an earlier comparison did.
    fn build(&self, workspace: &Workspace) -> Result<()> {
        if self.program.exists() {
            return Ok(());
        }
        let checkout = folder(workspace).join("checkout");
        let mut prepare = if checkout.exists() {
            let mut checkout = git(&checkout);
            checkout.args(["checkout", "--quiet", "--force", "--detach"]);
            checkout
        } else {
            let mut add = git(workspace.root());
            add.args(["worktree", "add", "--force", "--detach"]);
            add.arg(&checkout);
            add
        };
        program::run(prepare.arg(&self.commit))?;
        let target = folder(workspace).join("target");
        let mut build = program::cargo();
        build
            .current_dir(&checkout)
            .env("CARGO_TARGET_DIR", &target)
            .args(["build", "--locked", "--package", "wfctl", "--release"]);
        program::run(&mut build)?;
        let built = target.join("release/wfctl");
        fs::copy(&built, &self.program)
            .with_context(|| format!("copy {} to {}", built.display(), self.program.display()))?;
        Ok(())
    }
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target().join("against")
}

fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    git
}

/// All rounds of all measurements, in the order of their first occurrence.
#[derive(Default)]
struct Ratios {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    unit: String,
    better: Better,
    before: Vec<f64>,
    after: Vec<f64>,
}

impl Ratios {
    /// Adds the measurements of one subject in one round. What only one of the programs measures
    /// has no ratio, and is left out.
    fn add(&mut self, before: &[Measurement], after: Vec<Measurement>) {
        for after in after {
            let Some(before) = before.iter().find(|before| before.name == after.name) else {
                continue;
            };
            match self.rows.iter_mut().find(|row| row.name == after.name) {
                Some(row) => {
                    row.before.push(before.median);
                    row.after.push(after.median);
                }
                None => self.rows.push(Row {
                    before: vec![before.median],
                    after: vec![after.median],
                    name: after.name,
                    unit: after.unit,
                    better: after.better,
                }),
            }
        }
    }
}

impl Row {
    /// This checkout's value as a share of the other commit's, for each round.
    fn ratios(&self) -> Vec<f64> {
        let rounds = self.before.iter().zip(&self.after);
        rounds.map(|(before, after)| after / before).collect()
    }

    /// Only what every round agrees on is a difference.
    fn verdict(&self) -> &'static str {
        let ratios = self.ratios();
        let (all_lower, all_higher) = (
            ratios.iter().all(|ratio| *ratio < 1.0),
            ratios.iter().all(|ratio| *ratio > 1.0),
        );
        match (ratios.len(), self.better) {
            (..MIN_ROUNDS, _) => "too few rounds",
            (_, Better::Lower) if all_lower => "better",
            (_, Better::Higher) if all_higher => "better",
            _ if all_lower || all_higher => "worse",
            _ => "no difference",
        }
    }
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths = self.rows.iter().map(|row| row.name.chars().count());
        let name = lengths.max().unwrap_or(0);
        writeln!(
            f,
            "{:name$}  {:>10}  {:>10}  {:>8}  {:>8}  {:>8}  {:8}  verdict",
            "measurement", "before", "after", "ratio", "lowest", "highest", "unit"
        )?;
        for row in &self.rows {
            let ratios = row.ratios();
            writeln!(
                f,
                "{:name$}  {:>10}  {:>10}  {:>8}  {:>8}  {:>8}  {:8}  {}",
                row.name,
                short(median(&row.before)),
                short(median(&row.after)),
                short(median(&ratios)),
                short(ratios.iter().copied().fold(f64::INFINITY, f64::min)),
                short(ratios.iter().copied().fold(0.0, f64::max)),
                row.unit,
                row.verdict(),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(name: &str, median: f64, better: Better) -> Measurement {
        Measurement {
            name: name.to_owned(),
            unit: "ms".to_owned(),
            median,
            p99: None,
            target: None,
            better,
        }
    }

    fn verdicts(better: Better, rounds: &[(f64, f64)]) -> Vec<&'static str> {
        let mut ratios = Ratios::default();
        for (before, after) in rounds {
            let before = [measurement("w", *before, better)];
            ratios.add(&before, vec![measurement("w", *after, better)]);
        }
        ratios.rows.iter().map(Row::verdict).collect()
    }

    #[test]
    fn a_difference_is_what_every_round_shows() {
        let slower = [(1.0, 1.2), (2.0, 2.1), (1.0, 1.4), (3.0, 3.1), (1.0, 1.1)];
        assert_eq!(verdicts(Better::Lower, &slower), ["worse"]);
        assert_eq!(verdicts(Better::Higher, &slower), ["better"]);
        let mixed = [(1.0, 1.2), (2.0, 1.9), (1.0, 1.4), (3.0, 3.1), (1.0, 1.1)];
        assert_eq!(verdicts(Better::Lower, &mixed), ["no difference"]);
        assert_eq!(verdicts(Better::Lower, &slower[..4]), ["too few rounds"]);
    }

    #[test]
    fn ratios_are_those_within_a_round() {
        let mut ratios = Ratios::default();
        // The machine was ten times as slow in the second round.
        for (before, after) in [(1.0, 0.5), (10.0, 5.0), (1.0, 0.5), (1.0, 0.5), (1.0, 0.5)] {
            let before = [measurement("w", before, Better::Lower)];
            ratios.add(&before, vec![measurement("w", after, Better::Lower)]);
        }
        let text = ratios.to_string();
        let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            row,
            [
                "w", "1.00", "0.500", "0.500", "0.500", "0.500", "ms", "better"
            ]
        );
    }

    #[test]
    fn what_only_one_program_measures_is_left_out() {
        let mut ratios = Ratios::default();
        let before = [measurement("old", 1.0, Better::Lower)];
        ratios.add(&before, vec![measurement("new", 1.0, Better::Lower)]);
        assert!(ratios.rows.is_empty());
    }
}
