//! `wfctl health`: whether a service on this machine or another one lives.

use crate::client;
use weft_api::problem::{Exit, Problems};
use weft_client::{
    Source,
    health::{self, Probe},
    parse_url,
};

/// Ask a service whether it makes progress
///
/// For supervisors and containers without a shell: exits with 0 if the process makes progress,
/// else with another code and the reason. A scheduler or worker answers at its --status address.
#[derive(Debug, clap::Args)]
pub(crate) struct HealthArgs {
    /// The URL of the service
    #[arg(value_name = "URL")]
    url: String,
    /// Ask whether the service is ready for use instead
    #[arg(long)]
    ready: bool,
}

/// Asks.
pub(crate) fn run(args: &HealthArgs) -> Result<Exit, Problems> {
    let url = parse_url(&args.url, &Source::Flag("URL"))?;
    let probe = if args.ready {
        Probe::Ready
    } else {
        Probe::Live
    };
    client::block_on(async { Ok(health::probe(&url, probe).await?) })?;
    Ok(Exit::Success)
}
