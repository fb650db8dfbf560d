//! `Event::Lost`: an attempt whose worker stopped answering.

use super::{Action, Attempt, Cause, Rejection, Run, Tag, cell::Report};

impl Run {
    pub(super) fn lost(
        &mut self,
        attempt: Attempt,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let cell = self.current(attempt)?;
        if !cell.tag.is_live() {
            return Err(if cell.report == Report::Lost {
                Rejection::Duplicate
            } else {
                Rejection::Stale
            });
        }
        let instance = attempt.instance;
        self.cell_mut(instance).report = Report::Lost;
        let mut pause = self.pause(instance);
        pause.losses = pause.losses.saturating_add(1);
        pause.failures = self.faults.failures_after_loss(pause.failures);
        // The worker may still run the attempt behind a broken connection, and kills it
        // when it hears of the revocation.
        actions.push(Action::Revoke { attempt });
        if pause.losses > self.faults.max_losses(self.plan.bounds.max_losses) {
            self.end(instance, Tag::Failed, Cause::LostTooOften, actions);
        } else {
            self.pauses.insert(instance, pause);
            self.make_ready(instance, actions);
        }
        Ok(())
    }
}
