//! Fault points: the decisions that a simulation falsifies to prove that its auditor notices.
//!
//! The feature `planted-bugs`, which only the simulation enables, lets one [`Planted`] bug be
//! chosen. Without it [`FaultPoints`] has no size, each method returns its argument or a
//! constant, and the compiler removes it.

use crate::{
    SchedulerOptions,
    shard::{Dropped, runs::Runs},
};
use std::time::Duration;
use weft_broker::{AttemptKey, Dispatch, SchedulerBroker};
use weft_core::{
    fair_queue::{MAX_WEIGHT, TenantBounds},
    run::{Action, Attempt, InstanceState},
};
use weft_store::{CommitError, RunStore, ShardId, StoreError, Turn, VersionId};

/// A bug of the scheduler, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "planted-bugs"),
    expect(unreachable_pub, reason = "public with the feature alone")
)]
pub enum Planted {
    /// Attempts are published before they are committed.
    PublishBeforeCommit,
    /// Reports are confirmed before they are committed.
    ConfirmBeforeCommit,
    /// A turn that the fence refuses counts as written.
    FenceIgnored,
    /// The fence accepts a turn although turns before it are missing. The simulated database has
    /// this bug, and the scheduler looks for no missing turns.
    FenceInexact,
    /// A turn whose answer was lost is written again under another number.
    LostAnswerForgotten,
    /// A takeover forgets the actions that runs wait for.
    TakeoverForgetsPending,
    /// After a takeover live attempts occupy no slots.
    TakeoverForgetsSlots,
    /// After a takeover a run continues with its DAG's active version.
    TakeoverChangesVersion,
    /// After a takeover a run continues with the defaults of its new scheduler.
    TakeoverChangesDefaults,
    /// A rejected report replaces the output all the same.
    RefusedReportKept,
    /// Attempts are never reconciled with the broker.
    LossOfBrokerUnseen,
    /// Attempts that the broker does not know are lost at once.
    LossDeclaredAtOnce,
    /// Wake-ups are ignored, and no sweep finds queued runs.
    QueuedRunsUnseen,
    /// Commands are read after a takeover only.
    CommandsUnseen,
    /// One run more than `max_active_runs` starts.
    OneRunTooMany,
    /// Tenants' bounds and weights never reach the fair queue.
    TenantsUnbounded,
    /// One tenant has nearly all the weight.
    OneTenantFavoured,
    /// Pools have one slot more.
    PoolsOffByOne,
    /// The state that a deferral left is not passed on.
    ResumeForgotten,
    /// An event that ended a wait is taken for a command.
    EventForgotten,
    /// A success updates no assets.
    UpdatesForgotten,
    /// Each sweep reads every active run.
    SweepReadsRuns,
    /// Leases are renewed between the turns of shards.
    RenewalWaitsForTurns,
    /// The loop waits for the outputs that it has read.
    ReadsInLine,
    /// An output that can't be read at once counts as lost.
    OutageLosesOutputs,
    /// What ran ahead counts though the success that it ran on is refused.
    VoidAheadKept,
    /// Tasks run ahead whose effects leave the sandbox.
    EffectsRunAhead,
    /// What a run occupied is free before the last portion of its end is committed.
    LargeRunFreesEarly,
}

impl Planted {
    /// Every bug.
    #[cfg(feature = "planted-bugs")]
    pub const ALL: [Self; 28] = [
        Self::PublishBeforeCommit,
        Self::ConfirmBeforeCommit,
        Self::FenceIgnored,
        Self::FenceInexact,
        Self::LostAnswerForgotten,
        Self::TakeoverForgetsPending,
        Self::TakeoverForgetsSlots,
        Self::TakeoverChangesVersion,
        Self::TakeoverChangesDefaults,
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
        Self::EventForgotten,
        Self::UpdatesForgotten,
        Self::SweepReadsRuns,
        Self::RenewalWaitsForTurns,
        Self::ReadsInLine,
        Self::OutageLosesOutputs,
        Self::VoidAheadKept,
        Self::EffectsRunAhead,
        Self::LargeRunFreesEarly,
    ];
}

/// The fault points of one scheduler: one method per decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultPoints {
    #[cfg(feature = "planted-bugs")]
    planted: Option<Planted>,
}

