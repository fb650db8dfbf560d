//! Reports and claims of runs that are not in memory: most are of runs that ended.
//!
//! A task beside the loop asks the database which of the runs exist, many with one query, and
//! repeats it until the database answers. A report comes again until it is confirmed; a claim is
//! announced once, and is kept until the answer.

use super::{Executor, TaskGuard};
use crate::{
    limits::{MAX_ORPHANS, RUNS_PER_LOOKUP},
    options::Deps,
    retry::RetryDelays,
    shard::Shard,
};
use std::collections::{BTreeSet, HashMap, VecDeque};
use tokio::{sync::mpsc, time::sleep};
use weft_broker::AttemptKey;
use weft_core::run_id::RunId;
use weft_store::{DagKey, StoreError};

/// The DAGs of those runs that exist.
pub(super) type Found = HashMap<RunId, DagKey>;

/// Attempts of runs that are not in memory.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    waiting: VecDeque<Orphan>,
    /// Those whose runs are looked up.
    asked: Vec<Orphan>,
}

/// An attempt of such a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Orphan {
    /// It was reported.
    Reported(AttemptKey),
    /// A worker claimed it.
    Claimed(AttemptKey),
}

impl Orphan {
    const fn key(self) -> AttemptKey {
        match self {
            Self::Reported(key) | Self::Claimed(key) => key,
        }
    }
}

impl Orphans {
    /// Adds one. Beyond the bound a report is dropped, as it comes again, and a claim too: its
    /// attempt runs in vain, and is revoked after the next takeover.
    pub(super) fn add(&mut self, orphan: Orphan) {
        if self.waiting.len() < MAX_ORPHANS {
            self.waiting.push_back(orphan);
        }
    }

    /// The runs to look up next; none while others are looked up.
    pub(super) fn next_lookup(&mut self) -> Vec<RunId> {
        if !self.asked.is_empty() {
            return Vec::new();
        }
        let mut runs = BTreeSet::new();
        while runs.len() < RUNS_PER_LOOKUP
            && let Some(orphan) = self.waiting.pop_front()
        {
            runs.insert(orphan.key().run);
            self.asked.push(orphan);
        }
        runs.into_iter().collect()
    }

    /// Settles those whose runs were looked up: attempts of runs that are over are confirmed or
    /// revoked, as they will never change anything.
    pub(super) fn settle(&mut self, shard: &mut Shard, found: Option<&Found>) {
        for orphan in std::mem::take(&mut self.asked) {
            let key = orphan.key();
            // Meanwhile a command may have brought the run into memory.
            let is_over = if shard.runs.contains(key.run) {
                !shard.runs.is_current(&key)
            } else {
                found.is_some_and(|found| is_over(shard, key.run, found))
            };
            match orphan {
                Orphan::Reported(key) if is_over && !shard.runs.contains(key.run) => {
                    shard.batch.confirm(key);
                }
                Orphan::Claimed(key) if is_over => shard.batch.revoke(key),
                // A report comes again.
                Orphan::Reported(_) | Orphan::Claimed(_) => {}
            }
        }
    }
}

/// Whether a run that is not in memory ended or does not exist. One of a DAG that the shard does not
/// have is another one's, or is read later, and one that is held aside goes on later.
pub(super) fn is_over(shard: &Shard, run: RunId, found: &Found) -> bool {
    if shard.held.contains_run(run) {
        return false;
    }
    found
        .get(&run)
        .is_none_or(|dag| shard.runs.contains_dag(*dag))
}

/// The loop's side of the task that looks runs up.
pub(super) struct Lookups {
    requests: mpsc::Sender<Vec<RunId>>,
    answers: mpsc::Receiver<Option<Found>>,
    _task: TaskGuard,
}

impl Lookups {
    /// Starts the task.
    pub(super) fn start(executor: &dyn Executor, deps: Deps) -> Self {
        // One lookup is under way at most.
        let (sender, mut requests) = mpsc::channel::<Vec<RunId>>(1);
        let (answer, answers) = mpsc::channel(1);
        let task = async move {
            while let Some(runs) = requests.recv().await {
                if answer.send(look_up(&deps, &runs).await).await.is_err() {
                    return;
                }
            }
        };
        Self {
            requests: sender,
            answers,
            _task: executor.spawn(Box::pin(task)),
        }
    }

    /// Has runs looked up. The answer comes as long as this lives.
    pub(super) fn request(&self, runs: Vec<RunId>) {
        let sent = self.requests.try_send(runs);
        sent.expect("the task runs, and one lookup is under way at most");
    }

    /// The next answer; nothing where the database can't say. Cancel-safe.
    pub(super) async fn receive(&mut self) -> Option<Found> {
        match self.answers.recv().await {
            Some(found) => found,
            // The task is as long-lived as this.
            None => std::future::pending().await,
        }
    }
}

async fn look_up(deps: &Deps, runs: &[RunId]) -> Option<Found> {
    let mut delays = RetryDelays::default();
    loop {
        match deps.store.dags_of_runs(runs).await {
            Ok(found) => return Some(found.into_iter().collect()),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Full(_))) => {
                tracing::warn!(%error, runs = runs.len(), operation = "look up runs", "database call failed; it is retried after a delay");
            }
            Err(error @ (StoreError::Corrupt(_) | StoreError::Defect(_))) => {
                tracing::error!(%error, runs = runs.len(), operation = "look up runs", "the database can't say which runs exist; their reports are not confirmed, and come again");
                return None;
            }
        }
        sleep(delays.next_delay()).await;
    }
}
