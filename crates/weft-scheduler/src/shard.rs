//! Everything that is in memory of one shard.
//!
//! Its parts live in the modules named for what they do; each is a method of
//! [`Shard`], and gets what shards share as a [`Context`].

use crate::{
    active_run::ActiveRun,
    calendar::Calendar,
    changes::Changes,
    clock::Clock,
    completion_rate::CompletionRate,
    feed::Feed,
    grants::TenantPolicy,
    handle::Heartbeat,
    options::{Deps, SchedulerOptions},
    reconcile::Reconcile,
    timers::Timers,
    versions::Versions,
};
use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};
use weft_broker::{AttemptKey, Dispatch, SchedulerBroker};
use weft_core::{
    document::TaskIndex,
    fair_queue::FairQueue,
    id::TenantId,
    run::{Attempt, Moment},
    run_id::RunId,
    suspicion::{ENOUGH, Suspects},
    time::Timestamp,
};
use weft_store::{CommandId, CrashUpdate, DagKey, DagState, ShardId, ShardLease};

/// What all shards of a scheduler share.
pub(crate) struct Context {
    pub(crate) deps: Deps,
    pub(crate) options: SchedulerOptions,
    pub(crate) versions: Versions,
    pub(crate) clock: Clock,
    pub(crate) random: fastrand::Rng,
    pub(crate) feed: Feed,
    pub(crate) heartbeat: Arc<Heartbeat>,
    /// Bytes of outputs in memory, over all runs.
    pub(crate) output_bytes: usize,
    /// Rises with every policy that is read.
    pub(crate) policy_generation: u64,
}

impl Context {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn moment(&mut self) -> Moment {
        Moment {
            now: self.clock.now(),
            entropy: self.random.u64(..),
        }
    }

    pub(crate) fn run_id(&mut self) -> RunId {
        RunId::new(self.clock.now(), self.random.u64(..))
    }
}

/// One shard.
pub(crate) struct Shard {
    pub(crate) lease: ShardLease,
    /// The way to workers.
    pub(crate) broker: Arc<dyn SchedulerBroker>,
    /// The number of the last turn that was committed.
    pub(crate) turn: i64,
    /// As of this, `dags`, `policies` and the bounds of `order` were read.
    pub(crate) settings_version: i64,
    pub(crate) dags: HashMap<DagKey, DagEntry>,
    pub(crate) policies: HashMap<TenantId, TenantPolicy>,
    /// The pools that the order was told of.
    pub(crate) pools: BTreeSet<(TenantId, String)>,
    pub(crate) runs: HashMap<RunId, Box<ActiveRun>>,
    pub(crate) order: FairQueue,
    pub(crate) timers: Timers,
    pub(crate) calendar: Calendar,
    pub(crate) changes: Changes,
    /// Mapped tasks whose number of instances is to be worked out.
    pub(crate) to_expand: VecDeque<(RunId, TaskIndex, u32)>,
    /// DAGs that may have a queued run and room for it.
    pub(crate) to_start: BTreeSet<DagKey>,
    /// When the next queued run that waits for its time may start.
    pub(crate) next_queued: Option<Timestamp>,
    /// Commands that were carried out and whose answer can't be written.
    pub(crate) unwritable: BTreeSet<CommandId>,
    /// Attempts that exist and whose inputs could not be read yet.
    pub(crate) to_prepare: Vec<(RunId, Attempt)>,
    /// What the broker didn't accept yet.
    pub(crate) to_publish: Vec<Dispatch>,
    pub(crate) to_revoke: Vec<AttemptKey>,
    pub(crate) to_confirm: Vec<AttemptKey>,
    /// Attempts that count as started, that their worker gave back unbegun, and that no
    /// worker is known to have taken again.
    pub(crate) released: HashSet<AttemptKey>,
    /// How many attempts of each queue end while a turn lasts.
    pub(crate) completion_rate: CompletionRate,
    /// What the broker is asked after.
    pub(crate) reconcile: Reconcile,
    /// Who is suspected of taking workers down.
    pub(crate) suspects: Suspects,
    /// What became known of that, and is not written yet.
    pub(crate) crash_news: Vec<CrashUpdate>,
    /// Runs of which listeners were not told how they stand.
    pub(crate) pending_notifications: BTreeSet<RunId>,
}

/// A DAG of the shard.
#[derive(Debug)]
pub(crate) struct DagEntry {
    pub(crate) state: DagState,
    /// Its runs in memory that have not ended.
    pub(crate) active: BTreeSet<RunId>,
    /// How many of them may be, as its active version says.
    pub(crate) max_active_runs: u32,
    /// When its next scheduled run is made.
    pub(crate) next: Option<Timestamp>,
    /// Whether a run follows as soon as the one before has ended.
    pub(crate) continuous: bool,
}

/// What an attempt of this shard is called outside of it.
pub(crate) const fn key_in(shard: ShardId, run: RunId, attempt: Attempt) -> AttemptKey {
    AttemptKey {
        shard: shard.0.cast_unsigned(),
        run,
        attempt,
    }
}

impl DagEntry {
    /// How many more of its runs may start now.
    pub(crate) fn room(&self) -> u32 {
        let active = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        self.max_active_runs.saturating_sub(active)
    }
}

impl Shard {
    pub(crate) fn new(lease: ShardLease, broker: Arc<dyn SchedulerBroker>) -> Self {
        Self {
            lease,
            broker,
            turn: 0,
            settings_version: -1,
            dags: HashMap::new(),
            policies: HashMap::new(),
            pools: BTreeSet::new(),
            runs: HashMap::new(),
            order: FairQueue::default(),
            timers: Timers::default(),
            calendar: Calendar::default(),
            changes: Changes::default(),
            to_expand: VecDeque::new(),
            to_start: BTreeSet::new(),
            next_queued: None,
            unwritable: BTreeSet::new(),
            to_prepare: Vec::new(),
            to_publish: Vec::new(),
            to_revoke: Vec::new(),
            to_confirm: Vec::new(),
            released: HashSet::new(),
            completion_rate: CompletionRate::default(),
            reconcile: Reconcile::default(),
            suspects: Suspects::new(ENOUGH),
            crash_news: Vec::new(),
            pending_notifications: BTreeSet::new(),
        }
    }

    /// What an attempt of the shard is called outside of it.
    pub(crate) const fn key(&self, run: RunId, attempt: Attempt) -> AttemptKey {
        key_in(self.lease.shard, run, attempt)
    }

    /// When the shard has something to do even if nothing happens.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        [self.timers.next(), self.calendar.next(), self.next_queued]
            .into_iter()
            .flatten()
            .min()
    }
}
