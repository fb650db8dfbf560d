//! Attempts: created for what the fair queue hands out, and prepared for the broker.
//!
//! No attempt is made before its inputs are in memory: a task whose outputs are read is held in the
//! fair queue, and everything else is dispatched meanwhile.

use super::Driver;
use crate::{
    limits::{MAX_DISPATCH_BYTES_PER_TURN, MAX_DISPATCHES_PER_TURN},
    shard::reads::Waiter,
    steps::{OutputsNeeded, attempts, prepare},
};
use weft_broker::Dispatch;
use weft_core::{
    failure_code::FailureCode,
    fair_queue::Taken,
    run::{Attempt, Instance},
    run_id::RunId,
};

impl Driver<'_> {
    /// Prepares attempts that were postponed, in their order, as far as the bound on bytes allows.
    pub(super) fn prepare_postponed(&mut self) {
        let mut bytes = self.shard.unpublished_bytes();
        for _ in 0..self.shard.outbox.count_unprepared() {
            if bytes >= MAX_DISPATCH_BYTES_PER_TURN {
                return;
            }
            let prepared = self.shard.batch.dispatches().len();
            if let Some((run, attempt)) = self.shard.outbox.pop_unprepared() {
                self.prepare(run, attempt);
            }
            bytes += self.bytes_since(prepared);
        }
    }

    /// The bytes of the turn's dispatches but for the first ones.
    fn bytes_since(&self, first: usize) -> usize {
        let new = self.shard.batch.dispatches().iter().skip(first);
        new.map(Dispatch::bytes).sum()
    }

    /// Prepares the dispatch of an attempt that exists; the attempt is parked while its inputs are
    /// read.
    fn prepare(&mut self, run: RunId, attempt: Attempt) {
        let needed = prepare::prepare_attempt(&mut self.events(), run, attempt, None);
        if let Some(OutputsNeeded(tasks)) = needed {
            let waiter = Waiter::Attempt(run, attempt);
            self.shard.reads.park(waiter, tasks.into_iter());
        }
    }

    /// Creates attempts while the queues have free slots.
    pub(super) async fn dispatch(&mut self) {
        self.shard.is_dispatch_cut_short = false;
        self.shard.queue.start_turn(self.cx.now());
        if self.shard.queue.is_empty() {
            return;
        }
        let demand = match self.shard.broker.noticed_demand() {
            Some(demand) => Ok(demand),
            None => self.shard.broker.demand().await,
        };
        match demand {
            Ok(demands) => {
                let unpublished = self.shard.unpublished_attempts();
                self.shard.queue.set_demand(&demands, &unpublished);
            }
            Err(error) => {
                tracing::warn!(%error, shard = self.shard.id().0, operation = "read demand", "broker call failed; nothing is dispatched until the next turn");
                return;
            }
        }
        let mut bytes = self.shard.unpublished_bytes();
        let mut dispatched = 0;
        while dispatched < MAX_DISPATCHES_PER_TURN && bytes < MAX_DISPATCH_BYTES_PER_TURN {
            let Some(taken) = self.shard.queue.take_next() else {
                break;
            };
            let prepared = self.shard.batch.dispatches().len();
            self.dispatch_one(&taken);
            bytes += self.bytes_since(prepared);
            dispatched += 1;
        }
        self.shard.is_dispatch_cut_short =
            dispatched >= MAX_DISPATCHES_PER_TURN || bytes >= MAX_DISPATCH_BYTES_PER_TURN;
        self.shard.reads.forget_lost();
    }

    /// Creates an attempt and its dispatch. If its inputs are not in memory, its task is held while
    /// they are read.
    fn dispatch_one(&mut self, taken: &Taken) {
        let Taken { run, instance, .. } = *taken;
        match prepare::find_inputs(&mut self.events(), run, instance) {
            Ok(inputs) => {
                if let Some(attempt) = attempts::create_attempt(&mut self.events(), taken) {
                    let needed = prepare::prepare_attempt(&mut self.events(), run, attempt, inputs);
                    debug_assert!(needed.is_none(), "its inputs were in memory");
                }
            }
            Err(OutputsNeeded(tasks)) => {
                let lost = self.shard.reads.lost(run, instance.task);
                if let Some(why) = lost.map(ToOwned::to_owned) {
                    self.fail_for_lost_inputs(taken, &why);
                } else {
                    self.hold_task(taken);
                    let waiter = Waiter::Ready(run, instance.task);
                    self.shard.reads.park(waiter, tasks.into_iter());
                }
            }
        }
    }

    fn fail_for_lost_inputs(&mut self, taken: &Taken, why: &str) {
        let mut events = self.events();
        if let Some(attempt) = attempts::create_attempt(&mut events, taken) {
            let code = FailureCode::OutputLost.as_str();
            events.fail_attempt(taken.run, attempt, code, why);
        }
    }

    /// Holds the task of an instance that was just taken, and the instance with it.
    fn hold_task(&mut self, taken: &Taken) {
        let Instance { task, index } = taken.instance;
        self.shard.queue.hold_taken(taken);
        self.events().push_ready(taken.run, task, index..index + 1);
    }
}
