//! One shard in memory: its lease, its broker, and the parts that own its data.
//!
//! Each part keeps its fields private. The steps (`crate::steps`) are functions over the parts
//! that they change; [`Shard::events`] gives out those that an event of a run may change.

pub(crate) mod batch;
pub(crate) mod crashes;
pub(crate) mod dag_entry;
pub(crate) mod held;
pub(crate) mod outbox;
pub(crate) mod preconditions;
pub(crate) mod queue;
pub(crate) mod reads;
pub(crate) mod reconcile;
pub(crate) mod run_keys;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod settings;
pub(crate) mod timers;
pub(crate) mod waits;

use crate::{context::Context, output_memory::OutputMemory, steps::events::RunEvents};
use batch::Batch;
use crashes::Crashes;
use held::Held;
use outbox::Outbox;
use preconditions::Preconditions;
use queue::Queue;
use reads::Reads;
use reconcile::Reconcile;
use runs::Runs;
use schedule::Schedule;
use settings::Settings;
use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use waits::Waits;
use weft_broker::{AttemptKey, CommittedTurns, Dispatch, SchedulerBroker};
use weft_core::{run::Attempt, run_id::RunId, time::Timestamp};
use weft_store::{ShardId, ShardLease, ShardState};

/// One shard.
pub(crate) struct Shard {
    pub(crate) lease: ShardLease,
    /// The scheduler's session with the shard's broker.
    pub(crate) broker: Arc<dyn SchedulerBroker>,
    /// The number of the last committed turn.
    pub(crate) turn: i64,
    /// The number before that of the first turn since the takeover.
    pub(crate) first_turn: i64,
    pub(crate) settings: Settings,
    pub(crate) runs: Runs,
    pub(crate) queue: Queue,
    pub(crate) schedule: Schedule,
    pub(crate) batch: Batch,
    pub(crate) crashes: Crashes,
    pub(crate) held: Held,
    pub(crate) outbox: Outbox,
    pub(crate) reconcile: Reconcile,
    pub(crate) reads: Reads,
    pub(crate) waits: Waits,
    pub(crate) preconditions: Preconditions,
    /// Whether a bound ended the last dispatch although more could be dispatched.
    pub(crate) is_dispatch_cut_short: bool,
    /// Whether the last turn may have written commands.
    pub(crate) expects_commands: bool,
    /// Whether DAGs may have updates of assets that runs can be created of.
    pub(crate) expects_assets: bool,
    /// Runs whose last change listeners were not notified of.
    pub(crate) pending_notifications: BTreeSet<RunId>,
}

impl Shard {
    /// A shard whose outputs count in this memory.
    pub(crate) fn new(
        lease: ShardLease,
        broker: Arc<dyn SchedulerBroker>,
        memory: OutputMemory,
    ) -> Self {
        Self {
            lease,
            broker,
            turn: lease.turn,
            first_turn: lease.turn,
            settings: Settings::default(),
            runs: Runs::new(memory),
            queue: Queue::default(),
            schedule: Schedule::default(),
            batch: Batch::default(),
            crashes: Crashes::default(),
            held: Held::default(),
            outbox: Outbox::default(),
            reconcile: Reconcile::default(),
            reads: Reads::default(),
            waits: Waits::default(),
            preconditions: Preconditions::default(),
            is_dispatch_cut_short: false,
            expects_commands: false,
            expects_assets: true,
            pending_notifications: BTreeSet::new(),
        }
    }

    /// Whether the last turn may have written commands, which are read without waiting for a sweep.
    pub(crate) const fn take_expects_commands(&mut self) -> bool {
        std::mem::replace(&mut self.expects_commands, false)
    }

    pub(crate) const fn id(&self) -> ShardId {
        self.lease.shard
    }

    /// The turns that the database acknowledged under this lease.
    pub(crate) const fn committed_turns(&self) -> CommittedTurns {
        CommittedTurns {
            epoch: self.lease.epoch,
            last: self.turn,
            before: self.first_turn,
        }
    }

    /// Whether the takeover is still the shard's last one. A database that came back without it
    /// may have given its epoch to another scheduler since, whose turns have other numbers.
    pub(crate) fn check_takeover(&self, found: ShardState) -> Result<(), Dropped> {
        if found.epoch == self.lease.epoch && found.turn != self.turn {
            return Err(Dropped::Deposed);
        }
        self.check_state(found)
    }

