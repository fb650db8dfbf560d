//! `Event::Due` and `Event::Woken`: a wait is over.

use super::{Action, Cause, Instance, Rejection, Run, RunState, Tag, Timer};

impl Run {
    pub(super) fn due(&mut self, timer: Timer, actions: &mut Vec<Action>) -> Result<(), Rejection> {
        match timer {
            Timer::Instance { instance, number } => {
                let cell = self.cell(instance).ok_or(Rejection::Stale)?;
                let pause = self.pause(instance);
                let waits = matches!(cell.tag, Tag::UpForRetry | Tag::Deferred)
                    && !pause.due
                    && pause.until.is_some();
                let current = self.faults.timer_is_current(cell.number, number);
                if !waits || !current {
                    return Err(Rejection::Stale);
                }
                self.make_ready(instance, actions);
                Ok(())
            }
            Timer::RunTimeout { episode } => {
                if self.state != RunState::Running || self.episode != episode {
                    return Err(Rejection::Stale);
                }
                self.stop(RunState::Failed, Cause::RunTimeout, actions);
                Ok(())
            }
        }
    }

    pub(super) fn woken(
        &mut self,
        instance: Instance,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let cell = self.cell(instance).ok_or(Rejection::Unknown)?;
        if cell.tag != Tag::Deferred || self.pause(instance).due {
            return Err(Rejection::WrongState);
        }
        self.make_ready(instance, actions);
        Ok(())
    }
}
