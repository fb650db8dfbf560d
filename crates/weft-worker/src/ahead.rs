//! Instances that run ahead with an attempt, before its end is reported (`weft_core::run_ahead`).
//!
//! They run one after the other on the slot and under the lease of the attempt, and their ends travel
//! with its report. They get little time, since the report waits for them; what is not done by then
//! is dropped, and dispatched as any other instance.

use crate::{
    attempt::{Execution, Killed},
    span,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::Instant};
use tracing::Instrument as _;
use weft_broker::{AheadReport, Dispatch, Output, ReportedOutcome};

/// How long all of them together may run.
const AHEAD_TIME: Duration = Duration::from_millis(20);

/// Runs what may run ahead with an attempt that ended so, in order, until the time is over, the next one
/// needs a success that there was not, or the attempt was revoked.
pub(crate) async fn run(
    before: &Dispatch,
    outcome: &ReportedOutcome,
    execution: &Execution,
    killed: &mut oneshot::Receiver<()>,
) -> Vec<AheadReport> {
    let until = Instant::now() + AHEAD_TIME;
    let mut reports = Vec::new();
    let nothing: Arc<str> = "null".into();
    let mut output = passed_on(outcome);
    for ahead in &before.ahead {
        let input = output.or_else(|| (!ahead.on_success).then_some(&nothing));
        let Some(Ok(dispatch)) = input.map(|output| before.ahead_on(ahead, output)) else {
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
            instance: ahead.instance,
            number: ahead.number,
            outcome: end.outcome,
            usage: end.usage,
            log: end.log,
            artifacts: end.artifacts,
            updates: end.updates,
        });
        output = reports.last().and_then(|report| passed_on(&report.outcome));
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
