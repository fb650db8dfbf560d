//! The span of an attempt in its run's trace, from its start to its end.
//!
//! It names what ran and how it ended, never what went in or came out: inputs,
//! outputs, messages and log lines are the tenant's.

use crate::metrics::Outcome;
use std::time::Duration;
use tracing::{Span, field::Empty};
use weft_broker::{Dispatch, ReportedOutcome};
use weft_trace::Traceparent;

/// The span of an attempt that starts now, in the trace of its run.
pub(crate) fn attempt(dispatch: &Dispatch, queue_wait: Duration) -> Span {
    let document = &dispatch.document;
    let span = tracing::info_span!(
        "attempt",
        tenant = %dispatch.tenant,
        dag = %document.dag,
        run = %dispatch.key.run,
        task = %document.task,
        map_index = document.map_index,
        number = dispatch.key.attempt.number,
        queue = %dispatch.queue,
        queue_wait_s = queue_wait.as_secs_f64(),
        outcome = Empty,
        failure = Empty,
        otel.status_code = Empty,
    );
    let parent = dispatch.trace.as_deref().map(str::parse::<Traceparent>);
    if let Some(Ok(parent)) = parent {
        weft_trace::adopt(&span, &parent);
    }
    span
}

/// Says in the span how the attempt ended.
pub(crate) fn ended(span: &Span, outcome: &ReportedOutcome) {
    span.record("outcome", Outcome::of(outcome).name());
    if let ReportedOutcome::Failed(failure) = outcome {
        span.record("failure", &*failure.code);
        span.record("otel.status_code", "ERROR");
    }
}
