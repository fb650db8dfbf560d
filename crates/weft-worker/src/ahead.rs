//! Tasks that run ahead on a success, before it is reported and committed (`weft_core::run_ahead`).
//!
//! They run one after the other on the slot and under the lease of the attempt before them, and their
//! ends travel with its report. They get little time, since the report waits for them; what is not
//! done by then is dropped, and dispatched as any other task once the success is committed.

use crate::{
    attempt::{Execution, Killed},
    span,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::Instant};
use tracing::Instrument as _;
use weft_broker::{AheadReport, Dispatch, Output, ReportedOutcome};

/// How long all tasks together may run ahead on one success.
const AHEAD_TIME: Duration = Duration::from_millis(20);

/// Runs what may follow on this success of `before`, in the order of the chain, until an attempt ends
/// otherwise, the time is over, or the attempt before is to stop.
pub(crate) async fn run(
    before: &Dispatch,
    outcome: &ReportedOutcome,
    execution: &Execution,
    killed: &mut oneshot::Receiver<()>,
) -> Vec<AheadReport> {
    let until = Instant::now() + AHEAD_TIME;
    let mut reports = Vec::new();
    let mut output = passed_on(outcome);
    for task in &before.ahead {
        let Some(Ok(dispatch)) = output.map(|output| before.ahead_on(task, output)) else {
            break;
        };
        if execution.cancel.is_cancelled() {
            break;
        }
        let span = span::attempt(&dispatch, Duration::ZERO);
        let run = execution.run(dispatch, killed, Some(until));
        let ended = run.instrument(span.clone()).await;
        // A task that was asked to stop may have ended otherwise than it would have.
        let Ok(end) = ended.map_err(|Killed { .. }| ()) else {
            break;
        };
        if execution.cancel.is_cancelled() {
            break;
        }
        span::ended(&span, &end.outcome);
        reports.push(AheadReport {
            task: task.task,
            number: task.number,
            outcome: end.outcome,
            usage: end.usage,
            log: end.log,
            artifacts: end.artifacts,
            updates: end.updates,
        });
        output = reports
            .last()
            .and_then(|report| passed_on(&report.outcome));
    }
    reports
}

/// The output that the next task of a chain may run on.
const fn passed_on(outcome: &ReportedOutcome) -> Option<&Arc<str>> {
    match outcome {
        ReportedOutcome::Success {
            output: Output::Inline(text),
        } => Some(text),
        _ => None,
    }
}
