//! One run in memory, with what its state machine does not keep: times, workers, outputs,
//! errors, logs.

mod recovered;

use crate::{
    feed::{Change, Feed, Notified},
    grants::Grants,
    metrics::RunMetrics,
    output_memory::{Charge, OutputMemory},
    outputs::Outputs,
    shard::queue::Queue,
    versions::{TaskFacts, Version},
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};
use weft_core::{
    asset::AssetUpdate,
    contract::DataInterval,
    document::{Task, TaskIndex},
    id::TenantId,
    inputs::Inputs,
    run::{Cause, Event, Instance, Moment, Run, RunState, record},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};
use weft_store::{Caller, DagKey, Output, RunKind, StoredRun};

/// A run in memory.
#[derive(Debug)]
pub(crate) struct ActiveRun {
    pub(crate) id: RunId,
    pub(crate) tenant: TenantId,
    pub(crate) dag: DagKey,
    pub(crate) kind: RunKind,
    /// When it was to begin: its deadlines count from then.
    pub(crate) due: Timestamp,
    pub(crate) version: Arc<Version>,
    pub(crate) logical_date: Timestamp,
    pub(crate) interval: DataInterval,
    pub(crate) trace: Option<Arc<str>>,
    pub(crate) caller: Option<Caller>,
    /// What it counts by, if its DAG bounds runs by key.
    pub(crate) concurrency_key: Option<Arc<str>>,
    pub(crate) run: Run,
    pub(crate) inputs: Inputs,
    pub(crate) outputs: Outputs,
    /// For the lists that `inputs` has prepared.
    prepared: Charge,
    pub(crate) grants: Grants,
    /// Instances that occupy slots: those whose attempt is queued or running.
    pub(crate) live: HashSet<Instance>,
    /// Slots that changes freed which are not committed, by task.
    freed: BTreeMap<TaskIndex, u32>,
    /// Whether freed slots stay occupied until the changes are committed.
    withholds_slots: bool,
    /// What is known of instances besides their state, until their end is committed.
    pub(crate) records: HashMap<Instance, Record>,
    /// Events of this turn.
    pub(crate) new_events: Vec<(Moment, Event)>,
    /// The sequence number of the next chunk of events.
    pub(crate) next_seq: i64,
    /// Whether a chunk of its events says with which defaults it began.
    pub(crate) has_recorded_defaults: bool,
    /// Whether its start is committed.
    has_begun: bool,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) metrics: RunMetrics,
    notified: Option<Notified>,
    /// Deferred instances whose resume state only the database has; empty once it is read.
    unread_resume_states: Vec<Instance>,
    /// Running instances whose rows may not be written; empty once their starts are recorded.
    unwritten_starts: Vec<Instance>,
}

/// What is known of an instance besides its state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) cause: Option<Cause>,
    /// The current attempt, or the last one.
    pub(crate) attempt: Option<AttemptFacts>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) output: Option<Output>,
    /// The state that a deferral left.
    pub(crate) resume: Option<Arc<str>>,
    /// What it waits for, while it is deferred.
    pub(crate) wait: Option<Wait>,
    /// What it asks people, until that is written: JSON.
    pub(crate) request: Option<Arc<str>>,
    /// What ended the last wait: JSON.
    pub(crate) woken: Option<Arc<str>>,
    pub(crate) error: Option<Arc<str>>,
    /// What its success updated.
    pub(crate) updates: Vec<AssetUpdate>,
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
    /// The instances that may run ahead on its worker, as its dispatch says.
    pub(crate) ahead: Vec<Instance>,
}

impl ActiveRun {
    /// A run as it is stored, with its state machine.
    pub(crate) fn new(stored: StoredRun, version: Arc<Version>, run: Run) -> Self {
        let StoredRun {
            id,
            tenant,
            dag,
            version: _,
            kind,
            logical_date,
            interval,
            params,
            concurrency_key,
            not_before,
            created: _,
            trace,
            caller,
            events,
            next_seq,
        } = stored;
        // They were parsed before they were stored.
        let params: Map<String, Value> = serde_json::from_str(&params).unwrap_or_default();
        Self {
            id,
            tenant,
            dag,
            kind,
            due: match kind {
                RunKind::Scheduled => logical_date,
                _ => not_before,
            },
            inputs: Inputs::new(Arc::clone(&version.dag), params, HashMap::new()),
            version,
            logical_date,
            interval: DataInterval {
                start: interval.0,
                end: interval.1,
            },
            trace,
            caller,
            concurrency_key,
            run,
            outputs: Outputs::default(),
            prepared: Charge::default(),
            grants: Grants::default(),
            live: HashSet::new(),
            freed: BTreeMap::new(),
            withholds_slots: false,
            records: HashMap::new(),
            new_events: Vec::new(),
            next_seq,
            has_begun: false,
            has_recorded_defaults: record::defaults(&events).is_ok_and(|known| known.is_some()),
            started: None,
            ended: None,
            metrics: RunMetrics::default(),
            notified: None,
            unread_resume_states: Vec::new(),
            unwritten_starts: Vec::new(),
        }
    }

