//! `wfctl scheduler`: schedules an installation of many machines, or is a standby.

use super::{
    backend_args::BackendArgs, scheduling_args::SchedulingArgs, status::StatusArgs,
    telemetry::TelemetryArgs, worker_args::machine_name,
};
use weft_api::problem::{Exit, Problems};
use weft_dagfile::engine;
use weft_node::SchedulerNodeOptions;

/// Run a scheduler of an installation of many machines
///
/// Run two or more: each shard has one owner at a time, and another one takes it
/// over within seconds when its owner is gone. It keeps nothing on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wfctl scheduler --blobs s3://weft/blobs --redis redis://redis.example.org/0
  WEFT_DATABASE_URL=postgres://weft:secret@db.example.org/weft wfctl scheduler --status 127.0.0.1:9090")]
pub(crate) struct SchedulerArgs {
    /// Its name, for people (default: the machine's); something random is added to it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    scheduling: SchedulingArgs,
    #[command(flatten)]
    status: StatusArgs,
    #[command(flatten)]
    backends: BackendArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

/// Runs until a signal ends it.
pub(crate) fn run(args: SchedulerArgs) -> Result<Exit, Problems> {
    let options = SchedulerNodeOptions {
        backends: args.backends.locations()?,
        name: args.name.unwrap_or_else(machine_name),
        status: args.status.listen(),
        runs_ahead: !args.scheduling.no_run_ahead,
    };
    let runtime = engine::runtime()?;
    let telemetry = weft_node::telemetry::start(args.telemetry.collector(), runtime.handle())?;
    runtime.block_on(async {
        let ended = weft_node::run_scheduler(options).await;
        telemetry.end().await;
        ended
    })
}
