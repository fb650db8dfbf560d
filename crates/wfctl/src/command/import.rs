//! `wfctl import`: projects out of what another system has.

mod airflow;
mod folder;

use weft_api::problem::{Exit, Problems};

/// Write Weft projects from another system's DAGs
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

/// Where the DAGs come from.
#[derive(Debug, clap::Subcommand)]
enum From {
    /// DAG files of Airflow 2 and 3
    Airflow(airflow::AirflowArgs),
}

/// Imports.
pub(crate) fn run(args: &ImportArgs) -> Result<Exit, Problems> {
    match &args.from {
        From::Airflow(args) => airflow::run(args),
    }
}
