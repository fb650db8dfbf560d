//! Outputs that are read beside the loop, and the attempts and expansions that wait for them.
//!
//! A *fetch* is the outputs of one task of one run. What waits for a fetch is parked here and
//! repeated once the fetch has ended; what ends meanwhile waits no more, and a fetch that nothing
//! waits for is dropped. Fetches begin in the order in which they were needed, within bounds on
//! their number and on the memory that outputs take; one of rows and one of blobs may always be
//! in progress, so that the oldest one that waits gets all that it needs.

use super::{queue::Expansion, runs::Runs};
use crate::{
    limits::{MAX_BLOB_FETCHES, MAX_ROW_FETCHES},
    output_memory::{Charge, OutputMemory},
    outputs::MissingOutputs,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};
use tokio::sync::oneshot;
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
    /// Which one of all fetches, since one that was dropped may begin again.
    pub(crate) number: u64,
    pub(crate) tenant: TenantId,
    /// The generation of the run's outputs.
    pub(crate) generation: u64,
    pub(crate) missing: MissingOutputs,
    /// Closes when nothing waits for the answer any more.
    pub(crate) dropped: oneshot::Receiver<()>,
}

/// The answer to a [`ReadRequest`].
#[derive(Debug)]
pub(crate) struct ReadAnswer {
    pub(crate) fetch: Fetch,
    pub(crate) number: u64,
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
    /// What each still waits for.
    waiters: HashMap<Waiter, Vec<Fetch>>,
    /// What waits, by run.
    by_run: HashMap<RunId, HashSet<Waiter>>,
    /// What waits for each fetch that has not ended, or is wanted by nothing any more.
    fetches: HashMap<Fetch, Vec<Waiter>>,
    /// Those that may have rows to read, and those that have blobs to read. A fetch that nothing
    /// waits for any more is skipped.
    rows_to_begin: VecDeque<Fetch>,
    blobs_to_begin: VecDeque<Fetch>,
    under_way: BTreeMap<Fetch, UnderWay>,
    begun: u64,
    /// What waits for nothing any more.
    ready: Vec<Waiter>,
    /// Tasks whose inputs are lost, and why, until their instances were dispatched once more.
    lost: HashMap<(RunId, TaskIndex), String>,
}

/// A fetch in progress.
#[derive(Debug)]
struct UnderWay {
    number: u64,
    is_of_blobs: bool,
    /// The memory that is reserved for it.
    _charge: Charge,
    /// Ends the read when it is dropped.
    _guard: oneshot::Sender<()>,
}

/// What waits for reads.
impl Reads {
    /// Parks a waiter until the outputs of these tasks are read. One that waits already stays as
    /// it is.
    pub(crate) fn park(&mut self, waiter: Waiter, tasks: impl Iterator<Item = TaskIndex>) {
        if self.waiters.contains_key(&waiter) {
            return;
        }
        let run = waiter.run();
        let fetches: Vec<Fetch> = tasks.map(|task| Fetch { run, task }).collect();
        for fetch in &fetches {
            let waiters = self.fetches.entry(*fetch).or_insert_with(|| {
                self.rows_to_begin.push_back(*fetch);
                Vec::new()
            });
            waiters.push(waiter);
        }
        self.waiters.insert(waiter, fetches);
        self.by_run.entry(run).or_default().insert(waiter);
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

    /// Removes and returns what waits for nothing any more.
    pub(crate) fn take_ready(&mut self) -> Vec<Waiter> {
        std::mem::take(&mut self.ready)
    }

    pub(crate) const fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// An attempt has ended: it waits for nothing any more.
    pub(crate) fn drop_attempt(&mut self, run: RunId, attempt: Attempt) {
        self.drop_waiter(&Waiter::Attempt(run, attempt));
    }

    /// A task starts over: nothing of it waits any more, and what waits for its outputs does so in
    /// vain, since there are none.
    pub(crate) fn drop_task(&mut self, run: RunId, task: TaskIndex) {
        let waiters = self.by_run.get(&run).into_iter().flatten();
        let of_task = waiters.filter(|waiter| waiter.task() == task);
        for waiter in of_task.copied().collect::<Vec<_>>() {
            self.drop_waiter(&waiter);
        }
        self.end(Fetch { run, task });
    }

    /// A run has ended: nothing of it waits any more.
    pub(crate) fn drop_run(&mut self, run: RunId) {
        let waiters = self.by_run.get(&run).into_iter().flatten();
        for waiter in waiters.copied().collect::<Vec<_>>() {
            self.drop_waiter(&waiter);
        }
    }

    /// Removes a waiter, and the fetches that nothing else waits for.
    fn drop_waiter(&mut self, waiter: &Waiter) {
        for fetch in self.forget(waiter) {
            let Some(waiters) = self.fetches.get_mut(&fetch) else {
                continue;
            };
            waiters.retain(|other| other != waiter);
            if waiters.is_empty() {
                self.fetches.remove(&fetch);
                self.under_way.remove(&fetch);
            }
        }
    }

    /// Removes a waiter; returns what it waited for.
    fn forget(&mut self, waiter: &Waiter) -> Vec<Fetch> {
        let run = waiter.run();
        if let Some(waiters) = self.by_run.get_mut(&run) {
            waiters.remove(waiter);
            if waiters.is_empty() {
                self.by_run.remove(&run);
            }
        }
        self.waiters.remove(waiter).unwrap_or_default()
    }
}

/// Fetches.
impl Reads {
    pub(crate) fn are_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Whether this fetch is in progress: it may have been dropped, and begun again.
    pub(crate) fn is_under_way(&self, fetch: Fetch, number: u64) -> bool {
        let under_way = self.under_way.get(&fetch);
        under_way.is_some_and(|under_way| under_way.number == number)
    }

