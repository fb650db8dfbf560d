//! One DAG of a shard: its settings, its active runs, its next scheduled run.

use std::collections::BTreeSet;
use weft_core::{run_id::RunId, time::Timestamp};
use weft_store::{DagState, VersionId};

/// A DAG of the shard.
#[derive(Debug)]
pub(crate) struct DagEntry {
    state: DagState,
    /// Its runs in memory that have not ended.
    active: BTreeSet<RunId>,
    /// The bound on `active`, from its active version.
    max_active_runs: u32,
    /// When its next scheduled run is created.
    next_due: Option<Timestamp>,
    /// Whether a run starts as soon as the one before has ended.
    is_continuous: bool,
    /// How many more scheduled runs may be created and queued before those that are queued are
    /// counted again.
    queue_room: u32,
}

impl DagEntry {
    pub(crate) const fn new(
        state: DagState,
        active: BTreeSet<RunId>,
        max_active_runs: u32,
        is_continuous: bool,
    ) -> Self {
        Self {
            state,
            active,
            max_active_runs,
            next_due: None,
            is_continuous,
            queue_room: 0,
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

    pub(crate) const fn active_runs(&self) -> &BTreeSet<RunId> {
        &self.active
    }

    pub(crate) fn add_active(&mut self, run: RunId) {
        self.active.insert(run);
    }

    pub(crate) fn remove_active(&mut self, run: RunId) {
        self.active.remove(&run);
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
