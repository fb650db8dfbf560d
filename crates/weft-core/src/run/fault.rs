//! Fault points of the machine: decisions that a planted bug changes, to show that
//! the simulation's auditor finds it.
//!
//! Each method of [`Faults`] is one decision and returns what the machine shall
//! do. Without the feature `planted-bugs`, which only the simulation turns on,
//! [`Faults`] has no size, no bug is ever planted, and each method returns its
//! argument or the correct answer.

use super::cell::{Report, Tag};
use crate::{
    document::TaskIndex,
    trigger_rule::{Tally, TriggerRule},
};

/// A bug of the machine, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// `all_success` counts a skipped upstream as a success.
    SkippedIsSuccess,
    /// `all_done` doesn't wait for the last upstream.
    StartsEarly,
    /// `one_done` counts an upstream that could not run.
    UpstreamFailedIsDone,
    /// An expanded upstream counts once, not once for each instance.
    UpstreamCountedOnce,
    /// An attempt is known by its number alone.
    NonceIgnored,
    /// The same report is applied again.
    DuplicateApplied,
    /// The report of a revoked or lost attempt is applied.
    LateReportApplied,
    /// One retry more than the author allowed.
    OneRetryTooMany,
    /// A lost attempt uses up one of the author's retries.
    LossIsFailure,
    /// Losses are unbounded.
    LossesUnbounded,
    /// Deferrals are unbounded.
    DeferralsUnbounded,
    /// The timer of an earlier wait ends a later one.
    OldTimerFires,
    /// The answer to an expansion before a clear counts.
    OldExpansionCounts,
    /// One instance more than `max_active`.
    MaxActiveOffByOne,
    /// An empty list ends the task as a success.
    EmptyListSucceeds,
    /// A branch skips nothing.
    BranchSkipsNone,
    /// A branch skips tasks that a chosen task leads to.
    BranchIgnoresPaths,
    /// A cleared branch's old choice still skips.
    ClearKeepsChoice,
    /// Downstreams still count a cleared task as ended.
    ClearForgetsDownstream,
    /// A cleared task's attempts are numbered from 1 again.
    ClearRestartsNumbers,
    /// A cancel leaves deferred instances unchanged.
    CancelForgetsDeferred,
    /// A teardown runs though no setup of it succeeded.
    TeardownWithoutSetup,
    /// A cancel ends teardowns with everything else.
    CancelEndsTeardowns,
    /// A task doesn't wait until its conditions on other runs are checked.
    PreconditionIgnored,
    /// The answer to a check before a clear counts.
    OldPreconditionCounts,
    /// A deadline is missed again and again.
    DeadlineMissedTwice,
    /// In a mapped group the next instance of an upstream decides.
    NextIndexDecides,
    /// In a mapped group nothing follows an instance that was skipped or failed.
    GroupIgnoresFailures,
    /// Failed leaves don't fail the run.
    LeavesIgnored,
    /// The run ends before its last instance.
    EndsEarly,
}

#[cfg(feature = "planted-bugs")]
impl Planted {
    /// Every bug.
    pub const ALL: [Self; 30] = [
        Self::SkippedIsSuccess,
        Self::StartsEarly,
        Self::UpstreamFailedIsDone,
        Self::UpstreamCountedOnce,
        Self::NonceIgnored,
        Self::DuplicateApplied,
        Self::LateReportApplied,
        Self::OneRetryTooMany,
        Self::LossIsFailure,
        Self::LossesUnbounded,
        Self::DeferralsUnbounded,
        Self::OldTimerFires,
        Self::OldExpansionCounts,
        Self::MaxActiveOffByOne,
        Self::EmptyListSucceeds,
        Self::BranchSkipsNone,
        Self::BranchIgnoresPaths,
        Self::ClearKeepsChoice,
        Self::ClearForgetsDownstream,
        Self::ClearRestartsNumbers,
        Self::CancelForgetsDeferred,
        Self::TeardownWithoutSetup,
        Self::CancelEndsTeardowns,
        Self::PreconditionIgnored,
        Self::OldPreconditionCounts,
        Self::DeadlineMissedTwice,
        Self::NextIndexDecides,
        Self::GroupIgnoresFailures,
        Self::LeavesIgnored,
        Self::EndsEarly,
    ];
}