    /// Begins the next fetch that the bounds allow. Those with nothing left to read end at once.
    /// Rows and blobs have places of their own: while the one store does not answer, the other
    /// one's are read.
    pub(crate) fn begin(&mut self, runs: &Runs, memory: &OutputMemory) -> Option<ReadRequest> {
        while let Some(fetch) = self.rows_to_begin.front().copied() {
            match self.missing(runs, fetch) {
                None => drop(self.rows_to_begin.pop_front()),
                Some(MissingOutputs::Blobs(_)) => {
                    self.rows_to_begin.pop_front();
                    self.blobs_to_begin.push_back(fetch);
                }
                Some(missing @ MissingOutputs::Rows { .. }) => {
                    if !self.may_begin(&missing, memory) {
                        break;
                    }
                    self.rows_to_begin.pop_front();
                    return self.start(runs, memory, fetch, missing);
                }
            }
        }
        while let Some(fetch) = self.blobs_to_begin.front().copied() {
            match self.missing(runs, fetch) {
                None => drop(self.blobs_to_begin.pop_front()),
                // Its outputs were dropped from memory while it waited.
                Some(missing) => {
                    if !self.may_begin(&missing, memory) {
                        break;
                    }
                    self.blobs_to_begin.pop_front();
                    return self.start(runs, memory, fetch, missing);
                }
            }
        }
        None
    }

    /// What a fetch is to read. One that has nothing left to read ends.
    fn missing(&mut self, runs: &Runs, fetch: Fetch) -> Option<MissingOutputs> {
        if !self.fetches.contains_key(&fetch) || self.under_way.contains_key(&fetch) {
            return None;
        }
        let active = runs.get(fetch.run);
        let missing = active.and_then(|active| active.outputs.missing(fetch.task));
        if missing.is_none() {
            self.end(fetch);
        }
        missing
    }

    /// Whether the bounds allow another fetch. One of each kind may always be in progress.
    fn may_begin(&self, missing: &MissingOutputs, memory: &OutputMemory) -> bool {
        let is_of_blobs = missing.is_of_blobs();
        let under_way = self.under_way.values();
        let same = under_way.filter(|other| other.is_of_blobs == is_of_blobs);
        let most = if is_of_blobs {
            MAX_BLOB_FETCHES
        } else {
            MAX_ROW_FETCHES
        };
        match same.count() {
            0 => true,
            count => count < most && memory.has_space(missing.bytes()),
        }
    }

    fn start(
        &mut self,
        runs: &Runs,
        memory: &OutputMemory,
        fetch: Fetch,
        missing: MissingOutputs,
    ) -> Option<ReadRequest> {
        let active = runs.get(fetch.run)?;
        self.begun += 1;
        let (guard, dropped) = oneshot::channel();
        let under_way = UnderWay {
            number: self.begun,
            is_of_blobs: missing.is_of_blobs(),
            _charge: Charge::new(memory.clone(), missing.bytes()),
            _guard: guard,
        };
        self.under_way.insert(fetch, under_way);
        Some(ReadRequest {
            fetch,
            number: self.begun,
            tenant: active.tenant.clone(),
            generation: active.outputs.generation(),
            missing,
            dropped,
        })
    }

    /// Ends a fetch. Those that wait for nothing else are ready now.
    pub(crate) fn end(&mut self, fetch: Fetch) {
        self.under_way.remove(&fetch);
        for waiter in self.fetches.remove(&fetch).unwrap_or_default() {
            let Some(fetches) = self.waiters.get_mut(&waiter) else {
                continue;
            };
            fetches.retain(|other| *other != fetch);
            if fetches.is_empty() {
                self.forget(&waiter);
                self.ready.push(waiter);
            }
        }
    }

    /// Ends a fetch that failed for good; returns all that waited for it.
    pub(crate) fn fail(&mut self, fetch: Fetch) -> Vec<Waiter> {
        self.under_way.remove(&fetch);
        let waiters = self.fetches.remove(&fetch).unwrap_or_default();
        for waiter in &waiters {
            // Its other fetches must not count it once more if it is parked again.
            self.drop_waiter(waiter);
        }
        waiters
    }
}

impl Waiter {
    const fn run(&self) -> RunId {
        match self {
            Self::Attempt(run, _) | Self::Ready(run, _) => *run,
            Self::Expansion(expansion) => expansion.run,
        }
    }

    const fn task(&self) -> TaskIndex {
        match self {
            Self::Attempt(_, attempt) => attempt.instance.task,
            Self::Ready(_, task) => *task,
            Self::Expansion(expansion) => expansion.task,
        }
    }
}

impl MissingOutputs {
    const fn is_of_blobs(&self) -> bool {
        matches!(self, Self::Blobs(_))
    }

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