    /// Counts its outputs in this memory from now on.
    pub(crate) fn charge_to(&mut self, memory: &OutputMemory) {
        self.outputs.charge_to(memory);
        self.prepared.move_to(memory);
    }

    /// Counts the lists that are prepared now; after each change of them.
    pub(crate) fn count_prepared(&mut self) {
        self.prepared.set(self.inputs.prepared_bytes());
    }

    /// The bytes that are counted for its outputs.
    #[cfg(feature = "planted-bugs")]
    pub(crate) const fn charged_bytes(&self) -> usize {
        self.outputs.charged_bytes() + self.prepared.bytes()
    }

    /// The bytes of its outputs in memory, added up anew.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn recount_bytes(&self) -> usize {
        self.outputs.recount_bytes() + self.inputs.prepared_bytes()
    }

    /// Drops everything of its outputs that can be read again; only right after a commit.
    pub(crate) fn drop_committed_outputs(&mut self) {
        self.outputs.drop_committed();
        self.inputs.drop_prepared();
        self.count_prepared();
    }

    /// Whether it has ended, and is in memory for its last commit only.
    pub(crate) fn is_over(&self) -> bool {
        self.run.state().is_ended()
    }

    /// Whether it is queued, and is in memory for a command only.
    pub(crate) fn is_queued(&self) -> bool {
        self.run.state() == RunState::Pending
    }

    /// What its version's document says of a task.
    pub(crate) fn task(&self, task: TaskIndex) -> &Task {
        &self.version.dag.tasks[task.as_usize()]
    }

    /// What is derived from its version for a task.
    pub(crate) fn task_facts(&self, task: TaskIndex) -> &TaskFacts {
        &self.version.tasks[task.as_usize()]
    }

    /// The record of an instance, created if there is none.
    pub(crate) fn record(&mut self, instance: Instance) -> &mut Record {
        self.records.entry(instance).or_default()
    }

    /// Forgets that these instances travel with others: they were cleared, so what a worker runs of them
    /// no longer counts.
    pub(crate) fn forget_travelling(&mut self, is_cleared: impl Fn(Instance) -> bool) {
        for record in self.records.values_mut() {
            if let Some(attempt) = &mut record.attempt {
                attempt.ahead.retain(|ahead| !is_cleared(*ahead));
            }
        }
    }

    /// Records a change of the run's own state.
    pub(crate) fn set_state(&mut self, state: RunState, now: Timestamp) {
        match state {
            RunState::Pending => {}
            RunState::Running => {
                self.started.get_or_insert(now);
                self.ended = None;
            }
            RunState::Success | RunState::Failed | RunState::Cancelled => self.ended = Some(now),
        }
    }

    /// Frees what an instance occupied, if it was live.
    pub(crate) fn free_slot(&mut self, instance: Instance, queue: &mut Queue) {
        if self.live.remove(&instance) {
            *self.freed.entry(instance.task).or_default() += 1;
            if !self.withholds_slots {
                queue.release(&self.task_facts(instance.task).account);
            }
        }
    }

    /// Occupies again what uncommitted changes freed, and what they free from now on: others get it
    /// only once a takeover would find it free.
    pub(crate) fn withhold_slots(&mut self, queue: &mut Queue) {
        if std::mem::replace(&mut self.withholds_slots, true) {
            return;
        }
        for (task, count) in &self.freed {
            for _ in 0..*count {
                queue.occupy(&self.task_facts(*task).account);
            }
        }
    }

    /// Frees what was withheld.
    pub(crate) fn release_withheld(&mut self, queue: &mut Queue) {
        if !std::mem::take(&mut self.withholds_slots) {
            return;
        }
        for (task, count) in std::mem::take(&mut self.freed) {
            for _ in 0..count {
                queue.release(&self.task_facts(task).account);
            }
        }
    }

    /// Records that its events so far are committed.
    pub(crate) fn set_events_committed(&mut self) {
        if !self.withholds_slots {
            self.freed.clear();
        }
        if !self.new_events.is_empty() {
            self.new_events.clear();
            self.next_seq += 1;
            self.has_recorded_defaults = true;
            self.has_begun = !self.is_queued();
        }
    }

    /// Whether its start is committed.
    pub(crate) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Its state and counts, for listeners.
    pub(crate) fn change(&self) -> Change {
        Change::Run {
            tenant: self.tenant.clone(),
            dag: self.version.dag.id.clone(),
            run: self.id,
            state: self.run.state(),
            counts: self.run.totals(),
        }
    }

    /// Notifies listeners of runs; `false` where they got a change of this run just now, and this
    /// one has to wait.
    pub(crate) fn notify(&mut self, feed: &Feed) -> bool {
        let state = self.run.state();
        if self.notified.is_some_and(|last| last.is_fresh(state)) {
            return false;
        }
        self.notified = Some(Notified::now(state));
        feed.publish_run(self.change());
        true
    }
}
