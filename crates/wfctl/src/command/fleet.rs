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
    /// Ask one to take nothing more, to end what it runs, and to end itself
    Drain {
        /// Its name
        name: String,
    },
}

/// Show the queues: what waits in them, and who serves them
#[derive(Debug, clap::Args)]
pub(crate) struct QueuesArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

/// Runs the subcommand.
pub(crate) fn workers(args: &WorkersArgs) -> Result<Exit, Problems> {
    let client = Client::connect(&args.server)?;
    match &args.command {
        WorkersCommand::List(format) => {
            let list = client.call(&route::LIST_WORKERS, &[]);
            let workers: Vec<Worker> = client::block_on(list.read())?;
            table::all(format.output, &workers)?;
        }
        WorkersCommand::Drain { name } => {
            client::block_on(client.call(&route::DRAIN_WORKER, &[name]).done())?;
            table::write(&format!(
                "{name} is asked to end what it runs, and to leave\n"
            ))?;
        }
    }
    Ok(Exit::Success)
}

/// Lists queues.
pub(crate) fn queues(args: &QueuesArgs) -> Result<Exit, Problems> {
    let client = Client::connect(&args.server)?;
    let queues: Vec<Queue> = client::block_on(client.call(&route::LIST_QUEUES, &[]).read())?;
    table::all(args.format.output, &queues)?;
    Ok(Exit::Success)
}
