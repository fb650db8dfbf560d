//! `Event::Mark`: an operator sets an instance's end state.

use super::{Action, Cause, Instance, Marked, Rejection, Run, Tag};

impl Run {
    pub(super) fn mark(
        &mut self,
        instance: Instance,
        as_state: Marked,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let cell = self.cell(instance).ok_or(Rejection::Unknown)?;
        let tag = match as_state {
            Marked::Success => Tag::Success,
            Marked::Failed => Tag::Failed,
            Marked::Skipped => Tag::Skipped,
        };
        if cell.tag == tag {
            return Err(Rejection::Duplicate);
        }
        self.revoke(instance, actions);
        // A branch that is marked has not chosen.
        self.choices.remove(&instance.task);
        self.end(instance, tag, Cause::Marked, actions);
        Ok(())
    }
}
