//! The outbox of a shard: what is committed and the broker has not accepted.

use super::runs::Runs;
use std::collections::{HashSet, VecDeque};
use weft_broker::{AttemptKey, Dispatch};
use weft_core::{run::Attempt, run_id::RunId};

/// Committed dispatches, revocations and confirmations on their way to the broker.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Attempts that exist and whose dispatch is not built yet, since their inputs were not
    /// read or their worker released them.
    unprepared: VecDeque<(RunId, Attempt)>,
    dispatches: Vec<Dispatch>,
    revocations: Vec<AttemptKey>,
    confirmations: Vec<AttemptKey>,
    /// Attempts that count as started, that their worker released before it began them, and that
    /// no other worker has claimed.
    released: HashSet<AttemptKey>,
}

/// Attempts on their way into the outbox.
impl Outbox {
    /// Has the next turn prepare an attempt's dispatch.
    pub(crate) fn postpone(&mut self, run: RunId, attempt: Attempt) {
        self.unprepared.push_back((run, attempt));
    }

    /// As [`Self::postpone`], unless it is postponed already.
    pub(crate) fn postpone_once(&mut self, run: RunId, attempt: Attempt) {
        if !self.unprepared.contains(&(run, attempt)) {
            self.unprepared.push_back((run, attempt));
        }
    }

    /// Removes the attempt that was postponed first.
    pub(crate) fn pop_unprepared(&mut self) -> Option<(RunId, Attempt)> {
        self.unprepared.pop_front()
    }

    /// How many attempts are postponed.
    pub(crate) fn count_unprepared(&self) -> usize {
        self.unprepared.len()
    }

    /// Attempts that are postponed.
    pub(crate) fn unprepared(&self) -> impl Iterator<Item = (RunId, Attempt)> {
        self.unprepared.iter().copied()
    }

    /// Notes that a worker released a started attempt.
    pub(crate) fn add_released(&mut self, key: AttemptKey) {
        self.released.insert(key);
    }

    /// Notes that a worker claimed an attempt; whether another one had released it.
    pub(crate) fn remove_released(&mut self, key: &AttemptKey) -> bool {
        self.released.remove(key)
    }

    pub(crate) fn is_released(&self, key: &AttemptKey) -> bool {
        self.released.contains(key)
    }

    /// Forgets released attempts that are no longer current.
    pub(crate) fn drop_outdated_releases(&mut self, runs: &Runs) {
        self.released.retain(|key| runs.is_running(key));
    }
}

/// Calls to the broker.
impl Outbox {
    /// Adds what a committed turn sends.
    pub(crate) fn extend(
        &mut self,
        dispatches: Vec<Dispatch>,
        revocations: Vec<AttemptKey>,
        confirmations: Vec<AttemptKey>,
    ) {
        self.dispatches.extend(dispatches);
        self.revocations.extend(revocations);
        self.confirmations.extend(confirmations);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.revocations.is_empty() && self.dispatches.is_empty() && self.confirmations.is_empty()
    }

    /// Dispatches that the broker has not accepted.
    pub(crate) fn dispatches(&self) -> &[Dispatch] {
        &self.dispatches
    }

    pub(crate) fn revocations(&self) -> &[AttemptKey] {
        &self.revocations
    }

    pub(crate) fn clear_revocations(&mut self) {
        self.revocations.clear();
    }

    pub(crate) fn confirmations(&self) -> &[AttemptKey] {
        &self.confirmations
    }

    pub(crate) fn clear_confirmations(&mut self) {
        self.confirmations.clear();
    }

    /// Drops dispatches of attempts that are no longer current or that a worker has.
    pub(crate) fn drop_outdated_dispatches(&mut self, runs: &Runs) {
        let released = &self.released;
        self.dispatches.retain(|dispatch| {
            let key = &dispatch.key;
            runs.is_queued(key) || (runs.is_running(key) && released.contains(key))
        });
    }

    pub(crate) fn take_dispatches(&mut self) -> Vec<Dispatch> {
        std::mem::take(&mut self.dispatches)
    }

    /// Puts dispatches back that the broker did not accept.
    pub(crate) fn put_back_dispatches(&mut self, dispatches: Vec<Dispatch>) {
        self.dispatches = dispatches;
    }
}
