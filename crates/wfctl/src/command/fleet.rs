//! `wfctl workers`, `wfctl queues` and `wfctl shards`: who works, what waits for them, and who
//! schedules it.

use crate::{
    client::{self, ConnectArgs},
    table::{self, FormatArgs},
};
use weft_api::{
    Queue, Shard, ShardCount, Worker,
    problem::{Exit, Problems},
};
use weft_client::route;

/// Show and drain workers
#[derive(Debug, clap::Args)]
pub(crate) struct WorkersArgs {
    #[command(subcommand)]
    command: WorkersCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum WorkersCommand {
    /// List workers with what they run
    List(FormatArgs),
    /// Drain a worker: it takes no new attempts, finishes the running ones, and exits
    Drain {
        /// Its name
        name: String,
    },
}

/// Show queues, what waits in them, and their workers
#[derive(Debug, clap::Args)]
pub(crate) struct QueuesArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

/// Show shards and their schedulers, and add shards
#[derive(Debug, clap::Args)]
pub(crate) struct ShardsArgs {
    #[command(subcommand)]
    command: ShardsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum ShardsCommand {
    /// List shards with their schedulers
    List(FormatArgs),
    /// Add shards, so that more schedulers have something to do
    #[command(after_long_help = "\
A shard is a group of tenants that one scheduler owns. Schedulers distribute the
shards among themselves. New tenants are assigned to the shards with the fewest
tenants; tenants never move to another shard, and shards are never removed.")]
    Grow {
        /// The new number of shards
        count: u32,
    },
}

/// Runs the subcommand.
pub(crate) fn workers(args: &WorkersArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    match &args.command {
        WorkersCommand::List(format) => {
            let list = client.request(&route::LIST_WORKERS, &[]);
            let workers: Vec<Worker> = client::block_on(list.fetch())?;
            table::all(format.output, &workers)?;
        }
        WorkersCommand::Drain { name } => {
            client::block_on(client.request(&route::DRAIN_WORKER, &[name]).execute())?;
            table::write(&format!(
                "{name} is asked to end what it runs, and to leave\n"
            ))?;
        }
    }
    Ok(Exit::Success)
}

/// Lists queues.
pub(crate) fn queues(args: &QueuesArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    let queues: Vec<Queue> = client::block_on(client.request(&route::LIST_QUEUES, &[]).fetch())?;
    table::all(args.format.output, &queues)?;
    Ok(Exit::Success)
}

/// Runs the subcommand.
pub(crate) fn shards(args: &ShardsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    match &args.command {
        ShardsCommand::List(format) => {
            let list = client.request(&route::LIST_SHARDS, &[]);
            let shards: Vec<Shard> = client::block_on(list.fetch())?;
            table::all(format.output, &shards)?;
        }
        ShardsCommand::Grow { count } => {
            let grow = client.request(&route::GROW_SHARDS, &[]);
            let count = ShardCount { count: *count };
            let shards: Vec<Shard> = client::block_on(grow.json(&count).fetch())?;
            table::write(&format!("there are {} shards\n", shards.len()))?;
        }
    }
    Ok(Exit::Success)
}
