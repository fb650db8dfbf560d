//! `Event::Due` and `Event::Woken`: a wait is over, or a deadline has passed.

use super::{Action, Cause, Instance, Rejection, Run, RunState, Tag, Timer};
use crate::document::TaskIndex;

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
                if self.timeout_at().is_none() || self.episode != episode {
                    return Err(Rejection::Stale);
                }
                self.stop(RunState::Failed, Cause::RunTimeout, actions);
                Ok(())
            }
            Timer::Deadline { task } => self.miss(task, actions),
        }
    }

    /// A deadline has passed.
    fn miss(
        &mut self,
        task: Option<TaskIndex>,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        if !self.can_miss(task) {
            return Err(Rejection::Stale);
        }
        self.missed.insert(task);
        actions.push(Action::DeadlineMissed { task });
        match task {
            None if self.plan.bounds.stops_at_deadline => {
                self.stop(RunState::Failed, Cause::Deadline, actions);
            }
            Some(task) if self.plan.step(task).stops_at_deadline => {
                self.stop_task(task, Cause::Deadline, actions);
            }
            None | Some(_) => {}
        }
        Ok(())
    }

    /// Whether a deadline would be missed if it passed now: what it is for has not ended, and did not
    /// miss it before. `None` is the run as a whole. A run that had ended, and was cleared, has met or
    /// missed its deadlines.
    pub fn can_miss(&self, task: Option<TaskIndex>) -> bool {
        let is_open = match task {
            None => true,
            Some(task) => self.counts(task).unfinished() > 0,
        };
        is_open
            && self.state == RunState::Running
            && self.episode == 1
            && self.ending.is_none()
            && !self.faults.knows_missed(self.missed.contains(&task))
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
