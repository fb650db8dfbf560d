//! Queued runs that start.

use crate::{
    active_run::ActiveRun,
    fault::planted,
    grants::Grants,
    metrics::Share,
    options::DAGS_A_TURN,
    outputs::Outputs,
    shard::{Context, Shard},
    versions::Version,
};
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use weft_core::{
    contract::DataInterval,
    inputs::Inputs,
    run::{Event, Run, RunState},
    run_id::RunId,
};
use weft_store::{DagKey, NewRun, RunKind, StoreError, StoredRun};

impl Shard {
    /// Starts queued runs of DAGs that may have room for them.
    pub(crate) async fn start_queued(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        for _ in 0..DAGS_A_TURN {
            let Some(dag) = self.to_start.pop_first() else {
                return Ok(());
            };
            if let Err(error) = self.start_queued_of(cx, dag).await {
                self.to_start.insert(dag);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn start_queued_of(&mut self, cx: &mut Context, dag: DagKey) -> Result<(), StoreError> {
        let Some(entry) = self.dags.get(&dag) else {
            return Ok(());
        };
        let extra = u32::from(planted!(cx, OneRunTooMany));
        let (room, paused) = (entry.room() + extra, entry.state.paused);
        if room == 0 || paused {
            return Ok(());
        }
        let now = cx.now();
        // What ended in this turn still stands in the database as it was.
        let queued = cx.deps.store.queued_runs(dag, now, room).await?;
        let continuous = entry.continuous && queued.is_empty() && entry.active.is_empty();
        for run in queued {
            match self.runs.get(&run.id) {
                // A command that came before its start brought it in.
                Some(active) if active.is_queued() => self.begin(cx, run.id),
                Some(_of_this_turn) => {}
                None => {
                    let version = cx
                        .versions
                        .get(&*cx.deps.store, run.version, &run.tenant)
                        .await?;
                    if has_begun(&run, &version) {
                        self.take_up(cx, run).await?;
                    } else {
                        self.start(cx, run, version);
                    }
                }
            }
        }
        if continuous {
            self.make_run(cx, dag, now, (now, now), RunKind::Scheduled)
                .await?;
        }
        Ok(())
    }

    /// Takes a run up whose row says that it is queued, and whose events say that it has
    /// begun. Events are the truth: its row says so too after this turn.
    async fn take_up(&mut self, cx: &mut Context, stored: StoredRun) -> Result<(), StoreError> {
        let (id, dag) = (stored.id, stored.dag);
        tracing::error!(run = %id, "a run that has begun is stored as one that waits; its row is put right");
        // Whether the broker knows its attempts is asked as for all that are under way for long.
        self.recover_run(cx, stored, &mut Vec::new()).await?;
        let is_over = self.runs.get(&id).is_some_and(|active| active.is_over());
        if is_over && let Some(entry) = self.dags.get_mut(&dag) {
            entry.active.remove(&id);
        }
        self.changes.runs.insert(id);
        self.changes.urgent = true;
        Ok(())
    }

    /// Starts a run that is queued.
    pub(crate) fn start(&mut self, cx: &mut Context, stored: StoredRun, version: Arc<Version>) {
        let id = stored.id;
        // What was marked while it waited stands among its events.
        let run = match Run::replay(Arc::clone(&version.plan), None, &stored.events) {
            Ok(run) => run,
            Err(error) => {
                tracing::error!(run = %id, %error, "a queued run can't be made again from its events; it is left as it is");
                return;
            }
        };
        let mut active = ActiveRun::new(stored, version, run);
        active.outputs = Outputs::fresh(active.run.plan().tasks());
        self.runs.insert(id, Box::new(active));
        self.begin(cx, id);
    }

    /// Starts a run that is in memory, and waited until now.
    fn begin(&mut self, cx: &mut Context, id: RunId) {
        let dag = self.runs.get(&id).map(|active| active.dag);
        if let Err(rejection) = self.apply(cx, id, Event::Start) {
            tracing::error!(run = %id, %rejection, "a run can't begin; it is left as it is");
            return;
        }
        let has_ended = self.runs.get(&id).is_none_or(|active| active.is_over());
        if !has_ended && let Some(entry) = dag.and_then(|dag| self.dags.get_mut(&dag)) {
            entry.active.insert(id);
        }
    }
}

/// Whether a run that is stored as queued has begun by its events.
fn has_begun(stored: &StoredRun, version: &Version) -> bool {
    // Most have none, and what is marked before its start is few.
    !stored.events.is_empty()
        && Run::replay(Arc::clone(&version.plan), None, &stored.events)
            .is_ok_and(|run| run.state() != RunState::Pending)
}

impl ActiveRun {
    /// A run in memory, as it is stored.
    pub(crate) fn new(stored: StoredRun, version: Arc<Version>, run: Run) -> Self {
        let StoredRun {
            id,
            tenant,
            dag,
            version: _,
            kind: _,
            logical_date,
            interval,
            params,
            not_before: _,
            created: _,
            trace,
            events: _,
            next_seq,
        } = stored;
        // Whoever stored them had them from a parser.
        let params: Map<String, Value> = serde_json::from_str(&params).unwrap_or_default();
        Self {
            id,
            tenant,
            dag,
            inputs: Inputs::new(Arc::clone(&version.dag), params, HashMap::new()),
            version,
            logical_date,
            interval: DataInterval {
                start: interval.0,
                end: interval.1,
            },
            trace,
            run,
            outputs: Outputs::default(),
            grants: Grants::default(),
            live: HashSet::new(),
            records: HashMap::new(),
            to_resume: Vec::new(),
            to_show: Vec::new(),
            happened: Vec::new(),
            next_seq,
            started: None,
            ended: None,
            share: Share::default(),
            told: None,
        }
    }
}

/// A run that is made in this turn, as if it had been read.
pub(crate) fn as_stored(new: NewRun) -> StoredRun {
    StoredRun {
        id: new.id,
        tenant: new.tenant,
        dag: new.dag,
        version: new.version,
        kind: new.kind,
        logical_date: new.logical_date,
        interval: new.interval,
        params: new.params,
        not_before: new.not_before,
        created: new.created,
        trace: new.trace,
        events: Vec::new(),
        next_seq: 1,
    }
}
