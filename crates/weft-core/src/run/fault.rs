//! Bugs that can be planted in the machine, to show that its auditor finds
//! them. Without the feature `planted-bugs`, which only the simulation turns
//! on, nothing of this is compiled.

/// Whether a bug is planted in this run.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($run:expr, $bug:ident) => {
        $run.planted == Some($crate::run::fault::Planted::$bug)
    };
}

/// In the product no bug is planted.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($run:expr, $bug:ident) => {
        $crate::run::fault::never($run)
    };
}

/// A function, so that a condition reads the same with and without bugs.
#[cfg(not(feature = "planted-bugs"))]
#[inline]
pub(super) const fn never(_: &super::Run) -> bool {
    false
}

pub(super) use planted;

/// A bug of the machine, by name.
#[cfg(feature = "planted-bugs")]
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
    /// What a revoked or lost attempt reports is applied.
    LateReportApplied,
    /// One retry more than the author allowed.
    OneRetryTooMany,
    /// A lost attempt uses up one of the author's retries.
    LossIsFailure,
    /// There is no bound on losses.
    LossesUnbounded,
    /// There is no bound on deferrals.
    DeferralsUnbounded,
    /// The timer of an earlier wait ends a later one.
    OldTimerFires,
    /// The answer to an expansion before a clear counts.
    OldExpansionCounts,
    /// One instance more than `max_active`.
    MaxActiveOffByOne,
    /// An empty list makes a success.
    EmptyListSucceeds,
    /// A branch skips nothing.
    BranchSkipsNone,
    /// What a chosen task leads to is skipped, where it isn't chosen itself.
    BranchIgnoresPaths,
    /// A cleared branch's old choice still skips.
    ClearKeepsChoice,
    /// Downstreams still count a cleared task as ended.
    ClearForgetsDownstream,
    /// A cleared task's attempts are numbered from 1 again.
    ClearRestartsNumbers,
    /// A cancel leaves deferred instances as they are.
    CancelForgetsDeferred,
    /// Failed leaves don't fail the run.
    LeavesIgnored,
    /// The run ends before its last instance.
    EndsEarly,
}

#[cfg(feature = "planted-bugs")]
impl Planted {
    /// Every bug.
    pub const ALL: [Self; 23] = [
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
        Self::LeavesIgnored,
        Self::EndsEarly,
    ];
}

#[cfg(feature = "planted-bugs")]
impl super::Run {
    /// Plants a bug. For the simulation only.
    pub fn plant(&mut self, bug: Planted) {
        self.planted = Some(bug);
    }
}
