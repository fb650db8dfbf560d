//! Random outcomes of attempts: the report of the task, or the loss of its worker.

use fastrand::Rng;
use weft_core::{
    document::TaskIndex,
    plan::{Plan, Step},
    run::Outcome,
    time::{DurationMs, Timestamp},
};

/// How likely tasks of one world do what, in parts of a thousand.
#[derive(Debug, Clone, Copy)]
pub struct Temper {
    fail: u32,
    skip: u32,
    defer: u32,
    lose: u32,
    /// A lost worker was only cut off and reports.
    return_after_loss: u32,
}

/// What becomes of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate {
    /// What it reports, if its worker survives.
    pub report: Option<Outcome>,
    /// Whether its lease runs out.
    pub lost: bool,
}

impl Temper {
    /// The temper of one world, from gentle to awful.
    pub fn random(rng: &mut Rng) -> Self {
        let awful = [20, 100, 300][rng.usize(0..3)];
        Self {
            fail: rng.u32(0..=awful),
            skip: rng.u32(0..=awful / 2),
            defer: rng.u32(0..=awful),
            lose: rng.u32(0..=awful),
            return_after_loss: rng.u32(0..1000),
        }
    }

    /// The fate of one attempt of a task.
    pub fn fate(&self, rng: &mut Rng, plan: &Plan, task: TaskIndex, now: Timestamp) -> Fate {
        let outcome = self.outcome(rng, plan, task, now);
        let lost = rng.u32(0..1000) < self.lose;
        let report = (!lost || rng.u32(0..1000) < self.return_after_loss).then_some(outcome);
        Fate { report, lost }
    }

    fn outcome(&self, rng: &mut Rng, plan: &Plan, task: TaskIndex, now: Timestamp) -> Outcome {
        let roll = rng.u32(0..1000);
        if roll < self.fail {
            return Outcome::Failed {
                retryable: rng.u32(0..4) > 0,
                retry_after: (rng.u32(0..4) == 0).then(|| DurationMs(rng.u64(0..20_000))),
                message: "as the random fell".into(),
            };
        }
        if roll < self.fail + self.skip {
            return Outcome::Skipped;
        }
        if roll < self.fail + self.skip + self.defer {
            let until = rng.bool().then(|| now.plus(DurationMs(rng.u64(0..5000))));
            return Outcome::Deferred { until };
        }
        let step: &Step = plan.step(task);
        if (step.branch && rng.u32(0..10) > 0) || rng.u32(0..100) == 0 {
            let mut chosen: Vec<TaskIndex> = plan
                .downstreams(task)
                .iter()
                .copied()
                .filter(|_| rng.bool())
                .collect();
            if rng.u32(0..30) == 0 {
                // Mostly another task, or one that doesn't exist.
                chosen.push(TaskIndex(rng.u32(0..=plan.task_count())));
            }
            return Outcome::Branch { chosen };
        }
        Outcome::Success
    }
}
