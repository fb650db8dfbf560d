//! `Event::Finished`: what an attempt reported.

use super::{
    Action, Attempt, Cause, Choice, Instance, Moment, Outcome, Rejection, Run, Tag,
    cell::{Cell, Report},
};
use crate::{document::TaskIndex, plan::NotAChoice};

impl Run {
    pub(super) fn finished(
        &mut self,
        at: Moment,
        attempt: Attempt,
        outcome: Outcome,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let cell = self.current(attempt)?;
        if !cell.tag.is_live() {
            self.refuse_report(attempt, cell, &outcome)?;
        }
        let instance = attempt.instance;
        self.cell_mut(instance).report = Report::of(&outcome);
        match outcome {
            Outcome::Success => self.end(instance, Tag::Success, Cause::Outcome, actions),
            Outcome::Skipped => self.end(instance, Tag::Skipped, Cause::Outcome, actions),
            Outcome::Branch { chosen } => self.branched(instance, chosen, actions),
            Outcome::Deferred { until } => {
                let mut pause = self.pause(instance);
                pause.deferrals = pause.deferrals.saturating_add(1);
                if pause.deferrals > self.faults.max_deferrals(self.plan.bounds.max_deferrals) {
                    self.end(instance, Tag::Failed, Cause::DeferredTooOften, actions);
                } else {
                    pause.until = until;
                    self.wait(instance, Tag::Deferred, pause, attempt.number, actions);
                }
            }
            Outcome::Failed {
                retryable,
                retry_after,
                message: _,
            } => {
                let mut pause = self.pause(instance);
                pause.failures = pause.failures.saturating_add(1);
                let counted = self.faults.counted_failures(pause.failures);
                let retry = &self.plan.steps[instance.task.0 as usize].retry;
                match retry
                    .wait(counted, retry_after, at.entropy)
                    .filter(|_| retryable)
                {
                    Some(wait) => {
                        pause.until = Some(at.now.plus(wait));
                        self.wait(instance, Tag::UpForRetry, pause, attempt.number, actions);
                    }
                    None => self.end(instance, Tag::Failed, Cause::Outcome, actions),
                }
            }
        }
        Ok(())
    }

    /// The rejection of a report about an attempt that ended already.
    fn refuse_report(
        &self,
        attempt: Attempt,
        cell: Cell,
        outcome: &Outcome,
    ) -> Result<(), Rejection> {
        if self
            .faults
            .applies_late_report(cell.report, Report::of(outcome))
        {
            return Ok(());
        }
        let same = cell.report == Report::of(outcome)
            && match outcome {
                Outcome::Branch { chosen } => {
                    // After a failed branch there is no choice to compare with.
                    self.choices
                        .get(&attempt.instance.task)
                        .is_none_or(|choice| choice.chosen == *chosen)
                }
                Outcome::Success
                | Outcome::Skipped
                | Outcome::Deferred { .. }
                | Outcome::Failed { .. } => true,
            };
        Err(if same {
            Rejection::Duplicate
        } else {
            Rejection::Stale
        })
    }

    fn branched(&mut self, instance: Instance, chosen: Vec<TaskIndex>, actions: &mut Vec<Action>) {
        let plan = &self.plan;
        let left_out =
            plan.branches
                .left_out(instance.task, &chosen, &plan.downstreams, &plan.ranks);
        match left_out {
            Ok(left_out) => {
                let downstreams = plan.downstreams(instance.task);
                let left_out = self.faults.left_out(left_out, downstreams, &chosen);
                self.choices
                    .insert(instance.task, Choice { chosen, left_out });
                self.end(instance, Tag::Success, Cause::Outcome, actions);
            }
            Err(NotAChoice) => self.end(instance, Tag::Failed, Cause::BadBranch, actions),
        }
    }
}
