//! Runs and commands.

use crate::problem::Problem;
use serde_json::{Map, Value};
use weft_api as api;
use weft_core::{
    run::{Counts, RunState},
    time::Timestamp,
};
use weft_store::RunKind;
use weft_store_sql::{CommandOutcome, CommandRow, Note, RunBrief, RunRow};

/// A run as it travels.
pub(crate) fn run(row: &RunRow) -> Result<api::Run, Problem> {
    let params: Map<String, Value> = serde_json::from_str(&row.params).map_err(|error| {
        Problem::internal(format!(
            "the parameters of {} are no JSON object: {error}",
            row.id
        ))
    })?;
    Ok(api::Run {
        id: row.id.to_string(),
        dag: row.dag_id.to_string(),
        version: row.version_number,
        kind: kind_of(row.kind),
        state: state_of(row.state),
        logical_date: row.logical_date.into(),
        data_interval: api::Interval {
            start: row.interval.0.into(),
            end: row.interval.1.into(),
        },
        params,
        not_before: row.not_before.into(),
        created: row.created.into(),
        created_by: row.created_by.clone(),
        started: row.started.map(api::Time),
        ended: row.ended.map(api::Time),
        counts: counts(&row.counts),
        trace: row.trace.as_deref().map(str::to_owned),
        trace_url: None,
        deadline: None,
        held: held(row).map(str::to_owned),
        called_by: row.caller.map(|run| run.to_string()),
        // Runs of a DAG that counts as a whole have an empty one.
        concurrency_key: row
            .concurrency_key
            .as_deref()
            .filter(|key| !key.is_empty())
            .map(str::to_owned),
        waits_for: None,
        note: row.note.as_ref().map(note),
    })
}

/// A note as it travels.
pub(crate) fn note(note: &Note) -> api::Note {
    api::Note {
        text: note.text.clone(),
        by: note.by.clone(),
        at: note.at.into(),
    }
}

/// A run as lists that show many of them have it.
pub(crate) fn brief(row: &RunBrief) -> api::RunBrief {
    let span = row.started.zip(row.ended);
    api::RunBrief {
        id: row.id.to_string(),
        version: row.version_number,
        kind: kind_of(row.kind),
        state: state_of(row.state),
        logical_date: row.logical_date.into(),
        created: row.created.into(),
        started: row.started.map(api::Time),
        ended: row.ended.map(api::Time),
        duration_ms: span.and_then(|(started, ended)| span_ms(started, ended)),
    }
}

/// The time between two times, in milliseconds; none where the second is before the first.
pub(crate) fn span_ms(from: Timestamp, to: Timestamp) -> Option<u64> {
    u64::try_from(to.0.saturating_sub(from.0)).ok()
}

/// What made a run, as it travels.
pub(crate) const fn kind_of(kind: RunKind) -> api::RunKind {
    match kind {
        RunKind::Manual => api::RunKind::Manual,
        RunKind::Scheduled => api::RunKind::Scheduled,
        RunKind::Backfill => api::RunKind::Backfill,
        RunKind::Called => api::RunKind::Called,
        RunKind::Assets => api::RunKind::Assets,
    }
}

/// Why no scheduler can continue a run that has not ended.
pub(crate) fn held(row: &RunRow) -> Option<&str> {
    row.held.as_deref().filter(|_why| !row.state.is_ended())
}

/// A run's state as it travels: `Pending` is called queued.
pub(crate) const fn state_of(state: RunState) -> api::RunState {
    match state {
        RunState::Pending => api::RunState::Queued,
        RunState::Running => api::RunState::Running,
        RunState::Success => api::RunState::Success,
        RunState::Failed => api::RunState::Failed,
        RunState::Cancelled => api::RunState::Cancelled,
    }
}

/// A run's state as the domain has it.
pub(crate) const fn domain_state(state: api::RunState) -> RunState {
    match state {
        api::RunState::Queued => RunState::Pending,
        api::RunState::Running => RunState::Running,
        api::RunState::Success => RunState::Success,
        api::RunState::Failed => RunState::Failed,
        api::RunState::Cancelled => RunState::Cancelled,
    }
}

/// What made a run, as the database has it.
pub(crate) const fn domain_kind(kind: api::RunKind) -> RunKind {
    match kind {
        api::RunKind::Manual => RunKind::Manual,
        api::RunKind::Scheduled => RunKind::Scheduled,
        api::RunKind::Backfill => RunKind::Backfill,
        api::RunKind::Called => RunKind::Called,
        api::RunKind::Assets => RunKind::Assets,
    }
}

/// How instances stand.
pub(crate) const fn counts(counts: &Counts) -> api::Counts {
    let Counts {
        waiting,
        expanding,
        ready,
        queued,
        running,
        up_for_retry,
        deferred,
        success,
        failed,
        skipped,
        upstream_failed,
        cancelled,
    } = *counts;
    api::Counts {
        waiting,
        expanding,
        ready,
        queued,
        running,
        up_for_retry,
        deferred,
        success,
        failed,
        skipped,
        upstream_failed,
        cancelled,
    }
}

/// A command and what became of it.
pub(crate) fn command(row: &CommandRow) -> api::Command {
    let (state, refused) = match &row.outcome {
        CommandOutcome::Waiting => (api::CommandState::Accepted, None),
        CommandOutcome::CarriedOut(_) => (api::CommandState::Done, None),
        CommandOutcome::Refused(_, why) => (api::CommandState::Refused, Some(why.clone())),
    };
    api::Command {
        id: row.id.0,
        run: row.run.to_string(),
        state,
        refused,
    }
}
