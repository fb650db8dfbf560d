//! Spans and the services' own log lines, sent to an OpenTelemetry collector
//! (OTLP over HTTP, in protobuf).
//!
//! What is to be sent waits in bounded queues that drop what does not fit, and
//! goes out in batches from threads of their own; the standard variables
//! (`OTEL_BSP_*`, `OTEL_BLRP_*`, `OTEL_TRACES_SAMPLER`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`, `OTEL_EXPORTER_OTLP_HEADERS`)
//! say how. What tasks print is not sent: it is their tenants'.

use crate::collector::Collector;
use opentelemetry::{Key, KeyValue, trace::TracerProvider as _};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{Resource, logs::SdkLoggerProvider, trace::SdkTracerProvider};
use std::time::Duration;
use tokio::{runtime::Handle, task::spawn_blocking};
use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, filter_fn},
    registry::LookupSpan,
};

/// What the SDK calls a service that has no name.
const UNNAMED: &str = "unknown_service";
/// What spans' and lines' targets begin with where they are Weft's own: the
/// exporter's requests are not, or they would beget themselves.
const OWN_TARGETS: [&str; 2] = ["weft", "wfctl"];

/// Who sends.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `service.name`, unless the environment says another.
    pub service: &'static str,
    /// `service.version`.
    pub version: &'static str,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
#[error("nothing can be sent to the collector {endpoint}: {why}")]
pub struct ExportError {
    endpoint: String,
    why: ExporterBuildError,
}

/// A running export. What it has at its end is sent by [`Self::end`], or lost.
#[derive(Debug)]
pub struct Export {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

impl Export {
    /// Begins to send to the collector at `endpoint`: a URL, below which
    /// `v1/traces` and `v1/logs` are. Requests are made by `http` on `runtime`.
    ///
    /// # Errors
    /// The endpoint is no URL. A collector that doesn't answer is no error: it may later.
    pub fn start(
        endpoint: &str,
        identity: &Identity,
        http: &reqwest::Client,
        runtime: &Handle,
    ) -> Result<Self, ExportError> {
        let refused = |why| ExportError {
            endpoint: endpoint.to_owned(),
            why,
        };
        let below = |signal: &str| format!("{}/v1/{signal}", endpoint.trim_end_matches('/'));
        let collector = || Collector {
            http: http.clone(),
            runtime: runtime.clone(),
        };
        let spans = SpanExporter::builder()
            .with_http()
            .with_http_client(collector())
            .with_endpoint(below("traces"))
            .build()
            .map_err(refused)?;
        let lines = LogExporter::builder()
            .with_http()
            .with_http_client(collector())
            .with_endpoint(below("logs"))
            .build()
            .map_err(refused)?;
        let resource = resource(identity);
        Ok(Self {
            traces: SdkTracerProvider::builder()
                .with_batch_exporter(spans)
                .with_resource(resource.clone())
                .build(),
            logs: SdkLoggerProvider::builder()
                .with_batch_exporter(lines)
                .with_resource(resource)
                .build(),
        })
    }

    /// Takes spans.
    pub fn spans<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.traces.tracer("weft"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(own(Wanted::Spans))
    }

    /// Takes log lines, each with the span that it was written in.
    pub fn lines<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        OpenTelemetryTracingBridge::new(&self.logs).with_filter(own(Wanted::Lines))
    }

    /// Sends what is left, and gives up `within` this time.
    pub async fn end(self, within: Duration) {
        let ended = spawn_blocking(move || {
            // Each may take half, since one waits for the other.
            (
                self.traces.shutdown_with_timeout(within / 2),
                self.logs.shutdown_with_timeout(within / 2),
            )
        });
        match ended.await {
            Ok((Ok(()), Ok(()))) => {}
            Ok((traces, logs)) => {
                let why = traces.and(logs).err();
                tracing::warn!(
                    ?why,
                    operation = "export telemetry",
                    "not all spans and log lines reached the collector"
                );
            }
            Err(error) => {
                tracing::error!(%error, operation = "export telemetry", "the export did not end as it should");
            }
        }
    }
}

/// What a layer takes.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Spans,
    Lines,
}

/// Weft's own spans or lines, from the level `info` on.
fn own(wanted: Wanted) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata: &Metadata<'_>| {
        let is_wanted = match wanted {
            Wanted::Spans => metadata.is_span(),
            Wanted::Lines => metadata.is_event(),
        };
        let target = metadata.target();
        is_wanted
            && *metadata.level() <= Level::INFO
            && OWN_TARGETS.iter().any(|own| target.starts_with(own))
    })
    .with_max_level_hint(LevelFilter::INFO)
}

/// What the environment says of this process, completed.
fn resource(identity: &Identity) -> Resource {
    let said = Resource::builder().build();
    let name = said.get(&Key::from_static_str("service.name"));
    let is_named = name.is_some_and(|name| !name.as_str().starts_with(UNNAMED));
    let mut resource = Resource::builder();
    if !is_named {
        resource = resource.with_service_name(identity.service);
    }
    if said.get(&Key::from_static_str("service.version")).is_none() {
        resource = resource.with_attribute(KeyValue::new("service.version", identity.version));
    }
    resource.build()
}
