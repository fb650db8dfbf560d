//! One DAG of a shard: its settings, its active runs, its next scheduled run.

use super::run_keys::{Key, RunKeys};
use std::collections::BTreeMap;
use weft_core::{concurrency::Concurrency, run_id::RunId, time::Timestamp};
use weft_store::{DagState, VersionId};

/// A DAG of the shard.
#[derive(Debug)]
pub(crate) struct DagEntry {
    state: DagState,
    /// Its runs in memory that have not ended, and what they count by.
    active: BTreeMap<RunId, Option<Key>>,
    /// Bounds by key.
    keys: RunKeys,
    /// The bound on `active`, from its active version.
    max_active_runs: u32,
    /// When its next scheduled run is created.
    next_due: Option<Timestamp>,
    /// Whether a run starts as soon as the one before has ended.
    is_continuous: bool,
    /// How many more scheduled runs may be created and queued before those that are queued are
    /// counted again.
    queue_room: u32,
    /// Whether the parameters of a run that assets create don't resolve.
    refuses_asset_runs: bool,
}

impl DagEntry {
    pub(crate) fn new(state: DagState, max_active_runs: u32, is_continuous: bool) -> Self {
        Self {
            state,
            active: BTreeMap::new(),
            keys: RunKeys::default(),
            max_active_runs,
            next_due: None,
            is_continuous,
            queue_room: 0,
            refuses_asset_runs: false,
        }
    }

    /// The DAG's row, with the last date that this scheduler created a run for.
    pub(crate) const fn state(&self) -> &DagState {
        &self.state
    }

    /// The version that new runs get.
    pub(crate) const fn active_version(&self) -> Option<VersionId> {
        self.state.active
    }

    /// Continues with the runs that were counted for the DAG's row as it was before.
    pub(crate) fn take_over(&mut self, before: &mut Self) {
        self.active = std::mem::take(&mut before.active);
        self.keys = std::mem::take(&mut before.keys);
    }

    /// Takes over the bounds by key of the DAG's active version.
    pub(crate) fn set_key_bounds(&mut self, concurrency: &Concurrency) {
        self.keys.set_bounds(concurrency);
    }

    pub(crate) const fn keys(&mut self) -> &mut RunKeys {
        &mut self.keys
    }

    pub(crate) fn add_active(&mut self, run: RunId, key: Option<&Key>) {
        if self.active.insert(run, key.cloned()).is_none()
            && let Some(key) = key
        {
            self.keys.add_active(key);
        }
    }

    pub(crate) fn remove_active(&mut self, run: RunId) {
        if let Some(Some(key)) = self.active.remove(&run) {
            self.keys.remove_active(&key);
        }
    }

    pub(crate) fn has_active_runs(&self) -> bool {
        !self.active.is_empty()
    }

    /// How many more of its runs may start now.
    pub(crate) fn startable_runs(&self) -> u32 {
        let active = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        self.max_active_runs.saturating_sub(active)
    }

    /// Whether a run is to be created as soon as none is queued or active.
    pub(crate) const fn is_continuous(&self) -> bool {
        self.is_continuous
    }

    /// Whether queued runs are to be counted before a scheduled run is created.
    pub(crate) fn needs_queue_room(&self) -> bool {
        self.queue_room == 0 && self.startable_runs() == 0
    }

    pub(crate) const fn set_queue_room(&mut self, room: u32) {
        self.queue_room = room;
    }

    /// Records that a scheduled run was created that does not start in this turn.
    pub(crate) const fn record_queued(&mut self) {
        self.queue_room = self.queue_room.saturating_sub(1);
    }

    /// Whether updates of assets create no run until another version is active.
    pub(crate) const fn refuses_asset_runs(&self) -> bool {
        self.refuses_asset_runs
    }

    pub(crate) const fn refuse_asset_runs(&mut self) {
        self.refuses_asset_runs = true;
    }

    pub(crate) const fn next_due(&self) -> Option<Timestamp> {
        self.next_due
    }

    pub(crate) const fn set_next_due(&mut self, at: Option<Timestamp>) {
        self.next_due = at;
    }

    /// Records the date of the scheduled run that was created last.
    pub(crate) const fn set_last_scheduled(&mut self, date: Timestamp) {
        self.state.last_scheduled = Some(date);
    }
}
