//! Counts what a simulation exercised, so that it can't pass by doing nothing.

use std::{collections::BTreeMap, fmt};

/// How often each kind of event, fault and answer occurred.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    counts: BTreeMap<&'static str, u64>,
}

impl Coverage {
    /// Everything that a thousand seeds are sure to exercise.
    pub const KINDS: [&'static str; 58] = [
        "accepted: start",
        "accepted: expanded",
        "accepted: expand failed",
        "accepted: dispatched",
        "accepted: started",
        "accepted: success",
        "accepted: branch",
        "accepted: skipped",
        "accepted: deferred",
        "accepted: failed",
        "accepted: lost",
        "accepted: retry or deferral due",
        "accepted: run timeout",
        "accepted: deadline of the run",
        "accepted: deadline of a task",
        "accepted: condition holds",
        "accepted: condition skips",
        "accepted: woken",
        "accepted: cancel",
        "accepted: clear",
        "accepted: clear of an ended run",
        "accepted: mark",
        "accepted: mark before the start",
        "accepted: mark in an ended run",
        "refused: duplicate",
        "refused: stale",
        "refused: wrong state",
        "refused: unknown",
        "refused: run ended",
        "refused: nothing of the selection failed",
        "action: instances cleared by themselves",
        "fault: message doubled",
        "fault: message overtaken",
        "fault: message of an attempt that is no longer current",
        "fault: forged nonce",
        "fault: forged number or instance",
        "fault: worker lost",
        "fault: lost worker reports all the same",
        "fault: answer to an old expansion",
        "fault: answer to an old condition",
        "fault: timer twice",
        "fault: branch to a stranger",
        "fault: list too long",
        "cause: rule",
        "cause: branch",
        "cause: empty or missing list",
        "cause: no source",
        "cause: deferred too often",
        "cause: lost too often",
        "cause: bad branch",
        "cause: run timeout",
        "cause: condition on other runs",
        "cause: deadline",
        "cause: cancelled",
        "run: success",
        "run: failed",
        "run: cancelled",
        "run: partial",
    ];

    /// Counts one.
    pub fn add(&mut self, kind: &'static str) {
        *self.counts.entry(kind).or_default() += 1;
    }

    /// How often a kind occurred.
    pub fn count(&self, kind: &str) -> u64 {
        self.counts.get(kind).copied().unwrap_or_default()
    }

    /// How many faults there were, crashes among them.
    pub fn faults(&self) -> u64 {
        let faults = self.counts.iter();
        faults
            .filter(|(kind, _)| kind.starts_with("fault: ") || kind.starts_with("crash: "))
            .map(|(_, count)| count)
            .sum()
    }

    /// Adds the counts of another simulation.
    pub fn absorb(&mut self, other: &Self) {
        for (kind, count) in &other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts
            .iter()
            .try_for_each(|(kind, count)| writeln!(f, "{count:>10}  {kind}"))
    }
}
