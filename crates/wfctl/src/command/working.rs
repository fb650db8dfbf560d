//! What every process that runs tasks is told: `wfctl up` and `wfctl worker`.

use std::time::Duration;
use weft_core::time::DurationMs;

/// How tasks are run here.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkingArgs {
    /// Queues that are served, the first ones first
    #[arg(
        long,
        short = 'q',
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "default"
    )]
    pub(super) queues: Vec<String>,
    /// How many tasks run at once (default: 16 for each processor)
    #[arg(long, value_name = "N", env = "WEFT_SLOTS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) slots: Option<u32>,
    /// How long running tasks may go on after the process was asked to end
    #[arg(long, value_name = "TIME", default_value = "30s")]
    drain: DurationMs,
    /// Where spans and log lines are sent, by OTLP over HTTP, such as `http://127.0.0.1:4318`
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
}

impl WorkingArgs {
    pub(super) fn drain(&self) -> Duration {
        Duration::from(self.drain)
    }

    /// Where telemetry goes. An empty variable is as good as none.
    pub(super) fn collector(&self) -> Option<&str> {
        let endpoint = self.otlp_endpoint.as_deref();
        endpoint.filter(|url| !url.is_empty())
    }
}
