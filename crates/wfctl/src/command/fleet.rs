//! `wfctl workers` and `wfctl queues`: who works, and what waits for them.

use crate::{
    client::{self, Client, ConnectArgs, route},
    error::{Exit, Problems},
    table::{self, FormatArgs},
};
use weft_server::api::{Queue, Worker};

/// Show the workers that are there now
#[derive(Debug, clap::Args)]
pub(crate) struct WorkersArgs {
    #[command(subcommand)]
    command: WorkersCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum WorkersCommand {
    /// List them with what they run
    List(FormatArgs),
}

/// Show the queues: what waits in them, and who serves them
#[derive(Debug, clap::Args)]
pub(crate) struct QueuesArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

/// Lists workers.
pub(crate) fn workers(args: &WorkersArgs) -> Result<Exit, Problems> {
    let WorkersCommand::List(format) = &args.command;
    let client = Client::connect(&args.server)?;
    let workers: Vec<Worker> = client::block_on(client.call(&route::LIST_WORKERS, &[]).read())?;
    table::all(format.output, &workers)?;
    Ok(Exit::Success)
}

/// Lists queues.
pub(crate) fn queues(args: &QueuesArgs) -> Result<Exit, Problems> {
    let client = Client::connect(&args.server)?;
    let queues: Vec<Queue> = client::block_on(client.call(&route::LIST_QUEUES, &[]).read())?;
    table::all(args.format.output, &queues)?;
    Ok(Exit::Success)
}
