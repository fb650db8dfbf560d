//! One run that has started and not ended, with what the machine doesn't keep:
//! times, workers, outputs, errors, logs.

use crate::{
    feed::{Change, Feed, Notified},
    grants::Grants,
    metrics::Share,
    outputs::Outputs,
    versions::Version,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use weft_core::{
    contract::DataInterval,
    id::TenantId,
    inputs::Inputs,
    run::{Cause, Event, Instance, Moment, Run, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, Output};

/// A run in memory.
#[derive(Debug)]
pub(crate) struct ActiveRun {
    pub(crate) id: RunId,
    pub(crate) tenant: TenantId,
    pub(crate) dag: DagKey,
    pub(crate) version: Arc<Version>,
    pub(crate) logical_date: Timestamp,
    pub(crate) interval: DataInterval,
    pub(crate) trace: Option<Arc<str>>,
    pub(crate) run: Run,
    pub(crate) inputs: Inputs,
    pub(crate) outputs: Outputs,
    pub(crate) grants: Grants,
    /// Instances that the order counts as active: those whose attempt is queued or running.
    pub(crate) live: HashSet<Instance>,
    /// What is known of instances besides their state; those that ended and are committed are dropped.
    pub(crate) records: HashMap<Instance, Record>,
    /// Deferred instances whose state stands in the database only; empty once it is read.
    pub(crate) to_resume: Vec<Instance>,
    /// Running instances whose rows may not say so yet; empty once they are to be written.
    pub(crate) to_show: Vec<Instance>,
    /// What happened in this turn.
    pub(crate) happened: Vec<(Moment, Event)>,
    /// The sequence number of the next chunk of events.
    pub(crate) next_seq: i64,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) share: Share,
    pub(crate) told: Option<Notified>,
}

/// What is known of an instance besides its state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) cause: Option<Cause>,
    /// Of the current attempt, or the last one.
    pub(crate) attempt: Option<AttemptFacts>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) output: Option<Output>,
    /// What a deferral left.
    pub(crate) resume: Option<Arc<str>>,
    pub(crate) error: Option<Arc<str>>,
}

/// What is known of an attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttemptFacts {
    pub(crate) number: u32,
    pub(crate) nonce: u64,
    pub(crate) queued: Option<Timestamp>,
    pub(crate) started: Option<Timestamp>,
    pub(crate) worker: Option<Arc<str>>,
    pub(crate) usage: Option<Arc<str>>,
    pub(crate) log: Option<Arc<str>>,
}

impl ActiveRun {
    /// How it stands, for listeners.
    pub(crate) fn change(&self) -> Change {
        Change::Run {
            tenant: self.tenant.clone(),
            dag: self.version.dag.id.clone(),
            run: self.id,
            state: self.run.state(),
            counts: self.run.totals(),
        }
    }

    /// Tells who follows runs how it stands; `false` where they heard of it just now.
    pub(crate) fn tell(&mut self, feed: &Feed) -> bool {
        let state = self.run.state();
        if self.told.is_some_and(|told| told.is_fresh(state)) {
            return false;
        }
        self.told = Some(Notified::now(state));
        feed.tell_of_run(self.change());
        true
    }

    /// Whether nothing of it is left to do or to write.
    pub(crate) fn is_over(&self) -> bool {
        self.run.state().is_ended()
    }

    /// Whether it waits in the database.
    pub(crate) fn is_queued(&self) -> bool {
        self.run.state() == RunState::Pending
    }

    /// The record of an instance, made where there is none.
    pub(crate) fn record(&mut self, instance: Instance) -> &mut Record {
        self.records.entry(instance).or_default()
    }

    /// Notes a change of the run's own state.
    pub(crate) fn note_state(&mut self, state: RunState, now: Timestamp) {
        match state {
            RunState::Pending => {}
            RunState::Running => {
                self.started.get_or_insert(now);
                self.ended = None;
            }
            RunState::Success | RunState::Failed | RunState::Cancelled => self.ended = Some(now),
        }
    }
}
