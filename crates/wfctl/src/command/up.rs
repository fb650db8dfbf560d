//! `wfctl up`: the whole product in one process.

use super::{
    database::DatabaseArgs, listening::ListeningArgs, redis::RedisArgs,
    retention_args::RetentionArgs, scheduling_args::SchedulingArgs, sources::SourceArgs,
    worker_args::WorkerProcessArgs,
};
use std::path::PathBuf;
use weft_api::{
    problem::{Code, Exit, Problem, Problems},
    user_dirs,
};
use weft_dagfile::engine;
use weft_node::UpOptions;

/// Serve, schedule and run DAGs in one process
///
/// Everything is kept in one data folder: deploys, runs, outputs, logs. An
/// acknowledged deploy, trigger or outcome survives a loss of power.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wfctl up
  wfctl up --data /srv/weft --listen 127.0.0.1:9000 --slots 16
  wfctl up --keep-runs 30d
  WEFT_DATABASE_URL=postgres://weft:secret@db.example.org/weft wfctl up
  wfctl up --redis redis://127.0.0.1:6379/0
  wfctl up --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem")]
pub(crate) struct UpArgs {
    /// Where everything is kept
    #[arg(
        long,
        value_name = "FOLDER",
        help = "Where everything is kept (default: the folder 'server' in $WEFT_DATA_DIR or ~/.local/share/weft)"
    )]
    data: Option<PathBuf>,
    #[command(flatten)]
    listening: ListeningArgs,
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    worker: WorkerProcessArgs,
    #[command(flatten)]
    scheduling: SchedulingArgs,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    redis: RedisArgs,
}

/// Runs until a signal ends it.
pub(crate) fn run(args: &UpArgs) -> Result<Exit, Problems> {
    let data = match &args.data {
        Some(data) => data.clone(),
        None => server_data()?,
    };
    let options = UpOptions {
        data,
        listen: args.listening.listen(),
        base_path: args.listening.base_path.clone(),
        trace_url: args.listening.trace_url.clone(),
        sources: args.sources.options(),
        slots: args.worker.slots,
        memory: args.worker.memory(),
        queues: args.worker.queues.clone(),
        drain: args.worker.drain(),
        runs_ahead: !args.scheduling.no_run_ahead,
        retention: args.retention.retention(),
        postgres: args.database.postgres()?,
        redis: args.redis.place()?,
    };
    let runtime = engine::runtime()?;
    let telemetry = weft_node::telemetry::start(args.worker.collector(), runtime.handle())?;
    runtime.block_on(async {
        let ended = weft_node::run_up(options).await;
        telemetry.end().await;
        ended
    })
}

/// Where the server of this user keeps its things.
pub(crate) fn server_data() -> Result<PathBuf, Problem> {
    user_dirs::data()
        .map(|data| data.join("server"))
        .ok_or_else(|| {
            Problem::new(
                Code::DataUnavailable,
                "there is no folder for the server's data: neither WEFT_DATA_DIR nor a home is set",
            )
            .help("name one with --data")
        })
}
