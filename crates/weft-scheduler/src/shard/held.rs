//! Unreadable runs and DAGs of a shard, which are held aside while everything else goes on.
//!
//! A run is held where its row, its version or its events can't be read, or where its events can't
//! be replayed. It is read again after the next takeover, and when settings were changed, as by the
//! repair of a version.

use std::collections::{BTreeMap, BTreeSet};
use weft_core::run_id::RunId;
use weft_store::{DagKey, HeldRun};

/// What a row that can't be read describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Object {
    Run,
    Command,
    Dag,
    Setting,
    Crash,
}

impl Object {
    /// Its name in metrics and log lines.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Command => "command",
            Self::Dag => "dag",
            Self::Setting => "setting",
            Self::Crash => "crash",
        }
    }
}

/// What of a shard is held aside.
#[derive(Debug, Default)]
pub(crate) struct Held {
    runs: BTreeMap<RunId, HeldQueued>,
    /// Everything else that was reported, by its name in messages.
    reported: BTreeSet<(Object, String)>,
    /// Whether the database has these runs.
    is_written: bool,
    /// The first run that is still to be read again.
    retry_from: Option<RunId>,
}

/// A run that is held, and its DAG where it is queued.
#[derive(Debug)]
struct HeldQueued {
    why: String,
    queued_of: Option<DagKey>,
}

impl Held {
    /// Holds a run aside, one of this DAG where it is queued; `false` if it is held already.
    pub(crate) fn insert_run(&mut self, run: RunId, queued_of: Option<DagKey>, why: &str) -> bool {
        if self.runs.contains_key(&run) {
            return false;
        }
        let why = why.to_owned();
        self.runs.insert(run, HeldQueued { why, queued_of });
        self.is_written = false;
        true
    }

    /// A run is no longer held: it is to end.
    pub(crate) fn remove_run(&mut self, run: RunId) {
        if self.runs.remove(&run).is_some() {
            self.is_written = false;
        }
    }

    pub(crate) fn contains_run(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    /// Has all runs that are held read again.
    pub(crate) fn retry_all(&mut self) {
        self.retry_from = self.runs.keys().next().copied();
    }

    /// The next runs to read again, at most so many, and their DAGs where they are queued.
    pub(crate) fn next_retries(&mut self, most: usize) -> Vec<(RunId, Option<DagKey>)> {
        let Some(from) = self.retry_from.take() else {
            return Vec::new();
        };
        let mut runs = self.runs.range(from..);
        let next = runs.by_ref().take(most);
        let next = next.map(|(run, held)| (*run, held.queued_of)).collect();
        self.retry_from = runs.next().map(|(run, _held)| *run);
        next
    }

    /// Why a run is held, if it is.
    pub(crate) fn why(&self, run: RunId) -> Option<&str> {
        self.runs.get(&run).map(|held| &*held.why)
    }

    /// How many queued runs of a DAG are held.
    pub(crate) fn queued_runs_of(&self, dag: DagKey) -> u32 {
        let queued = self.runs.values();
        let queued = queued.filter(|held| held.queued_of == Some(dag));
        u32::try_from(queued.count()).unwrap_or(u32::MAX)
    }

    /// Records something other than a run that can't be read; `false` if it was recorded before.
    pub(crate) fn report(&mut self, object: Object, name: &str) -> bool {
        self.reported.insert((object, name.to_owned()))
    }

    /// What the database is to show, if it does not yet.
    pub(crate) fn unwritten_runs(&self) -> Option<Vec<HeldRun>> {
        if self.is_written {
            return None;
        }
        let runs = self.runs.iter().map(|(run, held)| HeldRun {
            run: *run,
            why: held.why.clone(),
        });
        Some(runs.collect())
    }

    /// Records that the database shows the runs that are held now.
    pub(crate) const fn set_written(&mut self) {
        self.is_written = true;
    }
}
