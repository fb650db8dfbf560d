//! Task instances and their attempts.

use crate::{
    ports::Reason,
    view::run::{note, state_of as run_state},
};
use serde::Serialize;
use weft_api as api;
use weft_core::document::Task;
use weft_store::{InstanceTag, Output};
use weft_store_sql::{AttemptView, InstanceView, RunRow};

/// An instance as it travels.
pub(crate) fn instance(task: &Task, view: &InstanceView) -> api::Instance {
    api::Instance {
        task: task.id.to_string(),
        index: view.instance.index,
        state: state_of(view.state),
        cause: Some(view.cause.clone()),
        attempt: view.number,
        queued: view.queued.map(api::Time),
        started: view.started.map(api::Time),
        ended: view.ended.map(api::Time),
        due: view.due.map(api::Time),
        waits_for: view.wait.clone(),
        worker: view.worker.as_deref().map(str::to_owned),
        output: view.output.as_ref().map(output),
        error: view.error.as_deref().map(failure),
        usage: view.usage.as_deref().and_then(usage),
        has_log: view.log.is_some(),
        note: view.note.as_ref().map(note),
    }
}

/// An instance that has no row: it waits.
pub(crate) fn waiting(task: &Task, index: u32) -> api::Instance {
    api::Instance {
        task: task.id.to_string(),
        index,
        state: api::InstanceState::Waiting,
        cause: None,
        attempt: 0,
        queued: None,
        started: None,
        ended: None,
        due: None,
        waits_for: None,
        worker: None,
        output: None,
        error: None,
        usage: None,
        has_log: false,
        note: None,
    }
}

/// An earlier attempt as it travels.
pub(crate) fn attempt(view: &AttemptView) -> api::Attempt {
    api::Attempt {
        number: view.number,
        end: Some(view.end.clone()),
        queued: view.queued.map(api::Time),
        started: view.started.map(api::Time),
        ended: view.ended.map(api::Time),
        worker: view.worker.as_deref().map(str::to_owned),
        error: view.error.as_deref().map(failure),
        usage: view.usage.as_deref().and_then(usage),
        has_log: view.log.is_some(),
    }
}

/// The current attempt, which is in the instance's row.
pub(crate) fn current_attempt(view: &InstanceView) -> api::Attempt {
    api::Attempt {
        number: view.number,
        end: None,
        queued: view.queued.map(api::Time),
        started: view.started.map(api::Time),
        ended: view.ended.map(api::Time),
        worker: view.worker.as_deref().map(str::to_owned),
        error: view.error.as_deref().map(failure),
        usage: view.usage.as_deref().and_then(usage),
        has_log: view.log.is_some(),
    }
}

/// Why an instance of a run that has ended does not run.
pub(crate) fn of_ended_run(run: &RunRow, row: Option<&InstanceView>) -> Reason {
    let ended = run
        .ended
        .map_or_else(String::new, |ended| format!(" at {ended}"));
    let state = row.map_or_else(
        || "was never started".to_owned(),
        |row| format!("stands as {}", named(&state_of(row.state))),
    );
    Reason {
        code: "run_ended".into(),
        message: format!(
            "the run ended as {}{ended}; this instance {state}",
            named(&run_state(run.state))
        ),
        help: Some("clear its task to run it again, or trigger another run".into()),
    }
}

/// Why no instance of a run goes on that no scheduler can continue.
pub(crate) fn of_held_run(run: &RunRow, why: &str) -> Reason {
    Reason {
        code: "run_held".into(),
        message: format!("the run is held aside, since it can't be continued: {why}"),
        help: Some(format!(
            "restart with a version of Weft that can read it, or end it: wfctl runs fail {} --force",
            run.id
        )),
    }
}