    /// Compares what the database has of the shard with what it acknowledged.
    pub(crate) fn check_state(&self, found: ShardState) -> Result<(), Dropped> {
        let known = (self.lease.epoch, self.turn);
        match (found.epoch, found.turn).cmp(&known) {
            Ordering::Equal => Ok(()),
            Ordering::Less => Err(self.lost_turns(self.turn, found)),
            Ordering::Greater => Err(Dropped::Deposed),
        }
    }

    /// What the database lost, which had acknowledged all turns up to `last`.
    pub(crate) fn lost_turns(&self, last: i64, found: ShardState) -> Dropped {
        let is_same = found.epoch == self.lease.epoch;
        let kept = if is_same { found.turn } else { self.first_turn };
        Dropped::TurnsLost {
            first: kept + 1,
            last,
            found,
        }
    }

    /// The parts that an event of a run may change.
    pub(crate) fn events<'a>(&'a mut self, cx: &'a mut Context) -> RunEvents<'a> {
        self.split(cx).0
    }

    /// As [`Self::events`], with the parts for what the broker is sent and asked.
    pub(crate) fn split<'a>(
        &'a mut self,
        cx: &'a mut Context,
    ) -> (RunEvents<'a>, &'a mut Outbox, &'a mut Reconcile) {
        let events = RunEvents {
            cx,
            shard: self.lease.shard,
            settings: &self.settings,
            runs: &mut self.runs,
            queue: &mut self.queue,
            schedule: &mut self.schedule,
            batch: &mut self.batch,
            crashes: &mut self.crashes,
            reads: &mut self.reads,
            waits: &mut self.waits,
            preconditions: &mut self.preconditions,
        };
        (events, &mut self.outbox, &mut self.reconcile)
    }

    /// Bytes of dispatches that the broker has not accepted.
    pub(crate) fn unpublished_bytes(&self) -> usize {
        let dispatches = self.outbox.dispatches().iter();
        let dispatches = dispatches.chain(self.batch.dispatches());
        dispatches.map(Dispatch::bytes).sum()
    }

    /// How many attempts of each queue exist that the broker has not accepted. Those whose inputs
    /// are still read are left out: they hold no other attempt back, and there are no more of
    /// them than a scheduler before this one had dispatched.
    pub(crate) fn unpublished_attempts(&self) -> HashMap<Arc<str>, u32> {
        let mut by_queue: HashMap<Arc<str>, u32> = HashMap::new();
        let mut count = |queue: &Arc<str>| {
            let count = by_queue.entry(Arc::clone(queue)).or_default();
            *count = count.saturating_add(1);
        };
        let dispatches = self.outbox.dispatches().iter();
        for dispatch in dispatches.chain(self.batch.dispatches()) {
            count(&dispatch.queue);
        }
        for (run, attempt) in self.outbox.unprepared() {
            if let Some(active) = self.runs.get(run) {
                count(&active.task_facts(attempt.instance.task).account.queue);
            }
        }
        by_queue
    }

    /// When the shard has work even if no event arrives.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let due = [self.schedule.next_due(), self.batch.lazy_due()];
        due.into_iter().flatten().min()
    }

    /// Whether a bound ended the last turn before all work was done.
    pub(crate) fn has_more_work(&self) -> bool {
        self.queue.has_expansions()
            || self.reads.has_ready()
            || self.waits.has_pending()
            || self.preconditions.has_pending()
            || self.schedule.has_startable()
            || self.expects_assets
            // While the broker does not accept what there is, no more is dispatched.
            || (self.outbox.dispatches().is_empty()
                && (self.is_dispatch_cut_short || self.outbox.count_unprepared() > 0))
            || self.batch.has_large_runs()
    }
}

/// Why a shard is dropped: everything in memory of it is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// Another scheduler owns it.
    Deposed,
    /// The database does not have turns that it had acknowledged.
    TurnsLost {
        /// The first turn that is missing.
        first: i64,
        /// The last turn that is missing; less than `first` where only the takeover is.
        last: i64,
        /// What the database has.
        found: ShardState,
    },
}

/// The name of an attempt outside of its shard.
pub(crate) const fn attempt_key(shard: ShardId, run: RunId, attempt: Attempt) -> AttemptKey {
    AttemptKey {
        shard: shard.0.cast_unsigned(),
        run,
        attempt,
    }
}
