//! `wfctl up`: the whole product in one process.

use super::{database::DatabaseArgs, redis::RedisArgs, working::WorkingArgs};
use crate::{
    engine,
    error::{Code, Exit, Problem, Problems},
    place,
    services::{self, Retention, UpOptions},
};
use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};
use weft_core::time::DurationMs;
use weft_server::{Listen, Protection};

/// Serve, schedule and run DAGs here, with nothing else to install
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
    /// Where the API listens; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "WEFT_LISTEN"
    )]
    listen: SocketAddr,
    /// The certificate, with its chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen elsewhere than on loopback without TLS: something else protects the network
    #[arg(long, conflicts_with = "tls_cert")]
    insecure: bool,
    #[command(flatten)]
    working: WorkingArgs,
    /// How long runs that ended are kept, with their outputs and logs: a time, or 'forever'
    #[arg(
        long,
        value_name = "TIME",
        default_value = "90d",
        env = "WEFT_KEEP_RUNS"
    )]
    keep_runs: Keep,
    /// The newest runs of each DAG, which are kept in any case (their logs are not)
    #[arg(long, value_name = "N", default_value_t = Retention::DEFAULT.last, env = "WEFT_KEEP_LAST")]
    keep_last: u32,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    redis: RedisArgs,
}

/// For how long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Keep(Option<Duration>);

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self(None));
        }
        let time: DurationMs = text
            .parse()
            .map_err(|error| format!("{error}; or 'forever'"))?;
        Ok(Self(Some(Duration::from(time))))
    }
}

/// Runs until it is asked to end.
pub(crate) fn run(args: &UpArgs) -> Result<Exit, Problems> {
    let data = match &args.data {
        Some(data) => data.clone(),
        None => server_data()?,
    };
    let protection = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Protection::Tls {
            certificate: certificate.clone(),
            key: key.clone(),
        },
        _ if args.insecure => Protection::Insecure,
        _ => Protection::Loopback,
    };
    let options = UpOptions {
        data,
        listen: Listen {
            address: args.listen,
            protection,
        },
        slots: args.working.slots,
        queues: args.working.queues.clone(),
        drain: args.working.drain(),
        retention: Retention {
            runs: args.keep_runs.0,
            last: args.keep_last,
        },
        postgres: args.database.postgres()?,
        redis: args.redis.place()?,
    };
    let runtime = engine::runtime()?;
    let telemetry = services::telemetry::start(args.working.collector(), runtime.handle())?;
    runtime.block_on(async {
        let ended = services::up(options).await;
        telemetry.end().await;
        ended
    })
}

/// Where the server of this user keeps its things.
pub(crate) fn server_data() -> Result<PathBuf, Problem> {
    place::data()
        .map(|data| data.join("server"))
        .ok_or_else(|| {
            Problem::new(
                Code::DataUnavailable,
                "there is no folder for the server's data: neither WEFT_DATA_DIR nor a home is set",
            )
            .help("name one with --data")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_one_that_is_documented() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            up: UpArgs,
        }
        let line = <Line as clap::Parser>::parse_from(["up"]);
        assert_eq!(line.up.keep_runs, Keep(Retention::DEFAULT.runs));
        assert_eq!(line.up.keep_last, Retention::DEFAULT.last);
        assert_eq!("forever".parse::<Keep>(), Ok(Keep(None)));
        let error = "soon".parse::<Keep>().unwrap_err();
        assert!(error.contains("forever"), "{error}");
    }
}
