//! Spans under a parent that another process, or an earlier time, has left.

use crate::Traceparent;
use opentelemetry::{Context, trace::TraceContextExt as _};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Puts a span that nothing has entered yet under this parent. Where nobody
/// exports spans nothing happens.
pub fn adopt(span: &Span, parent: &Traceparent) {
    let context = Context::new().with_remote_span_context(parent.context());
    // Refused: nobody exports, or not this span.
    let _unexported = span.set_parent(context);
}

/// The place of a span, for what follows from it; `None` where nobody exports
/// spans. The span's parent is settled from now on.
pub fn of(span: &Span) -> Option<Traceparent> {
    Traceparent::of(span.context().span().span_context())
}
