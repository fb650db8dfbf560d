//! Where a service's spans and log lines go.

/// Where telemetry goes.
#[derive(Debug, clap::Args)]
pub(crate) struct TelemetryArgs {
    /// Where spans and log lines are sent, by OTLP over HTTP, such as `http://127.0.0.1:4318`
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
}

impl TelemetryArgs {
    /// An empty variable is as good as none.
    pub(super) fn collector(&self) -> Option<&str> {
        let endpoint = self.otlp_endpoint.as_deref();
        endpoint.filter(|url| !url.is_empty())
    }
}
