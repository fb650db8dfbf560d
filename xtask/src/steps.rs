//! Runs named steps one after the other, one beside others where that helps, goes on after a failure,
//! and sums up.

use anyhow::{Result, anyhow, bail};
use std::{
    thread::{Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

/// How many of the slowest steps are printed again.
const SLOWEST: usize = 10;

/// The steps of one command and how each ended.
pub(crate) struct Steps {
    only: Option<String>,
    begun: Instant,
    done: Vec<Step>,
}

/// A step that runs beside others, in a thread of its own, if it runs at all.
pub(crate) struct Beside<'scope> {
    name: &'static str,
    needs_met: bool,
    thread: Option<ScopedJoinHandle<'scope, (Result<()>, Duration)>>,
}

struct Step {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

enum Outcome {
    Passed,
    /// With what went wrong.
    Failed(String),
    /// A step that it needs has failed before.
    NotRun,
}

/// Prints a heading, runs a step, and prints how long it took.
pub(crate) fn timed<T>(name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("\n=== {name}");
    let start = Instant::now();
    let done = step()?;
    eprintln!("--- {name}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(done)
}

impl Steps {
    /// None yet. With `only`, steps whose names don't contain it are skipped silently.
    pub(crate) fn new(only: Option<String>) -> Self {
        Self {
            only,
            begun: Instant::now(),
            done: Vec::new(),
        }
    }

    fn is_selected(&self, name: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
    }

    /// Runs a step, and returns whether the steps that need it can run.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) -> bool {
        if !self.is_selected(name) {
            return true;
        }
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let ended = step();
        self.record(name, ended, start.elapsed())
    }

    /// Begins a step beside those that follow, if its needs are met. [`Self::join`] waits for it.
    pub(crate) fn begin<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        needs_met: bool,
        name: &'static str,
        step: impl FnOnce() -> Result<()> + Send + 'scope,
    ) -> Beside<'scope> {
        let runs = needs_met && self.is_selected(name);
        let thread = runs.then(|| {
            eprintln!("\n=== {name}, beside what follows");
            scope.spawn(|| {
                let start = Instant::now();
                (step(), start.elapsed())
            })
        });
        Beside {
            name,
            needs_met,
            thread,
        }
    }

    /// Waits for a step that runs beside others, and returns whether the steps that need it can run.
    pub(crate) fn join(&mut self, beside: Beside<'_>) -> bool {
        let Some(thread) = beside.thread else {
            return self.run_if(beside.needs_met, beside.name, || Ok(()));
        };
        let (ended, took) = thread
            .join()
            .unwrap_or_else(|_panic| (Err(anyhow!("it panicked")), Duration::ZERO));
        self.record(beside.name, ended, took)
    }

    /// Records how a step ended, and returns whether it passed.
    fn record(&mut self, name: &'static str, ended: Result<()>, took: Duration) -> bool {
        let outcome = match ended {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                let error = format!("{error:#}");
                eprintln!("error: {error}");
                Outcome::Failed(error)
            }
        };
        let passed = matches!(outcome, Outcome::Passed);
        self.done.push(Step {
            name,
            took,
            outcome,
        });
        passed
    }

    /// Runs a step whose needs are met, and records the others as not run.
    pub(crate) fn run_if(
        &mut self,
        needs_met: bool,
        name: &'static str,
        step: impl FnOnce() -> Result<()>,
    ) -> bool {
        if needs_met {
            return self.run(name, step);
        }
        if self.is_selected(name) {
            self.done.push(Step {
                name,
                took: Duration::ZERO,
                outcome: Outcome::NotRun,
            });
        }
        false
    }

    /// Prints the steps that took the longest, to see where time can be saved.
    fn print_slowest(&self) {
        let mut steps: Vec<&Step> = self.done.iter().collect();
        steps.sort_by_key(|step| std::cmp::Reverse(step.took));
        eprintln!("\n=== slowest");
        for step in steps.into_iter().take(SLOWEST) {
            eprintln!("{:>16.1} s  {}", step.took.as_secs_f64(), step.name);
        }
    }

    /// Prints what went wrong once more, last: where only the end of the output is kept, it is
    /// what has to be read.
    fn print_failures(&self) {
        for step in &self.done {
            if let Outcome::Failed(error) = &step.outcome {
                eprintln!("\n=== failed: {}\n{error}", step.name);
            }
        }
    }

    /// Prints every step with its seconds, and fails where one did.
    pub(crate) fn finish(self) -> Result<()> {
        let total = self.begun.elapsed();
        eprintln!("\n=== summary");
        for step in &self.done {
            let outcome = match step.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed(_) => "FAILED",
                Outcome::NotRun => "not run",
            };
            eprintln!(
                "{outcome:>8} {:>7.1} s  {}",
                step.took.as_secs_f64(),
                step.name
            );
        }
        self.print_slowest();
        self.print_failures();
        let bad = self
            .done
            .iter()
            .filter(|step| !matches!(step.outcome, Outcome::Passed))
            .count();
        if self.done.is_empty() {
            bail!("no step has that name");
        }
        if bad > 0 {
            bail!(
                "{bad} of {} steps did not pass, after {:.0} s",
                self.done.len(),
                total.as_secs_f64()
            );
        }
        eprintln!(
            "all {} steps passed in {:.0} s",
            self.done.len(),
            total.as_secs_f64()
        );
        Ok(())
    }
}
