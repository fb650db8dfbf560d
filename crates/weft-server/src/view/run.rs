//! Runs and commands.

use crate::problem::Problem;
use serde_json::{Map, Value};
use weft_api as api;
use weft_core::run::{Counts, RunState};
use weft_store::RunKind;
use weft_store_sql::{CommandOutcome, CommandRow, RunRow};

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
        kind: match row.kind {
            RunKind::Manual => api::RunKind::Manual,
            RunKind::Scheduled => api::RunKind::Scheduled,
            RunKind::Backfill => api::RunKind::Backfill,
        },
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
        held: held(row).map(str::to_owned),
    })
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