#[cfg(feature = "planted-bugs")]
impl FaultPoints {
    pub(crate) fn of(options: &SchedulerOptions) -> Self {
        Self {
            planted: options.planted,
        }
    }

    fn is_planted(self, bug: Planted) -> bool {
        self.planted == Some(bug)
    }
}

#[cfg(not(feature = "planted-bugs"))]
impl FaultPoints {
    #[inline]
    pub(crate) const fn of(_options: &SchedulerOptions) -> Self {
        Self {}
    }

    #[inline]
    const fn is_planted(self, _bug: Planted) -> bool {
        false
    }
}

/// Commit and broker.
impl FaultPoints {
    /// What is sent before the turn's commit.
    #[inline]
    pub(crate) async fn before_commit(
        self,
        broker: &dyn SchedulerBroker,
        publish: &[Dispatch],
        confirm: &[AttemptKey],
    ) {
        if self.is_planted(Planted::PublishBeforeCommit) {
            drop(broker.publish(publish.to_vec()).await);
        }
        if self.is_planted(Planted::ConfirmBeforeCommit) {
            drop(broker.confirm(confirm).await);
        }
    }

    /// The answer to a commit, as the scheduler takes it.
    #[inline]
    pub(crate) fn commit_answer(self, answer: Result<(), CommitError>) -> Result<(), CommitError> {
        match answer {
            Err(CommitError::Fenced(_)) if self.is_planted(Planted::FenceIgnored) => Ok(()),
            answer => answer,
        }
    }

    /// What a scheduler concludes from the last turn that the database has.
    #[inline]
    pub(crate) fn checked_state(self, checked: Result<(), Dropped>) -> Result<(), Dropped> {
        if self.is_planted(Planted::FenceInexact) {
            return Ok(());
        }
        checked
    }

    /// What is written after a commit without an answer.
    #[inline]
    pub(crate) async fn after_failed_commit(self, store: &dyn RunStore, turn: &Turn) {
        if self.is_planted(Planted::LostAnswerForgotten) {
            let mut another = turn.clone();
            another.number += 1;
            drop(store.commit(&another).await);
        }
    }

    /// For how long an attempt may be unknown to the broker before it is lost.
    #[inline]
    pub(crate) fn loss_grace(self, grace: Duration) -> Duration {
        if self.is_planted(Planted::LossDeclaredAtOnce) {
            return Duration::ZERO;
        }
        grace
    }

    /// Whether a run occupies what it has until its last portion is committed.
    #[inline]
    pub(crate) fn holds_large_runs(self) -> bool {
        !self.is_planted(Planted::LargeRunFreesEarly)
    }

    /// Whether attempts are reconciled with the broker.
    #[inline]
    pub(crate) fn reconciles(self) -> bool {
        !self.is_planted(Planted::LossOfBrokerUnseen)
    }

    /// Whether what ran ahead is void with the success that it ran on.
    #[inline]
    pub(crate) fn voids_ahead(self) -> bool {
        !self.is_planted(Planted::VoidAheadKept)
    }

    /// The attempt that the end of what ran ahead is taken for, instead of a new one.
    #[inline]
    pub(crate) fn attempt_of_void_end(self, state: Option<InstanceState>) -> Option<Attempt> {
        match state {
            Some(InstanceState::Queued { attempt } | InstanceState::Running { attempt })
                if self.is_planted(Planted::VoidAheadKept) =>
            {
                Some(attempt)
            }
            Some(_) | None => None,
        }
    }

    /// Whether only tasks run ahead of which nothing leaves the sandbox.
    #[inline]
    pub(crate) fn seals_ahead(self) -> bool {
        !self.is_planted(Planted::EffectsRunAhead)
    }

    /// Whether a success updates the outlets of its task.
    #[inline]
    pub(crate) fn updates_assets(self) -> bool {
        !self.is_planted(Planted::UpdatesForgotten)
    }

    /// Whether a report that the run rejected changes nothing.
    #[inline]
    pub(crate) fn drops_rejected_report(self) -> bool {
        !self.is_planted(Planted::RefusedReportKept)
    }
}

/// Takeover of shards.
impl FaultPoints {
    /// Whether leases are renewed whatever the shards do.
    #[inline]
    pub(crate) fn renews_beside_turns(self) -> bool {
        !self.is_planted(Planted::RenewalWaitsForTurns)
    }

