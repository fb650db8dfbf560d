//! Which tasks are suspected of taking down the workers that run them.
//!
//! A worker that died reports, when it is started again, which attempts were in
//! guest code. One of them may have done it; the others are innocent, and so may
//! all of them be, since machines fail too. Where it is known that the process was
//! killed from outside, nothing follows. Else:
//!
//! - All of them are *watched*: a worker begins no two watched attempts close
//!   together, so that the next death has one suspect and not a hundred. An
//!   attempt that ends by itself takes the suspicion away.
//! - A death counts against an attempt only where it was the one suspect: it ran
//!   alone, or it was the one that was watched.
//! - An instance that has so many counted against it fails: a retry is vain.
//! - A task that has so many counted in a row, with none of its attempts ending by
//!   itself in between, is in *quarantine*: nothing of it runs until an operator lifts
//!   that, or deploys another version.
//!
//! - A worker that blamed so many tasks is suspected itself: its machine is broken, or it lies. What
//!   it reports then counts against no further task.
//!
//! What is blamed is a task of a deployed file, not the file: one bad function
//! must not take the fifty others of its component with it.
//!
//! Pure: it stores only what is reported, and reads no clock.

use crate::{
    digest::Digest, document::TaskIndex, id::TaskId, run::Instance, run_id::RunId, time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// So many deaths are enough to blame an instance or a task.
pub const ENOUGH: u32 = 3;
/// A worker whose deaths count against so many tasks blames no other one.
pub const MAX_TASKS_BLAMED_BY_ONE_WORKER: usize = 8;
/// Instances that are watched at most; what more there are is not.
const MOST_WATCHED: usize = 65_536;
/// How many deaths a message names.
const NAMED: usize = 8;

/// A task of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blamed {
    /// The DAG, by the database's number; it belongs to one tenant.
    pub dag: i64,
    /// The file that it runs; another version's is another one.
    pub digest: Digest,
    /// The task.
    pub task: TaskId,
}

/// An attempt that was in guest code when its worker died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// Run of the attempt.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// Number of the attempt, from 1 on.
    pub number: u32,
    /// Which worker died.
    pub worker: Arc<str>,
    /// When it was reported, by the database's clock.
    pub at: Timestamp,
    /// An attempt of the task has ended by itself since.
    pub absolved: bool,
}

/// What a death says about one of the attempts that were in guest code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It alone can have done it.
    Alone,
    /// One of several did it, if any.
    Among {
        /// How many others there were.
        others: u32,
    },
    /// No attempt did it: the process was killed from outside.
    Outside,
}

/// Why an attempt is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The instance took down too many workers: which, and when.
    Instance(Vec<(Arc<str>, Timestamp)>),
    /// The task did.
    Quarantine(Vec<(Arc<str>, Timestamp)>),
}

/// What is known of the tasks of a shard.
#[derive(Debug, Clone, Default)]
pub struct Suspects {
    /// How many deaths are enough; 0 blames no task.
    most: u32,
    blamed: HashMap<Blamed, Record>,
    /// Tasks of which every attempt is watched.
    watched: HashSet<Blamed>,
    /// Instances that were there when a worker died.
    watched_instances: BTreeSet<(RunId, Instance)>,
}

/// The deaths that count against a task, by attempt.
#[derive(Debug, Clone, Default)]
struct Record {
    crashes: BTreeMap<(RunId, Instance, u32), Crash>,
    /// Those of them that are not absolved.
    in_a_row: u32,
}

impl Suspects {
    /// No suspects; `most` deaths will be enough.
    pub fn new(most: u32) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// Replaces the known crashes by the stored ones. Watched tasks stay watched.
    pub fn replace(&mut self, stored: impl IntoIterator<Item = (Blamed, Crash)>) {
        self.blamed.clear();
        for (blamed, crash) in stored {
            self.blamed.entry(blamed).or_default().add(crash);
        }
    }

    /// Whether no task is suspected.
    pub fn is_empty(&self) -> bool {
        self.blamed.is_empty() && self.watched.is_empty() && self.watched_instances.is_empty()
    }

    /// A worker died with this attempt in guest code. Returns whether that counts,
    /// and so must be stored. A repeated report changes nothing.
    pub fn crashed(&mut self, blamed: Blamed, crash: Crash, evidence: Evidence) -> bool {
        if evidence == Evidence::Outside {
            return false;
        }
        if self.watched_instances.len() < MOST_WATCHED {
            self.watched_instances.insert((crash.run, crash.instance));
        }
        if self.watched.len() < MOST_WATCHED {
            self.watched.insert(blamed.clone());
        }
        match evidence {
            Evidence::Alone if self.is_worker_suspect(&crash.worker, &blamed) => false,
            Evidence::Alone => self.blamed.entry(blamed).or_default().add(crash),
            Evidence::Among { others: _ } | Evidence::Outside => false,
        }
    }

