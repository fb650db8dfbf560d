//! Which DAG's next scheduled run is made when, and the making of it.

use crate::{
    options::DUE_A_TURN,
    shard::{Context, Shard},
    start::as_stored,
};
use serde_json::{Map, Value};
use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};
use weft_core::{run_id::RunId, time::Timestamp, timetable::Due};
use weft_store::{DagKey, NewRun, RunKind, StoreError, TimetableUpdate};

/// When scheduled runs are made. An entry that no longer holds is skipped when
/// it is due: the DAG's own entry says what holds.
#[derive(Debug, Default)]
pub(crate) struct Calendar(BinaryHeap<Reverse<(Timestamp, DagKey)>>);

impl Calendar {
    pub(crate) fn set(&mut self, at: Timestamp, dag: DagKey) {
        self.0.push(Reverse((at, dag)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    fn due(&mut self, now: Timestamp) -> Option<(Timestamp, DagKey)> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse(entry)| entry)
    }
}

impl Shard {
    /// Makes the runs that are due.
    pub(crate) async fn make_due_runs(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        for _ in 0..DUE_A_TURN {
            let Some((at, dag)) = self.calendar.due(cx.now()) else {
                return Ok(());
            };
            let holds = self
                .dags
                .get(&dag)
                .is_some_and(|entry| entry.next == Some(at));
            if holds && let Err(error) = self.make_due_run(cx, dag).await {
                self.calendar.set(at, dag);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn make_due_run(&mut self, cx: &mut Context, dag: DagKey) -> Result<(), StoreError> {
        let now = cx.now();
        let Some(due) = self
            .next_due_run(cx, dag)
            .await?
            .filter(|due| due.due <= now)
        else {
            return self.plan_next(cx, dag).await;
        };
        self.make_run(cx, dag, due.logical_date, due.interval, RunKind::Scheduled)
            .await?;
        cx.heartbeat.metrics.made_due(due.due, now);
        let Some(entry) = self.dags.get_mut(&dag) else {
            return Ok(());
        };
        entry.state.last_scheduled = Some(due.logical_date);
        self.plan_next(cx, dag).await?;
        let next = self.dags.get(&dag).and_then(|entry| entry.next);
        let update = TimetableUpdate {
            dag,
            last_scheduled: due.logical_date,
            next,
        };
        self.changes.timetables.insert(dag, update);
        self.changes.urgent = true;
        Ok(())
    }

    /// Puts the next run of a DAG into the calendar.
    pub(crate) async fn plan_next(
        &mut self,
        cx: &mut Context,
        dag: DagKey,
    ) -> Result<(), StoreError> {
        let next = self.next_due_run(cx, dag).await?.map(|due| due.due);
        if let Some(entry) = self.dags.get_mut(&dag) {
            entry.next = next;
            if let Some(at) = next {
                self.calendar.set(at, dag);
            }
        }
        Ok(())
    }

    async fn next_due_run(
        &mut self,
        cx: &mut Context,
        dag: DagKey,
    ) -> Result<Option<Due>, StoreError> {
        let Some(state) = self.dags.get(&dag).map(|entry| entry.state.clone()) else {
            return Ok(None);
        };
        let Some(active) = state.active.filter(|_| !state.paused) else {
            return Ok(None);
        };
        let version = cx
            .versions
            .get(&*cx.deps.store, active, &state.tenant)
            .await?;
        let now = cx.now();
        Ok(version
            .timetable
            .as_ref()
            .filter(|timetable| !timetable.is_continuous())
            .and_then(|timetable| timetable.next(state.last_scheduled, state.scheduled_since, now)))
    }

    /// An id that no run in memory and none of this turn has: so many runs are made in one
    /// millisecond at midnight that some draw the same.
    pub(crate) fn new_run_id(&self, cx: &mut Context) -> RunId {
        loop {
            let id = cx.run_id();
            let is_taken =
                self.runs.contains_key(&id) || self.changes.new_runs.iter().any(|new| new.id == id);
            if !is_taken {
                return id;
            }
        }
    }

    /// Makes a run of a DAG's active version, queued.
    pub(crate) async fn make_run(
        &mut self,
        cx: &mut Context,
        dag: DagKey,
        logical_date: Timestamp,
        interval: (Timestamp, Timestamp),
        kind: RunKind,
    ) -> Result<(), StoreError> {
        let Some(state) = self.dags.get(&dag).map(|entry| entry.state.clone()) else {
            return Ok(());
        };
        let Some(active) = state.active else {
            return Ok(());
        };
        let version = cx
            .versions
            .get(&*cx.deps.store, active, &state.tenant)
            .await?;
        let params: Arc<str> = match version.dag.resolve_params(&Map::new()) {
            Ok(params) => Value::Object(params).to_string().into(),
            Err(problems) => {
                let problems: Vec<String> = problems
                    .iter()
                    .map(|problem| problem.message.clone())
                    .collect();
                tracing::error!(dag = %state.id, problems = problems.join("; "), "a scheduled run can't be made: its parameters have no defaults");
                return Ok(());
            }
        };
        let now = cx.now();
        let id = self.new_run_id(cx);
        // Nobody asked for the run: its trace begins here.
        let span = tracing::info_span!("make_run", tenant = %state.tenant, dag = %state.id, run = %id, kind = ?kind, logical_date = %logical_date);
        let new = NewRun {
            id,
            tenant: state.tenant,
            dag,
            version: active,
            kind,
            logical_date,
            interval,
            params,
            not_before: now,
            created: now,
            trace: weft_trace::of(&span).map(|trace| trace.to_string().into()),
        };
        let room = self.dags.get(&dag).is_some_and(|entry| entry.room() > 0);
        self.changes.new_runs.push(new.clone());
        self.changes.urgent = true;
        // It starts in the same turn where it may; otherwise it waits in the database.
        if room {
            self.start(cx, as_stored(new), version);
        }
        Ok(())
    }
}
