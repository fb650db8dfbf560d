//! Dependencies of a shard's steps besides its parts: clock, entropy, parsed versions, listeners.

use crate::{
    clock::Clock, faults::FaultPoints, feed::Feed, heartbeat::Heartbeat, options::SchedulerOptions,
    output_memory::OutputMemory, tenure::TenureWatch, versions::Versions,
};
use std::sync::Arc;
use tokio::time::Instant;
use weft_core::{run::Moment, run_id::RunId, time::Timestamp};

/// What a step may use besides the parts that it changes. It does no I/O.
pub(crate) struct Context {
    pub(crate) options: SchedulerOptions,
    pub(crate) faults: FaultPoints,
    pub(crate) versions: Versions,
    pub(crate) tenure: TenureWatch,
    clock: Clock,
    pub(crate) feed: Feed,
    pub(crate) heartbeat: Arc<Heartbeat>,
    /// Of the simulation; the operating system's where there is none.
    seeded: Option<fastrand::Rng>,
    /// The outputs of all shards in memory.
    pub(crate) memory: OutputMemory,
    /// Rises with every policy that is read.
    policy_generation: u64,
}

impl Context {
    /// The context of a shard under this tenure.
    pub(crate) fn new(
        options: SchedulerOptions,
        tenure: TenureWatch,
        feed: Feed,
        heartbeat: Arc<Heartbeat>,
        memory: OutputMemory,
        seeded: Option<fastrand::Rng>,
    ) -> Self {
        Self {
            faults: FaultPoints::of(&options),
            versions: Versions::new(options.defaults.clone()),
            clock: tenure.clock(),
            tenure,
            options,
            feed,
            heartbeat,
            seeded,
            memory,
            policy_generation: 0,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// When the database's clock will show `at`; the past for a time that has passed.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.clock.instant(at)
    }

    /// Follows the database's clock, as of the last renewal of the lease.
    pub(crate) fn follow_clock(&mut self) {
        self.clock = self.tenure.clock();
    }

    /// Time and entropy of one event.
    pub(crate) fn draw_moment(&mut self) -> Moment {
        Moment {
            now: self.clock.now(),
            entropy: self.draw(),
        }
    }

    pub(crate) fn draw_nonce(&mut self) -> u64 {
        self.draw()
    }

    pub(crate) fn draw_run_id(&mut self) -> RunId {
        RunId::new(self.clock.now(), self.draw())
    }

    /// A number that no worker can guess from those that it was given.
    fn draw(&mut self) -> u64 {
        self.seeded.as_mut().map_or_else(
            || getrandom::u64().expect("the operating system has randomness once it has booted"),
            |seeded| seeded.u64(..),
        )
    }

    pub(crate) const fn next_policy_generation(&mut self) -> u64 {
        self.policy_generation += 1;
        self.policy_generation
    }
}