    /// Whether a worker's deaths count against as many tasks besides this one as those of one worker
    /// may.
    fn is_worker_suspect(&self, worker: &str, besides: &Blamed) -> bool {
        let is_from = |record: &Record| record.crashes.values().any(|it| *it.worker == *worker);
        let others = self.blamed.iter();
        let others = others.filter(|(blamed, record)| *blamed != besides && is_from(record));
        others.count() >= MAX_TASKS_BLAMED_BY_ONE_WORKER
    }

    /// An attempt ended by itself. Returns whether that absolves its task of
    /// something, which must be stored.
    pub fn ended(&mut self, blamed: &Blamed, run: RunId, instance: Instance) -> bool {
        self.watched_instances.remove(&(run, instance));
        self.watched.remove(blamed);
        let most = self.most;
        let Some(record) = self.blamed.get_mut(blamed) else {
            return false;
        };
        // What is in quarantine stays there, whatever ends of what was in progress.
        if record.in_a_row == 0 || is_enough(most, record.in_a_row) {
            return false;
        }
        record.in_a_row = 0;
        for crash in record.crashes.values_mut() {
            crash.absolved = true;
        }
        true
    }

    /// Forgets the crashes of a task of a run that an operator wants tried again. Returns
    /// whether there were any, which must be stored.
    pub fn cleared(&mut self, blamed: &Blamed, run: RunId, task: TaskIndex) -> bool {
        let Some(record) = self.blamed.get_mut(blamed) else {
            return false;
        };
        let before = record.crashes.len();
        record.crashes.retain(|(of, instance, _), crash| {
            *of != run || instance.task != task || !crash.absolved
        });
        before != record.crashes.len()
    }

    /// A run is over: what only matters to it is forgotten.
    pub fn forget_run(&mut self, run: RunId) {
        let first = Instance {
            task: TaskIndex(0),
            index: 0,
        };
        let last = Instance {
            task: TaskIndex(u32::MAX),
            index: u32::MAX,
        };
        while let Some(known) = self
            .watched_instances
            .range((run, first)..=(run, last))
            .next()
            .copied()
        {
            self.watched_instances.remove(&known);
        }
        self.blamed.retain(|_, record| {
            record
                .crashes
                .retain(|(of, _, _), crash| *of != run || !crash.absolved);
            !record.crashes.is_empty()
        });
    }

    /// Whether the next attempt of an instance is to be watched.
    pub fn is_watched(&self, blamed: &Blamed, run: RunId, instance: Instance) -> bool {
        self.watched.contains(blamed)
            || self.watched_instances.contains(&(run, instance))
            || self
                .blamed
                .get(blamed)
                .is_some_and(|record| record.in_a_row > 0)
    }

    /// Why no further attempt of an instance is made; `None` where it may be.
    pub fn verdict(&self, blamed: &Blamed, run: RunId, instance: Instance) -> Option<Verdict> {
        let record = self.blamed.get(blamed)?;
        let own = || {
            record
                .crashes
                .range((run, instance, 0)..=(run, instance, u32::MAX))
        };
        if is_enough(self.most, u32::try_from(own().count()).unwrap_or(u32::MAX)) {
            return Some(Verdict::Instance(latest(own().map(|(_, crash)| crash))));
        }
        let open = record.crashes.values().filter(|crash| !crash.absolved);
        is_enough(self.most, record.in_a_row).then(|| Verdict::Quarantine(latest(open)))
    }
}

impl Record {
    fn add(&mut self, crash: Crash) -> bool {
        let (key, absolved) = ((crash.run, crash.instance, crash.number), crash.absolved);
        if self.crashes.contains_key(&key) {
            return false;
        }
        self.crashes.insert(key, crash);
        self.in_a_row += u32::from(!absolved);
        true
    }
}

const fn is_enough(most: u32, deaths: u32) -> bool {
    most > 0 && deaths >= most
}

/// The last few deaths, the oldest first.
fn latest<'a>(crashes: impl Iterator<Item = &'a Crash>) -> Vec<(Arc<str>, Timestamp)> {
    let mut latest: Vec<_> = crashes
        .map(|crash| (Arc::clone(&crash.worker), crash.at))
        .collect();
    latest.sort_by_key(|(_, at)| *at);
    latest.split_off(latest.len().saturating_sub(NAMED))
}
