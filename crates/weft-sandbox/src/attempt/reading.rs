//! Reads what a guest returned: checks it, parses control documents, and turns
//! an author's failure into ours.

use super::{AttemptFailure, AttemptOutcome, DeferUntil, FailureKind};
use crate::{
    dag::{RawFailure, RawOutcome},
    failure, json,
    state::HostState,
};
use weft_core::{
    asset::AssetUpdate,
    contract::{Control, FailureDetails, Wake},
    limit::Limits,
};

/// What an attempt returned.
pub(super) struct Returned {
    pub(super) outcome: AttemptOutcome,
    /// What it said of assets, if it succeeded.
    pub(super) updates: Vec<AssetUpdate>,
}

impl From<AttemptOutcome> for Returned {
    fn from(outcome: AttemptOutcome) -> Self {
        Self {
            outcome,
            updates: Vec::new(),
        }
    }
}

/// What `run` returned when it succeeded.
pub(super) fn returned(raw: RawOutcome, state: &HostState, limits: &Limits) -> Returned {
    let Returned { outcome, updates } = match raw {
        RawOutcome::Success(output) => AttemptOutcome::Success { output }.into(),
        RawOutcome::Control(text) => {
            control(&text).unwrap_or_else(|failure| AttemptOutcome::Failed(failure).into())
        }
    };
    let outcome = checked(outcome, state, limits);
    if let AttemptOutcome::Failed(_) = outcome {
        return outcome.into();
    }
    Returned { outcome, updates }
}

fn control(text: &str) -> Result<Returned, AttemptFailure> {
    let invalid = |problem: String| {
        AttemptFailure::new(
            FailureKind::InvalidOutput,
            format!("the task returned a control document that can't be used: {problem}"),
        )
    };
    json::check(text).map_err(|error| invalid(error.to_string()))?;
    let mut updates = Vec::new();
    let outcome = match Control::parse(text).map_err(|error| invalid(error.to_string()))? {
        Control::Skip { reason } => AttemptOutcome::Skipped { reason },
        Control::Update { assets, output } => {
            updates = assets;
            AttemptOutcome::Success { output }
        }
        Control::Branch { tasks, output } => AttemptOutcome::Branch {
            tasks: tasks.iter().map(|task| task.as_str().to_owned()).collect(),
            output,
        },
        Control::Defer { wake, state } => AttemptOutcome::Deferred {
            until: match wake {
                Wake::At(time) => DeferUntil::At(time),
                Wake::After(span) => DeferUntil::After(span),
                Wake::On { wait, timeout } => DeferUntil::On { wait, timeout },
                Wake::Updated {
                    asset,
                    partition,
                    since,
                    timeout,
                } => DeferUntil::Updated {
                    asset,
                    partition,
                    since,
                    timeout,
                },
                Wake::Called { call, timeout } => DeferUntil::Called { call, timeout },
                Wake::Asked { request, timeout } => DeferUntil::Asked {
                    request: Box::new(request),
                    timeout,
                },
            },
            state,
        },
    };
    Ok(Returned { outcome, updates })
}

/// The outcome, if its data is within the limits and names only artifacts that
/// the attempt has.
pub(super) fn checked(
    mut outcome: AttemptOutcome,
    state: &HostState,
    limits: &Limits,
) -> AttemptOutcome {
    if let AttemptOutcome::Failed(failure) = &mut outcome {
        failure::explain(failure, state, limits);
    }
    let data = match &outcome {
        AttemptOutcome::Success { output } | AttemptOutcome::Branch { output, .. } => output,
        AttemptOutcome::Deferred { state, .. } => state,
        AttemptOutcome::Skipped { .. } | AttemptOutcome::Failed(_) => return outcome,
    };
    match check_data(data, state, limits) {
        Ok(()) => outcome,
        Err(failure) => AttemptOutcome::Failed(failure),
    }
}

fn check_data(data: &str, state: &HostState, limits: &Limits) -> Result<(), AttemptFailure> {
    if data.len() as u64 > limits.output_bytes {
        return Err(failure::output(limits, Some(data.len())));
    }
    json::check(data).map_err(|error| {
        AttemptFailure::new(
            FailureKind::InvalidOutput,
            format!("the output is not acceptable JSON: {error}"),
        )
    })?;
    match state.artifacts.foreign_reference(data) {
        None => Ok(()),
        Some(reference) => {
            let mut name = reference.to_string();
            failure::cut(&mut name, 100);
            Err(AttemptFailure::new(
                FailureKind::Denied,
                format!(
                    "the output names the artifact {name:?}, which this task was not given and did not make"
                ),
            ))
        }
    }
}

/// What `run` returned when the author's code failed. Where something had been
/// refused for want of a grant, the message ends with the grant to add.
pub(super) fn failure(raw: RawFailure, state: &HostState, limits: &Limits) -> AttemptFailure {
    let mut message = raw.message;
    failure::cut(&mut message, AttemptFailure::MAX_MESSAGE_BYTES);
    let mut failure = AttemptFailure::new(FailureKind::Author, message);
    failure.retryable = raw.retryable;
    match raw.more.as_deref().map(FailureDetails::parse) {
        None => {}
        Some(Ok(more)) => {
            failure.retry_after = more.retry_after;
            failure.details = more.details;
        }
        Some(Err(error)) => {
            failure.message = format!("{} (its details can't be used: {error})", failure.message);
        }
    }
    failure::explain(&mut failure, state, limits);
    failure
}