/// A state's name in the API.
fn named(state: &impl Serialize) -> String {
    let name = serde_json::to_value(state).ok();
    name.and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// A stored state as it travels.
pub(crate) const fn state_of(tag: InstanceTag) -> api::InstanceState {
    match tag {
        InstanceTag::Queued => api::InstanceState::Queued,
        InstanceTag::Running => api::InstanceState::Running,
        InstanceTag::UpForRetry => api::InstanceState::UpForRetry,
        InstanceTag::Deferred => api::InstanceState::Deferred,
        InstanceTag::Ready => api::InstanceState::Ready,
        InstanceTag::Success => api::InstanceState::Success,
        InstanceTag::Failed => api::InstanceState::Failed,
        InstanceTag::Skipped => api::InstanceState::Skipped,
        InstanceTag::UpstreamFailed => api::InstanceState::UpstreamFailed,
        InstanceTag::Cancelled => api::InstanceState::Cancelled,
    }
}

/// The stored state that a filter names; none of those that have no rows.
pub(crate) const fn tag_of(state: api::InstanceState) -> Option<InstanceTag> {
    match state {
        api::InstanceState::Waiting | api::InstanceState::Expanding => None,
        api::InstanceState::Ready => Some(InstanceTag::Ready),
        api::InstanceState::Queued => Some(InstanceTag::Queued),
        api::InstanceState::Running => Some(InstanceTag::Running),
        api::InstanceState::UpForRetry => Some(InstanceTag::UpForRetry),
        api::InstanceState::Deferred => Some(InstanceTag::Deferred),
        api::InstanceState::Success => Some(InstanceTag::Success),
        api::InstanceState::Failed => Some(InstanceTag::Failed),
        api::InstanceState::Skipped => Some(InstanceTag::Skipped),
        api::InstanceState::UpstreamFailed => Some(InstanceTag::UpstreamFailed),
        api::InstanceState::Cancelled => Some(InstanceTag::Cancelled),
    }
}

/// Counts one instance of a state.
pub(crate) const fn count_one(counts: &mut api::Counts, state: api::InstanceState) {
    let place = match state {
        api::InstanceState::Waiting => &mut counts.waiting,
        api::InstanceState::Expanding => &mut counts.expanding,
        api::InstanceState::Ready => &mut counts.ready,
        api::InstanceState::Queued => &mut counts.queued,
        api::InstanceState::Running => &mut counts.running,
        api::InstanceState::UpForRetry => &mut counts.up_for_retry,
        api::InstanceState::Deferred => &mut counts.deferred,
        api::InstanceState::Success => &mut counts.success,
        api::InstanceState::Failed => &mut counts.failed,
        api::InstanceState::Skipped => &mut counts.skipped,
        api::InstanceState::UpstreamFailed => &mut counts.upstream_failed,
        api::InstanceState::Cancelled => &mut counts.cancelled,
    };
    *place += 1;
}

fn output(output: &Output) -> api::OutputRef {
    match output {
        Output::Inline(text) => api::OutputRef {
            bytes: text.len() as u64,
            digest: None,
        },
        Output::Blob { digest, bytes } => api::OutputRef {
            bytes: *bytes,
            digest: Some(digest.to_string()),
        },
    }
}

/// Of an instance that failed for good: why.
pub(crate) fn why_it_failed(view: &InstanceView) -> Option<Reason> {
    let error = view
        .error
        .as_deref()
        .filter(|_| view.state == InstanceTag::Failed)?;
    let failure = failure(error);
    Some(Reason {
        code: failure.code,
        message: failure.message,
        help: None,
    })
}

/// The failure in the column; one that another version wrote becomes its text.
fn failure(json: &str) -> api::InstanceFailure {
    serde_json::from_str(json).unwrap_or_else(|_other_shape| api::InstanceFailure {
        code: "unknown".into(),
        message: json.to_owned(),
        details: None,
        backtrace: None,
    })
}

/// The usage in the column, which may hold more fields than the API shows.
fn usage(json: &str) -> Option<api::Usage> {
    serde_json::from_str(json).ok()
}
