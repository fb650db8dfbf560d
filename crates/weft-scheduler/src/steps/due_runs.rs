//! Runs that timetables create.

use super::{events::RunEvents, start};
use crate::{
    context::Context,
    limits::MAX_QUEUED_SCHEDULED_RUNS,
    shard::{batch::Batch, dag_entry::DagEntry, runs::Runs, schedule::Schedule},
    versions::Version,
};
use serde_json::{Map, Value};
use std::sync::Arc;
use weft_core::{
    run_id::RunId,
    time::Timestamp,
    timetable::{Due, Timetable},
};
use weft_store::{Caller, DagKey, NewRun, RunKind, StoredRun, Taken, TimetableUpdate};

/// Whether a DAG's timetable may create runs.
pub(crate) fn may_create_runs(runs: &Runs, dag: DagKey) -> bool {
    runs.dag(dag).is_some_and(|entry| !entry.state().paused)
}

/// Plans the next scheduled run of a DAG; `version` is its active version, if its timetable may
/// create runs.
pub(crate) fn plan_next_run(
    runs: &mut Runs,
    schedule: &mut Schedule,
    dag: DagKey,
    version: Option<&Version>,
    now: Timestamp,
) {
    let Some(entry) = runs.dag_mut(dag) else {
        return;
    };
    let next = version.and_then(|version| next_run(entry, version, now));
    let next = next.map(|due| due.due);
    entry.set_next_due(next);
    if let Some(at) = next {
        schedule.set_timetable(at, dag);
    }
}

/// Whether another scheduled run fits into the DAG's queue; `stored` is how many the
/// database has.
pub(crate) fn make_queue_room(runs: &mut Runs, batch: &Batch, dag: DagKey, stored: u32) -> bool {
    let queued = batch.new_runs_of(dag).filter(|run| !runs.contains(*run));
    let queued = u32::try_from(queued.count()).unwrap_or(u32::MAX);
    let room = MAX_QUEUED_SCHEDULED_RUNS.saturating_sub(stored.saturating_add(queued));
    if let Some(entry) = runs.dag_mut(dag) {
        entry.set_queue_room(room);
    }
    room > 0
}

/// Creates the scheduled run of a DAG that was due by `now`, and plans the next one.
pub(crate) fn create_due_run(
    events: &mut RunEvents<'_>,
    dag: DagKey,
    version: Option<&Arc<Version>>,
    now: Timestamp,
) {
    let due = version.and_then(|version| {
        let due = next_run(events.runs.dag(dag)?, version, events.cx.now())?;
        (due.due <= now).then_some((version, due))
    });
    if let Some((version, due)) = &due {
        create_run(
            events,
            dag,
            version,
            RunOf::schedule(due.logical_date, due.interval),
        );
        events.cx.heartbeat.metrics.record_run_lag(due.due, now);
        if let Some(entry) = events.runs.dag_mut(dag) {
            entry.set_last_scheduled(due.logical_date);
        }
    }
    let planned_at = events.cx.now();
    let version = version.map(|version| &**version);
    plan_next_run(events.runs, events.schedule, dag, version, planned_at);
    if let Some((_version, due)) = due {
        events.batch.update_timetable(TimetableUpdate {
            dag,
            last_scheduled: due.logical_date,
            next: events.runs.dag(dag).and_then(DagEntry::next_due),
        });
    }
}

fn next_run(entry: &DagEntry, version: &Version, now: Timestamp) -> Option<Due> {
    let timetable: &Timetable = version.timetable.as_ref()?;
    if timetable.is_continuous() {
        return None;
    }
    let state = entry.state();
    timetable.next(state.last_scheduled, state.scheduled_since, now)
}

/// What sets a new run apart from others of its DAG's active version.
pub(crate) struct RunOf {
    /// Its id; drawn if there is none.
    pub(crate) id: Option<RunId>,
    pub(crate) kind: RunKind,
    pub(crate) logical_date: Timestamp,
    pub(crate) interval: (Timestamp, Timestamp),
    /// A JSON object, defaults filled in; the defaults alone if there is none.
    pub(crate) params: Option<Arc<str>>,
    pub(crate) caller: Option<Caller>,
    /// The updates of assets that it is made of.
    pub(crate) taken: Vec<Taken>,
}

