//! Outputs that are read beside the loop, and the attempts and expansions that wait for them.
//!
//! A *fetch* is the outputs of one task of one run. What waits for a fetch is parked here and
//! repeated once the fetch has ended. Fetches begin in the order in which they were needed, within
//! a bound on their number and on the memory that outputs take; one may always be under way, so
//! that the oldest one that waits gets all that it needs.

use super::{queue::Expansion, runs::Runs};
use crate::{
    limits::MAX_FETCHES,
    output_memory::{Charge, OutputMemory},
    outputs::MissingOutputs,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Attempt, Instance},
    run_id::RunId,
};
use weft_store::Output;

/// The outputs of one task of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fetch {
    pub(crate) run: RunId,
    pub(crate) task: TaskIndex,
}

/// What waits for outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Waiter {
    /// The dispatch of an attempt that exists.
    Attempt(RunId, Attempt),
    /// The expansion of a mapped task.
    Expansion(Expansion),
    /// The ready instances of a task, which is held in the fair queue.
    Ready(RunId, TaskIndex),
}

/// What is read beside the loop.
#[derive(Debug)]
pub(crate) struct ReadRequest {
    pub(crate) fetch: Fetch,
    pub(crate) tenant: TenantId,
    /// The generation of the run's outputs.
    pub(crate) generation: u64,
    pub(crate) missing: MissingOutputs,
}

/// The answer to a [`ReadRequest`].
#[derive(Debug)]
pub(crate) struct ReadAnswer {
    pub(crate) fetch: Fetch,
    pub(crate) generation: u64,
    pub(crate) result: Result<Outcome, LostOutput>,
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Rows in order; `is_last` with the task's last ones.
    Rows {
        rows: Vec<(Instance, Output)>,
        is_last: bool,
    },
    /// Texts by map index.
    Texts(Vec<(u32, Digest, Arc<str>)>),
}

/// An output that can't be read, however often it is tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the output of an upstream task is lost: {0}; clear that task to run it again")]
pub(crate) struct LostOutput(pub(crate) String);

/// The fetches of a shard and what waits for them.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// How many fetches each still waits for.
    waiters: HashMap<Waiter, usize>,
    /// How many wait, by run.
    by_run: HashMap<RunId, usize>,
    /// What waits for each fetch that has not ended.
    fetches: HashMap<Fetch, Vec<Waiter>>,
    to_begin: VecDeque<Fetch>,
    /// Fetches under way, and the memory that is reserved for them.
    under_way: BTreeMap<Fetch, Charge>,
    /// Tasks whose inputs are lost, and why, until their instances were dispatched once more.
    lost: HashMap<(RunId, TaskIndex), String>,
}

impl Reads {
    /// Parks a waiter until the outputs of these tasks are read. One that waits already stays as
    /// it is.
    pub(crate) fn park(&mut self, waiter: Waiter, tasks: impl Iterator<Item = TaskIndex>) {
        if self.waiters.contains_key(&waiter) {
            return;
        }
        let run = waiter.run();
        let mut count = 0;
        for task in tasks {
            let fetch = Fetch { run, task };
            let waiters = self.fetches.entry(fetch).or_insert_with(|| {
                self.to_begin.push_back(fetch);
                Vec::new()
            });
            waiters.push(waiter);
            count += 1;
        }
        self.waiters.insert(waiter, count);
        *self.by_run.entry(run).or_default() += 1;
    }

    /// Records that inputs of a task are lost.
    pub(crate) fn add_lost(&mut self, run: RunId, task: TaskIndex, why: &str) {
        self.lost.insert((run, task), why.to_owned());
    }

    /// Why inputs of a task are lost, if they were when they were read last.
    pub(crate) fn lost(&self, run: RunId, task: TaskIndex) -> Option<&str> {
        self.lost.get(&(run, task)).map(String::as_str)
    }

    /// Has lost inputs read again, as they may be there by then.
    pub(crate) fn forget_lost(&mut self) {
        self.lost.clear();
    }

    /// Whether outputs of a run are needed soon.
    pub(crate) fn is_awaited(&self, run: RunId) -> bool {
        self.by_run.contains_key(&run)
    }

    /// Attempts whose dispatch waits for outputs, in no order.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = (RunId, Attempt)> {
        self.waiters.keys().filter_map(|waiter| match waiter {
            Waiter::Attempt(run, attempt) => Some((*run, *attempt)),
            Waiter::Expansion(_) | Waiter::Ready(_, _) => None,
        })
    }

    pub(crate) fn are_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Begins the next fetch that the bounds allow. Those with nothing left to read end at once:
    /// they are returned as ended.
    pub(crate) fn begin(&mut self, runs: &Runs, memory: &OutputMemory) -> Option<Begun> {
        if self.under_way.len() >= MAX_FETCHES {
            return None;
        }
        let fetch = *self.to_begin.front()?;
        let active = runs.get(fetch.run);
        let missing = active.and_then(|active| active.outputs.missing(fetch.task));
        let (Some(active), Some(missing)) = (active, missing) else {
            self.to_begin.pop_front();
            return Some(Begun::Nothing(fetch));
        };
        let bytes = missing.bytes();
        if !memory.has_space(bytes) && self.are_under_way() {
            return None;
        }
        self.to_begin.pop_front();
        let charge = Charge::new(memory.clone(), bytes);
        self.under_way.insert(fetch, charge);
        Some(Begun::Request(ReadRequest {
            fetch,
            tenant: active.tenant.clone(),
            generation: active.outputs.generation(),
            missing,
        }))
    }

    /// Ends a fetch; returns those that wait for nothing else now.
    pub(crate) fn end(&mut self, fetch: Fetch) -> Vec<Waiter> {
        self.under_way.remove(&fetch);
        let mut ready = Vec::new();
        for waiter in self.fetches.remove(&fetch).unwrap_or_default() {
            let Some(count) = self.waiters.get_mut(&waiter) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                self.forget(&waiter);
                ready.push(waiter);
            }
        }
        ready
    }

    /// Ends a fetch that failed for good; returns all that waited for it.
    pub(crate) fn fail(&mut self, fetch: Fetch) -> Vec<Waiter> {
        self.under_way.remove(&fetch);
        let waiters = self.fetches.remove(&fetch).unwrap_or_default();
        for waiter in &waiters {
            self.forget(waiter);
            // Its other fetches must not count it once more if it is parked again.
            for others in self.fetches.values_mut() {
                others.retain(|other| other != waiter);
            }
        }
        waiters
    }

    fn forget(&mut self, waiter: &Waiter) {
        self.waiters.remove(waiter);
        let run = waiter.run();
        if let Some(count) = self.by_run.get_mut(&run) {
            *count -= 1;
            if *count == 0 {
                self.by_run.remove(&run);
            }
        }
    }
}

/// A fetch that was to begin.
#[derive(Debug)]
pub(crate) enum Begun {
    Request(ReadRequest),
    /// Its outputs are in memory, or its run is not any more.
    Nothing(Fetch),
}

impl Waiter {
    const fn run(&self) -> RunId {
        match self {
            Self::Attempt(run, _) | Self::Ready(run, _) => *run,
            Self::Expansion(expansion) => expansion.run,
        }
    }
}

impl MissingOutputs {
    /// The memory that the answer takes, as far as it is known.
    fn bytes(&self) -> usize {
        match self {
            Self::Rows { from: _ } => 0,
            Self::Blobs(blobs) => {
                let bytes = blobs.iter().map(|(_, blob)| blob.bytes).sum::<u64>();
                usize::try_from(bytes).unwrap_or(usize::MAX)
            }
        }
    }
}