/// The machine's fault points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Faults {
    #[cfg(feature = "planted-bugs")]
    planted: Option<Planted>,
}

impl Faults {
    #[cfg(feature = "planted-bugs")]
    pub(super) fn with(bug: Planted) -> Self {
        Self { planted: Some(bug) }
    }

    #[cfg(feature = "planted-bugs")]
    fn has(self, bug: Planted) -> bool {
        self.planted == Some(bug)
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[inline]
    const fn has(self, _: Planted) -> bool {
        false
    }

    /// The index of the upstream's instance that decides an instance of a mapped group.
    #[inline]
    pub(super) fn deciding_index(self, index: u32) -> u32 {
        index + u32::from(self.has(Planted::NextIndexDecides))
    }

    /// Whether instances of a mapped group are decided again after one that they depend on.
    #[inline]
    pub(super) fn decides_after(self, tag: Tag) -> bool {
        tag == Tag::Success || !self.has(Planted::GroupIgnoresFailures)
    }

    /// The rule and the tally by which a task is decided.
    #[inline]
    pub(super) fn rule(self, rule: TriggerRule, mut tally: Tally) -> (TriggerRule, Tally) {
        if self.has(Planted::SkippedIsSuccess) && rule == TriggerRule::AllSuccess {
            tally.success += tally.skipped;
            tally.skipped = 0;
        }
        if self.has(Planted::StartsEarly) && rule == TriggerRule::AllDone && tally.pending == 1 {
            tally.pending = 0;
        }
        if self.has(Planted::UpstreamFailedIsDone) && rule == TriggerRule::OneDone {
            tally.failed += tally.upstream_failed;
        }
        (rule, tally)
    }

    /// The setups by which a teardown is decided.
    #[inline]
    pub(super) fn setups(self, setups: Tally) -> Tally {
        if self.has(Planted::TeardownWithoutSetup) {
            return Tally::default();
        }
        setups
    }

    /// Whether a run that is stopped still runs its teardowns.
    #[inline]
    pub(super) fn tears_down(self, has_teardowns: bool) -> bool {
        has_teardowns && !self.has(Planted::CancelEndsTeardowns)
    }

    /// Whether downstreams count the change of an upstream, of which `pending` instances
    /// have not ended.
    #[inline]
    pub(super) fn counts_downstream(self, pending: u32) -> bool {
        let misses = self.has(Planted::UpstreamCountedOnce) && pending > 1
            || self.has(Planted::ClearForgetsDownstream) && pending == 1;
        !misses
    }

    /// Whether the nonce of an attempt is its instance's current one.
    #[inline]
    pub(super) fn same_nonce(self, current: u64, reported: u64) -> bool {
        current == reported || self.has(Planted::NonceIgnored)
    }

    /// Whether a report is applied that came after the attempt's end.
    #[inline]
    pub(super) fn applies_late_report(self, before: Report, now: Report) -> bool {
        let ended_by_scheduler = matches!(before, Report::Lost | Report::Revoked);
        (self.has(Planted::LateReportApplied) && ended_by_scheduler)
            || (self.has(Planted::DuplicateApplied) && before == now)
    }

    /// The failures that count against the author's retries.
    #[inline]
    pub(super) fn counted_failures(self, failures: u32) -> u32 {
        failures - u32::from(self.has(Planted::OneRetryTooMany))
    }

    /// The failures of an instance after a loss.
    #[inline]
    pub(super) fn failures_after_loss(self, failures: u32) -> u32 {
        failures + u32::from(self.has(Planted::LossIsFailure))
    }

    /// How many losses an instance survives.
    #[inline]
    pub(super) fn max_losses(self, max: u32) -> u32 {
        if self.has(Planted::LossesUnbounded) {
            u32::MAX
        } else {
            max
        }
    }

    /// How often an instance may defer.
    #[inline]
    pub(super) fn max_deferrals(self, max: u32) -> u32 {
        if self.has(Planted::DeferralsUnbounded) {
            u32::MAX
        } else {
            max
        }
    }

    /// Whether a timer belongs to the current wait.
    #[inline]
    pub(super) fn timer_is_current(self, current: u32, timer: u32) -> bool {
        current == timer || self.has(Planted::OldTimerFires)
    }

    /// Whether an expansion belongs to the task's current generation.
    #[inline]
    pub(super) fn expansion_is_current(self, current: u32, expanded: u32) -> bool {
        current == expanded || self.has(Planted::OldExpansionCounts)
    }

    /// Whether a task waits until its conditions on other runs are checked.
    #[inline]
    pub(super) fn awaits_precondition(self, has_one: bool) -> bool {
        has_one && !self.has(Planted::PreconditionIgnored)
    }

    /// Whether the answer to a check belongs to the task's current generation.
    #[inline]
    pub(super) fn check_is_current(self, current: u32, checked: u32) -> bool {
        current == checked || self.has(Planted::OldPreconditionCounts)
    }

    /// Whether a deadline that was missed before is not missed again.
    #[inline]
    pub(super) fn knows_missed(self, was_missed: bool) -> bool {
        was_missed && !self.has(Planted::DeadlineMissedTwice)
    }

    /// How many instances of a mapped task may be active.
    #[inline]
    pub(super) fn max_active(self, max: u32) -> u32 {
        max + u32::from(self.has(Planted::MaxActiveOffByOne))
    }

    /// The end of a task that is mapped over an empty list.
    #[inline]
    pub(super) fn end_of_empty_list(self) -> Tag {
        if self.has(Planted::EmptyListSucceeds) {
            Tag::Success
        } else {
            Tag::Skipped
        }
    }

    /// Whether a branch skips tasks that it did not choose.
    #[inline]
    pub(super) fn branch_skips(self) -> bool {
        !self.has(Planted::BranchSkipsNone)
    }

    /// The direct downstreams that a branch skips: `left_out`, which respects the paths from
    /// the chosen ones.
    #[inline]
    pub(super) fn left_out(
        self,
        left_out: Vec<TaskIndex>,
        downstreams: &[TaskIndex],
        chosen: &[TaskIndex],
    ) -> Vec<TaskIndex> {
        if self.has(Planted::BranchIgnoresPaths) {
            let unchosen = downstreams.iter().filter(|task| !chosen.contains(task));
            unchosen.copied().collect()
        } else {
            left_out
        }
    }

    /// Whether a clear removes the choice of a branch.
    #[inline]
    pub(super) fn clear_removes_choice(self) -> bool {
        !self.has(Planted::ClearKeepsChoice)
    }

    /// The number after which a cleared task's attempts are numbered.
    #[inline]
    pub(super) fn number_after_clear(self, highest: u32) -> u32 {
        if self.has(Planted::ClearRestartsNumbers) {
            0
        } else {
            highest
        }
    }

    /// Whether a cancel ends an instance of this state.
    #[inline]
    pub(super) fn cancel_ends(self, tag: Tag) -> bool {
        let misses = self.has(Planted::CancelForgetsDeferred) && tag == Tag::Deferred;
        !tag.is_ended() && !misses
    }

    /// How many failed instances of leaves count when a run ends.
    #[inline]
    pub(super) fn failed_leaves(self, failed: u64) -> u64 {
        if self.has(Planted::LeavesIgnored) {
            0
        } else {
            failed
        }
    }

    /// Whether a run ends while this many of its instances have not.
    #[inline]
    pub(super) fn run_ends(self, unfinished: u64) -> bool {
        unfinished <= u64::from(self.has(Planted::EndsEarly))
    }
}