    /// The actions that a recovered run waits for.
    #[inline]
    pub(crate) fn pending_actions(self, pending: Vec<Action>) -> Vec<Action> {
        if self.is_planted(Planted::TakeoverForgetsPending) {
            return Vec::new();
        }
        pending
    }

    /// Whether the live attempts of a recovered run occupy their slots.
    #[inline]
    pub(crate) fn occupies_slots(self) -> bool {
        !self.is_planted(Planted::TakeoverForgetsSlots)
    }

    /// The version that a recovered run continues with.
    #[inline]
    pub(crate) fn recovered_version(
        self,
        pinned: VersionId,
        active: Option<VersionId>,
    ) -> VersionId {
        match active {
            Some(active) if self.is_planted(Planted::TakeoverChangesVersion) => active,
            Some(_) | None => pinned,
        }
    }

    /// Whether a run continues with the defaults that it began with.
    #[inline]
    pub(crate) fn keeps_defaults(self) -> bool {
        !self.is_planted(Planted::TakeoverChangesDefaults)
    }
}

/// Outputs.
impl FaultPoints {
    /// Whether the loop goes on while outputs are read.
    #[inline]
    pub(crate) fn reads_beside_loop(self) -> bool {
        !self.is_planted(Planted::ReadsInLine)
    }

    /// Whether a read of an output is repeated until the blob store answers.
    #[inline]
    pub(crate) fn repeats_reads(self) -> bool {
        !self.is_planted(Planted::OutageLosesOutputs)
    }

    /// After each turn of a simulation: the memory that outputs take is counted exactly.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn check_output_bytes(runs: &Runs) {
        for active in runs.iter() {
            let counted = active.charged_bytes();
            assert_eq!(counted, active.recount_bytes(), "outputs of {}", active.id);
        }
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[inline]
    pub(crate) const fn check_output_bytes(_runs: &Runs) {}
}

/// Sweeps, settings and starts.
impl FaultPoints {
    /// Whether hints and sweeps find queued runs.
    #[inline]
    pub(crate) fn finds_queued_runs(self) -> bool {
        !self.is_planted(Planted::QueuedRunsUnseen)
    }

    /// Whether a sweep reads commands.
    #[inline]
    pub(crate) fn reads_commands(self, has_just_recovered: bool) -> bool {
        !self.is_planted(Planted::CommandsUnseen) || has_just_recovered
    }

    /// What a sweep reads besides what it needs.
    #[inline]
    pub(crate) async fn during_sweep(
        self,
        store: &dyn RunStore,
        shard: ShardId,
        limit: u32,
    ) -> Result<(), StoreError> {
        if self.is_planted(Planted::SweepReadsRuns) {
            drop(store.active_runs(shard, None, limit).await?);
        }
        Ok(())
    }

    /// How many more runs of a DAG may start.
    #[inline]
    pub(crate) fn startable_runs(self, runs: u32) -> u32 {
        runs + u32::from(self.is_planted(Planted::OneRunTooMany))
    }

    /// The bounds of a tenant.
    #[inline]
    pub(crate) fn tenant_bounds(self, bounds: TenantBounds, is_first: bool) -> TenantBounds {
        if self.is_planted(Planted::OneTenantFavoured) {
            return TenantBounds {
                weight: if is_first { MAX_WEIGHT } else { 1 },
                ..bounds
            };
        }
        if self.is_planted(Planted::TenantsUnbounded) {
            return TenantBounds::default();
        }
        bounds
    }

    /// The slots of a pool.
    #[inline]
    pub(crate) fn pool_slots(self, slots: u32) -> u32 {
        slots + u32::from(self.is_planted(Planted::PoolsOffByOne))
    }

    /// The state that an attempt resumes from.
    #[inline]
    pub(crate) fn resume_state<T>(self, state: Option<T>) -> Option<T> {
        if self.is_planted(Planted::ResumeForgotten) {
            return None;
        }
        state
    }

    /// Whether an attempt is notified of the event that ended its wait.
    #[inline]
    pub(crate) fn keeps_event(self) -> bool {
        !self.is_planted(Planted::EventForgotten)
    }
}
