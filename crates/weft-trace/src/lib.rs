//! A run is one trace: from its trigger to its last task.
//!
//! The services write spans with `tracing` and know nothing of their export.
//! What ties the spans of one run together over processes and
//! restarts is a [`Traceparent`], which is stored with the run and travels with
//! each attempt: [`adopt`] puts a span under one, [`of`] is the one of a span.
//! With the feature `export` the crate also sends spans, and the services' own
//! log lines, to an OpenTelemetry collector.
//!
//! No other crate knows OpenTelemetry. What always holds: no service waits for a
//! collector, queues for one are bounded, and without an export all of this
//! costs nothing.

#[cfg(feature = "export")]
mod collector;
mod context;
#[cfg(feature = "export")]
mod export;
mod traceparent;

#[cfg(feature = "export")]
pub use export::{Export, ExportError, Identity};
pub use {
    context::{adopt, of},
    traceparent::{NoTraceparent, Traceparent},
};