impl RunOf {
    /// The run of a timetable.
    pub(crate) const fn schedule(
        logical_date: Timestamp,
        interval: (Timestamp, Timestamp),
    ) -> Self {
        Self {
            id: None,
            kind: RunKind::Scheduled,
            logical_date,
            interval,
            params: None,
            caller: None,
            taken: Vec::new(),
        }
    }
}

/// Creates a queued run of a DAG's active version. It starts in the same turn if the DAG's bound
/// allows it and no earlier one may wait; otherwise it waits in the database.
pub(crate) fn create_run(
    events: &mut RunEvents<'_>,
    dag: DagKey,
    version: &Arc<Version>,
    of: RunOf,
) {
    let RunOf {
        id,
        kind,
        logical_date,
        interval,
        params,
        caller,
        taken,
    } = of;
    let Some(entry) = events.runs.dag(dag) else {
        return;
    };
    let has_room = entry.startable_runs() > 0 && !events.schedule.is_startable(dag);
    let state = entry.state().clone();
    let Some(active) = state.active else {
        return;
    };
    let params = params.map_or_else(|| resolve_params(version, &Map::new()), Ok);
    let params = match params {
        Ok(params) => params,
        Err(problems) => {
            tracing::error!(dag = %state.id, problems, operation = "create run", "a parameter of the DAG has no default; the scheduled run is not created");
            return;
        }
    };
    let now = events.cx.now();
    let concurrency_key = version
        .dag
        .concurrency
        .key_of(&params)
        .unwrap_or_else(|error| {
            tracing::error!(dag = %state.id, %error, operation = "create run", "the run gets no concurrency key");
            None
        });
    let may_start = has_room && start::may_start(events.runs, dag, concurrency_key.as_ref(), now);
    let id = id.unwrap_or_else(|| draw_free_run_id(events.cx, events.runs, events.batch));
    // No request caused the run, so its trace begins here.
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
        concurrency_key,
        not_before: now,
        created: now,
        trace: weft_trace::of(&span).map(|trace| trace.to_string().into()),
        caller,
        taken,
    };
    events.batch.add_run(new.clone());
    if may_start {
        if let Err(error) = start::start_run(events, stored_form(new), Arc::clone(version)) {
            tracing::error!(run = %id, error, operation = "start run", "a new run can't be started; it stays queued");
        }
        return;
    }
    if has_room {
        // Its key holds it back: what starts runs looks when that ends.
        events.schedule.mark_startable(dag);
    }
    if let Some(entry) = events.runs.dag_mut(dag) {
        entry.record_queued();
    }
}

/// The parameters of a run as they are stored, defaults filled in; the error lists every problem.
pub(crate) fn resolve_params(
    version: &Version,
    given: &Map<String, Value>,
) -> Result<Arc<str>, String> {
    match version.dag.resolve_params(given) {
        Ok(params) => Ok(Value::Object(params).to_string().into()),
        Err(problems) => {
            let problems = problems.iter().map(|problem| problem.message.as_str());
            Err(problems.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Draws an id that no run in memory or in this turn has. Many runs are created in one
/// millisecond at midnight, and some draw the same id.
pub(crate) fn draw_free_run_id(cx: &mut Context, runs: &Runs, batch: &Batch) -> RunId {
    loop {
        let id = cx.draw_run_id();
        if !runs.contains(id) && !batch.has_new_run(id) {
            return id;
        }
    }
}

/// A run that this turn creates, as if it had been read.
fn stored_form(new: NewRun) -> StoredRun {
    StoredRun {
        id: new.id,
        tenant: new.tenant,
        dag: new.dag,
        version: new.version,
        kind: new.kind,
        logical_date: new.logical_date,
        interval: new.interval,
        params: new.params,
        concurrency_key: new.concurrency_key,
        not_before: new.not_before,
        created: new.created,
        trace: new.trace,
        caller: new.caller,
        events: Vec::new(),
        next_seq: 1,
    }
}
