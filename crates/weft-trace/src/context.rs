//! Spans under a parent that another process recorded, or this one earlier.

use crate::Traceparent;
use opentelemetry::{Context, trace::TraceContextExt as _};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Puts a span that nothing has entered yet under this parent. Does nothing if
/// spans are not exported.
pub fn adopt(span: &Span, parent: &Traceparent) {
    let context = Context::new().with_remote_span_context(parent.context());
    // Refused if spans, or this one, are not exported.
    let _unexported = span.set_parent(context);
}

/// The position of a span, as the parent of later ones; `None` if spans are not
/// exported. The span's parent is settled from now on.
pub fn of(span: &Span) -> Option<Traceparent> {
    Traceparent::of(span.context().span().span_context())
}
