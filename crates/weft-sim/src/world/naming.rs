//! Which kinds of [`crate::coverage::Coverage`] a step belongs to.

use super::World;
use weft_core::run::{Action, Cause, Event, Outcome, Rejection, RunState, Timer};

impl World<'_> {
    pub(super) fn count(
        &mut self,
        event: &Event,
        result: Result<(), Rejection>,
        before: RunState,
        actions: &[Action],
    ) {
        self.coverage.add(match result {
            Ok(()) => accepted(event, before),
            Err(Rejection::Duplicate) => "refused: duplicate",
            Err(Rejection::Stale) => "refused: stale",
            Err(Rejection::WrongState) => "refused: wrong state",
            Err(Rejection::Unknown) => "refused: unknown",
            Err(Rejection::RunEnded) => "refused: run ended",
            Err(Rejection::NothingSelected) => "refused: nothing of the selection failed",
        });
        if let (
            Event::Finished {
                attempt,
                outcome: Outcome::Branch { chosen },
            },
            Ok(()),
        ) = (event, result)
            && chosen.iter().any(|task| {
                !self
                    .run
                    .plan()
                    .downstreams(attempt.instance.task)
                    .contains(task)
            })
        {
            self.coverage.add("fault: branch to a stranger");
        }
        for action in actions {
            match action {
                Action::InstanceChanged { cause, .. } | Action::RangeChanged { cause, .. } => {
                    if let Some(kind) = caused(*cause) {
                        self.coverage.add(kind);
                    }
                }
                Action::InstancesCleared { .. } => {
                    self.coverage.add("action: instances cleared by themselves");
                }
                Action::RunChanged {
                    state: RunState::Success,
                } => self.coverage.add("run: success"),
                Action::RunChanged {
                    state: RunState::Failed,
                } => self.coverage.add("run: failed"),
                Action::RunChanged {
                    state: RunState::Cancelled,
                } => self.coverage.add("run: cancelled"),
                Action::RunChanged {
                    state: RunState::Pending | RunState::Running,
                }
                | Action::Expand { .. }
                | Action::CheckPrecondition { .. }
                | Action::DeadlineMissed { .. }
                | Action::Ready { .. }
                | Action::SetTimer { .. }
                | Action::Revoke { .. }
                | Action::Cleared { .. } => {}
            }
        }
    }
}

fn accepted(event: &Event, before: RunState) -> &'static str {
    match event {
        Event::Start => "accepted: start",
        Event::Expanded { .. } => "accepted: expanded",
        Event::ExpandFailed { .. } => "accepted: expand failed",
        Event::PreconditionChecked { runs: true, .. } => "accepted: condition holds",
        Event::PreconditionChecked { runs: false, .. } => "accepted: condition skips",
        Event::Dispatched { .. } => "accepted: dispatched",
        Event::Started { .. } => "accepted: started",
        Event::Finished { outcome, .. } => match outcome {
            Outcome::Success => "accepted: success",
            Outcome::Branch { .. } => "accepted: branch",
            Outcome::Skipped => "accepted: skipped",
            Outcome::Deferred { .. } => "accepted: deferred",
            Outcome::Failed { .. } => "accepted: failed",
        },
        Event::Lost { .. } => "accepted: lost",
        Event::Due {
            timer: Timer::Instance { .. },
        } => "accepted: retry or deferral due",
        Event::Due {
            timer: Timer::RunTimeout { .. },
        } => "accepted: run timeout",
        Event::Due {
            timer: Timer::Deadline { task: None },
        } => "accepted: deadline of the run",
        Event::Due {
            timer: Timer::Deadline { task: Some(_) },
        } => "accepted: deadline of a task",
        Event::Woken { .. } => "accepted: woken",
        Event::Cancel => "accepted: cancel",
        Event::Clear { .. } if before.is_ended() => "accepted: clear of an ended run",
        Event::Clear { .. } => "accepted: clear",
        Event::Mark { .. } if before == RunState::Pending => "accepted: mark before the start",
        Event::Mark { .. } if before.is_ended() => "accepted: mark in an ended run",
        Event::Mark { .. } => "accepted: mark",
    }
}

fn caused(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::Progress | Cause::Outcome | Cause::Marked => None,
        Cause::Rule => Some("cause: rule"),
        Cause::Branch => Some("cause: branch"),
        Cause::Expansion => Some("cause: empty or missing list"),
        Cause::NoSource => Some("cause: no source"),
        Cause::BadBranch => Some("cause: bad branch"),
        Cause::DeferredTooOften => Some("cause: deferred too often"),
        Cause::LostTooOften => Some("cause: lost too often"),
        Cause::Cancelled => Some("cause: cancelled"),
        Cause::RunTimeout => Some("cause: run timeout"),
        Cause::Precondition => Some("cause: condition on other runs"),
        Cause::Deadline => Some("cause: deadline"),
    }
}
