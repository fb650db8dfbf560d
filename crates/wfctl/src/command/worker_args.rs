//! Options of processes that run tasks: `wfctl up` and `wfctl worker`.

use super::telemetry::TelemetryArgs;
use bytesize::ByteSize;
use std::time::Duration;
use weft_core::time::DurationMs;

/// How this process runs tasks.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerProcessArgs {
    /// Queues that are served, the first ones first; NAME= is the queue that is named as the
    /// worker's label NAME, such as architecture=aarch64
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
    /// How much memory the tasks that run at once may ask for together, such as 8GiB (default:
    /// all that this machine, or its container, has); a task that asks for more runs elsewhere
    #[arg(long, value_name = "SIZE", env = "WEFT_MEMORY")]
    memory: Option<ByteSize>,
    /// How long running tasks may take after SIGTERM
    #[arg(long, value_name = "TIME", default_value = "30s")]
    drain: DurationMs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

impl WorkerProcessArgs {
    pub(super) fn drain(&self) -> Duration {
        Duration::from(self.drain)
    }

    /// In bytes.
    pub(super) fn memory(&self) -> Option<u64> {
        self.memory.map(|size| size.0)
    }

    /// Where telemetry goes.
    pub(super) fn collector(&self) -> Option<&str> {
        self.telemetry.collector()
    }
}

/// The name of this machine.
pub(super) fn machine_name() -> String {
    // Only Linux has this file; elsewhere a general word serves.
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname");
    machine.map_or_else(|_elsewhere| "machine".into(), |name| name.trim().to_owned())
}
