//! What is kept of the few instances that failed, were lost or deferred
//! themselves, until they end.

use super::{Action, Cause, Instance, InstanceState, Run, Tag, Timer};
use crate::time::Timestamp;

/// The troubles of one instance since it was last cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pause {
    pub(super) failures: u32,
    pub(super) losses: u32,
    pub(super) deferrals: u32,
    /// When the current wait is over.
    pub(super) until: Option<Timestamp>,
    /// The wait is over, and `max_active` keeps it back.
    pub(super) due: bool,
}

impl Run {
    pub(super) fn pause(&self, instance: Instance) -> Pause {
        self.pauses.get(&instance).copied().unwrap_or_default()
    }

    /// Lets an instance wait as `tag` says, with its timer.
    pub(super) fn wait(
        &mut self,
        instance: Instance,
        tag: Tag,
        pause: Pause,
        number: u32,
        actions: &mut Vec<Action>,
    ) {
        self.pauses.insert(instance, pause);
        self.shift(instance, tag);
        let state = self.state_of(instance, tag);
        actions.push(Action::InstanceChanged {
            instance,
            state,
            cause: Cause::Outcome,
        });
        if let Some(at) = pause.until {
            actions.push(Action::SetTimer {
                timer: Timer::Instance { instance, number },
                at,
            });
        }
        self.refill(instance.task, actions);
    }

    /// The public state of an instance that stands at `tag`.
    pub(super) fn state_of(&self, instance: Instance, tag: Tag) -> InstanceState {
        let until = || self.pauses.get(&instance).and_then(|pause| pause.until);
        match tag {
            Tag::Waiting => InstanceState::Waiting,
            Tag::Expanding => InstanceState::Expanding,
            Tag::Ready => InstanceState::Ready,
            Tag::Queued => InstanceState::Queued {
                attempt: self.attempt_of(instance),
            },
            Tag::Running => InstanceState::Running {
                attempt: self.attempt_of(instance),
            },
            Tag::UpForRetry => InstanceState::UpForRetry {
                at: until().expect("a retry has a time"),
            },
            Tag::Deferred => InstanceState::Deferred { until: until() },
            Tag::Success => InstanceState::Success,
            Tag::Failed => InstanceState::Failed,
            Tag::Skipped => InstanceState::Skipped,
            Tag::UpstreamFailed => InstanceState::UpstreamFailed,
            Tag::Cancelled => InstanceState::Cancelled,
        }
    }
}
