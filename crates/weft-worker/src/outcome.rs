//! The reported outcome of an attempt. A large output is stored in the blob store before the
//! report is sent.

use crate::{backoff, deps::now, failure, failure::Retry};
use bytes::Bytes;
use weft_blob::{BlobError, Blobs, Kind};
use weft_broker::{Failure, Output, ReportedOutcome, Usage};
use weft_core::{
    id::{TaskId, TenantId},
    time::Timestamp,
    wait::Wait,
};
use weft_sandbox::{AttemptFailure, AttemptOutcome, DeferUntil, FailureKind};

/// Retries of storing an output while the blob store is full or unavailable.
const MAX_RETRIES: usize = 7;

/// The outcome to report of an attempt that began at `started`.
pub(crate) async fn reported(
    outcome: AttemptOutcome,
    started: Timestamp,
    tenant: &TenantId,
    blobs: &Blobs,
) -> ReportedOutcome {
    match outcome {
        AttemptOutcome::Success { output } => match keep(output, tenant, blobs).await {
            Ok(output) => ReportedOutcome::Success { output },
            Err(failure) => ReportedOutcome::Failed(failure),
        },
        AttemptOutcome::Skipped { reason } => ReportedOutcome::Skipped { reason },
        AttemptOutcome::Branch { tasks, output } => {
            let tasks = match ids(&tasks) {
                Ok(tasks) => tasks,
                Err(failure) => return ReportedOutcome::Failed(failure),
            };
            match keep(output, tenant, blobs).await {
                Ok(output) => ReportedOutcome::Branch { tasks, output },
                Err(failure) => ReportedOutcome::Failed(failure),
            }
        }
        AttemptOutcome::Deferred { until, state } => {
            let (mut call, mut approval) = (None, None);
            let (span, wait) = match until {
                DeferUntil::At(at) => {
                    return ReportedOutcome::Deferred {
                        until: Some(at),
                        wait: None,
                        call: None,
                        approval: None,
                        state: state.into(),
                    };
                }
                DeferUntil::After(span) => (Some(span), None),
                DeferUntil::On { wait, timeout } => (timeout, Some(wait)),
                DeferUntil::Updated {
                    asset,
                    partition,
                    since,
                    timeout,
                } => {
                    let since = since.unwrap_or(started);
                    let wait = Wait::Asset {
                        asset,
                        partition,
                        since,
                    };
                    (timeout, Some(wait))
                }
                DeferUntil::Called { call: run, timeout } => {
                    call = Some(run);
                    (timeout, None)
                }
                DeferUntil::Asked { request, timeout } => {
                    approval = Some(request.to_json().into());
                    let default = request.default;
                    (timeout, Some(Wait::Approval { default }))
                }
            };
            ReportedOutcome::Deferred {
                until: span.map(|span| now().plus(span)),
                wait,
                call,
                approval,
                state: state.into(),
            }
        }
        AttemptOutcome::Failed(failure) => ReportedOutcome::Failed(failed(failure)),
    }
}

fn ids(tasks: &[String]) -> Result<Vec<TaskId>, Failure> {
    tasks
        .iter()
        .map(|task| {
            task.parse().map_err(|error| {
                let message = format!("the branch names {task:?}, which is no task: {error}");
                failure::failure(FailureKind::InvalidOutput.code(), Retry::IsVain, message)
            })
        })
        .collect()
}

/// A small output inline, a large one in the blob store.
async fn keep(output: String, tenant: &TenantId, blobs: &Blobs) -> Result<Output, Failure> {
    if output.len() <= Output::MAX_INLINE_BYTES {
        return Ok(Output::Inline(output.into()));
    }
    let bytes = Bytes::from(output);
    let size = bytes.len() as u64;
    let mut delays = backoff::delays(backoff::FIRST).take(MAX_RETRIES);
    loop {
        let stored = blobs.put(Kind::Output, tenant, bytes.clone()).await;
        match stored {
            Ok(digest) => {
                return Ok(Output::Blob {
                    digest,
                    bytes: size,
                });
            }
            Err(error) => {
                if let BlobError::Full { .. } | BlobError::Unavailable { .. } = error
                    && let Some(delay) = delays.next()
                {
                    tokio::time::sleep(delay).await;
                    continue;
                }
                return Err(failure::internal(format!(
                    "the task succeeded, and its output of {size} bytes can't be kept: {error}"
                )));
            }
        }
    }
}

fn failed(failure: AttemptFailure) -> Failure {
    let AttemptFailure {
        kind,
        retryable,
        message,
        retry_after,
        details,
        backtrace,
    } = failure;
    Failure {
        code: kind.code().into(),
        retryable,
        message,
        retry_after,
        details,
        backtrace,
    }
}

/// The usage of an attempt, in the units of a report.
pub(crate) fn usage(started: Timestamp, usage: &weft_sandbox::Usage) -> Usage {
    let micros = |span: std::time::Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Usage {
        started,
        wall_us: micros(usage.wall),
        cpu_us: micros(usage.cpu),
        memory_peak_bytes: usage.memory_peak_bytes,
        fuel: usage.fuel,
        log_bytes: usage.log_bytes,
        bytes_in: usage.bytes_in,
        bytes_out: usage.bytes_out,
    }
}
