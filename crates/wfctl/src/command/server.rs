//! `wfctl server`: the API of an installation of many machines.

use super::{
    backend_args::BackendArgs, listening::ListeningArgs, retention_args::RetentionArgs,
    sources::SourceArgs, telemetry::TelemetryArgs, up::server_data,
};
use std::{path::PathBuf, time::Duration};
use weft_api::problem::{Exit, Problems};
use weft_core::time::DurationMs;
use weft_dagfile::engine;
use weft_node::ServerNodeOptions;

/// Run the API server of an installation of many machines
///
/// Schedulers and workers are processes of their own: wfctl scheduler, wfctl worker.
/// Several servers may run at once, behind one address.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wfctl db migrate
  wfctl server --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem
  wfctl server --data /srv/weft --blobs s3://weft/blobs --redis redis://redis.example.org/0
  WEFT_DATABASE_URL=postgres://weft:secret@db.example.org/weft wfctl server")]
pub(crate) struct ServerArgs {
    /// Where this server keeps its token, its key and what it compiles
    #[arg(
        long,
        value_name = "FOLDER",
        help = "Where this server keeps its token, its key and what it compiles (default: the folder 'server' in \
                $WEFT_DATA_DIR or ~/.local/share/weft)"
    )]
    data: Option<PathBuf>,
    /// What seals variables and connections; every server of an installation has the same
    #[arg(
        long,
        value_name = "FILE",
        env = "WEFT_KEY_FILE",
        help = "What seals variables and connections; every server of an installation has the same (default: secret.key \
                in the folder, made where there is none)"
    )]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    listening: ListeningArgs,
    #[command(flatten)]
    sources: SourceArgs,
    /// How long requests may take after SIGTERM
    #[arg(long, value_name = "TIME", default_value = "30s")]
    drain: DurationMs,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    backends: BackendArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

/// Runs until a signal ends it.
pub(crate) fn run(args: ServerArgs) -> Result<Exit, Problems> {
    let options = ServerNodeOptions {
        backends: args.backends.locations()?,
        data: match args.data {
            Some(data) => data,
            None => server_data()?,
        },
        key_file: args.key_file,
        listen: args.listening.listen(),
        base_path: args.listening.base_path.clone(),
        trace_url: args.listening.trace_url.clone(),
        sources: args.sources.options(),
        drain: Duration::from(args.drain),
        retention: args.retention.retention(),
    };
    let runtime = engine::runtime()?;
    let telemetry = weft_node::telemetry::start(args.telemetry.collector(), runtime.handle())?;
    runtime.block_on(async {
        let ended = weft_node::run_server(options).await;
        telemetry.end().await;
        ended
    })
}
