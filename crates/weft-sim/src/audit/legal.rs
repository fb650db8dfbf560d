//! Which steps are legal, written down once more and apart from the machine.

use crate::reference::Ending;
use weft_core::run::{Attempt, Counts, Event, InstanceState, RunState};

pub(super) fn live(state: InstanceState) -> Option<Attempt> {
    match state {
        InstanceState::Queued { attempt } | InstanceState::Running { attempt } => Some(attempt),
        _ => None,
    }
}

pub(super) fn ending(state: InstanceState) -> Option<Ending> {
    match state {
        InstanceState::Success => Some(Ending::Success),
        InstanceState::Failed => Some(Ending::Failed),
        InstanceState::Skipped => Some(Ending::Skipped),
        InstanceState::UpstreamFailed => Some(Ending::UpstreamFailed),
        InstanceState::Cancelled => Some(Ending::Cancelled),
        InstanceState::Waiting
        | InstanceState::Expanding
        | InstanceState::Ready
        | InstanceState::Queued { .. }
        | InstanceState::Running { .. }
        | InstanceState::UpForRetry { .. }
        | InstanceState::Deferred { .. } => None,
    }
}

/// Which state may follow which, but for marks and clears.
pub(super) fn legal(before: InstanceState, after: InstanceState) -> bool {
    use InstanceState as S;
    match (before, after) {
        (S::Queued { attempt }, S::Running { attempt: next }) => attempt == next,
        (S::Waiting, S::Ready | S::Expanding | S::Skipped | S::UpstreamFailed)
        | (S::Expanding, S::Skipped | S::Failed)
        | (S::Ready, S::Queued { .. })
        | (
            S::Queued { .. } | S::Running { .. },
            S::Ready
            | S::UpForRetry { .. }
            | S::Deferred { .. }
            | S::Success
            | S::Failed
            | S::Skipped,
        )
        | (S::UpForRetry { .. } | S::Deferred { .. }, S::Ready) => true,
        (before, S::Cancelled) => !before.is_ended(),
        (_, _) => false,
    }
}

pub(super) fn slot(counts: &mut Counts, state: InstanceState) -> &mut u64 {
    match state {
        InstanceState::Waiting => &mut counts.waiting,
        InstanceState::Expanding => &mut counts.expanding,
        InstanceState::Ready => &mut counts.ready,
        InstanceState::Queued { .. } => &mut counts.queued,
        InstanceState::Running { .. } => &mut counts.running,
        InstanceState::UpForRetry { .. } => &mut counts.up_for_retry,
        InstanceState::Deferred { .. } => &mut counts.deferred,
        InstanceState::Success => &mut counts.success,
        InstanceState::Failed => &mut counts.failed,
        InstanceState::Skipped => &mut counts.skipped,
        InstanceState::UpstreamFailed => &mut counts.upstream_failed,
        InstanceState::Cancelled => &mut counts.cancelled,
    }
}

/// Which state of a run may follow which, and through which event.
pub(super) fn run_legal(before: RunState, after: RunState, event: &Event) -> bool {
    match (before, after) {
        (RunState::Pending, RunState::Running | RunState::Cancelled)
        | (RunState::Running, RunState::Success | RunState::Failed | RunState::Cancelled) => true,
        (RunState::Success | RunState::Failed | RunState::Cancelled, RunState::Running) => {
            matches!(event, Event::Clear { .. })
        }
        (RunState::Success, RunState::Failed) | (RunState::Failed, RunState::Success) => {
            matches!(event, Event::Mark { .. })
        }
        (_, _) => false,
    }
}
