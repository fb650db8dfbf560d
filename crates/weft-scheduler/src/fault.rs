//! Bugs that can be planted in the scheduler, to show that its auditor finds
//! them. Without the feature `planted-bugs`, which only the simulation turns
//! on, nothing of this is compiled.

/// Whether a bug is planted in this scheduler.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($cx:expr, $bug:ident) => {
        $cx.options.planted == Some($crate::fault::Planted::$bug)
    };
}

/// In the product no bug is planted.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($cx:expr, $bug:ident) => {
        $crate::fault::never(&$cx.options)
    };
}

/// A function, so that a condition reads the same with and without bugs.
#[cfg(not(feature = "planted-bugs"))]
#[inline]
pub(crate) const fn never(_: &crate::SchedulerOptions) -> bool {
    false
}

pub(crate) use planted;

/// A bug of the scheduler, by name.
#[cfg(feature = "planted-bugs")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Attempts are handed out before they are committed.
    PublishBeforeCommit,
    /// Reports are confirmed before they are committed.
    ConfirmBeforeCommit,
    /// What the fence refuses counts as written.
    FenceIgnored,
    /// A shard that comes back after it was given up keeps its epoch.
    EpochKept,
    /// A turn whose answer was lost is written again as another one.
    LostAnswerForgotten,
    /// What runs wait for is forgotten when a shard is taken over.
    TakeoverForgetsPending,
    /// What is active takes up nothing after a shard was taken over.
    TakeoverForgetsSlots,
    /// A run goes on with its DAG's newest version after a takeover.
    TakeoverChangesVersion,
    /// A report that doesn't count replaces the output all the same.
    RefusedReportKept,
    /// What the broker lost is never found out.
    LossOfBrokerUnseen,
    /// What a broker that lost everything doesn't know is lost at once.
    LossDeclaredAtOnce,
    /// Wake-ups are ignored, and no sweep makes up for them.
    QueuedRunsUnseen,
    /// Commands are looked for at the start only.
    CommandsUnseen,
    /// One run more than `max_active_runs`.
    OneRunTooMany,
    /// Tenants' bounds and weights are not told to the order.
    TenantsUnbounded,
    /// One tenant has nearly all the weight.
    OneTenantFavoured,
    /// Pools are given one slot more.
    PoolsOffByOne,
    /// What a deferral left is not handed on.
    ResumeForgotten,
    /// Each sweep reads every active run.
    SweepReadsRuns,
}

#[cfg(feature = "planted-bugs")]
impl Planted {
    /// Every bug.
    pub const ALL: [Self; 19] = [
        Self::PublishBeforeCommit,
        Self::ConfirmBeforeCommit,
        Self::FenceIgnored,
        Self::EpochKept,
        Self::LostAnswerForgotten,
        Self::TakeoverForgetsPending,
        Self::TakeoverForgetsSlots,
        Self::TakeoverChangesVersion,
        Self::RefusedReportKept,
        Self::LossOfBrokerUnseen,
        Self::LossDeclaredAtOnce,
        Self::QueuedRunsUnseen,
        Self::CommandsUnseen,
        Self::OneRunTooMany,
        Self::TenantsUnbounded,
        Self::OneTenantFavoured,
        Self::PoolsOffByOne,
        Self::ResumeForgotten,
        Self::SweepReadsRuns,
    ];
}
