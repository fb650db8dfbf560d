//! Lets an instance wait for a retry or a deferral, and builds public states.

use super::{Action, Cause, Instance, InstanceState, Run, Tag, Timer, pause::Pause};

impl Run {
    pub(super) fn pause(&self, instance: Instance) -> Pause {
        self.pauses.get(&instance).copied().unwrap_or_default()
    }

    /// Moves an instance to a waiting state and sets its timer.
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

    /// The public state of an instance with this tag.
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
