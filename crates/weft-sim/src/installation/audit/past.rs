//! Snapshots of the auditor's records, for a database that is restored to an earlier time.

use super::{
    Auditor, Fairness, Parsed,
    state::{Active, Watched},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};
use weft_core::{run::Attempt, run_id::RunId};
use weft_store::{DagKey, VersionId};

/// What follows from the transactions that were committed up to some time.
#[derive(Debug)]
pub struct Past {
    runs: BTreeMap<RunId, Watched>,
    versions: BTreeMap<VersionId, Arc<Parsed>>,
    active: Active,
    running: BTreeMap<DagKey, BTreeSet<RunId>>,
}

/// What was committed and is lost. What schedulers sent for it was right when they sent it.
#[derive(Debug, Default)]
pub(super) struct LostWork {
    pub(super) dispatched: HashSet<(RunId, Attempt)>,
    pub(super) ended: HashSet<(RunId, Attempt)>,
}

impl Auditor {
    /// What follows from the transactions so far.
    pub fn past(&self) -> Past {
        Past {
            runs: self.runs.clone(),
            versions: self.versions.clone(),
            active: self.active.clone(),
            running: self.running.clone(),
        }
    }

    /// The database lost everything that was committed since.
    pub fn go_back(&mut self, past: Past) {
        for (id, run) in &self.runs {
            for attempt in &run.dispatched {
                self.lost.dispatched.insert((*id, *attempt));
                if !run.is_current(*attempt) {
                    self.lost.ended.insert((*id, *attempt));
                }
            }
        }
        let Past {
            runs,
            versions,
            active,
            running,
        } = past;
        self.runs = runs;
        self.versions = versions;
        self.active = active;
        self.running = running;
        // A scheduler in the middle of a takeover reads under an epoch that is lost.
        self.epochs.clear();
        self.fairness = Fairness::default();
        // An event that the database has again may wake another instance.
        self.woke.clear();
    }
}
