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

/// Show the shards: who schedules which tenants
#[derive(Debug, clap::Args)]
pub(crate) struct ShardsArgs {
    #[command(subcommand)]
    command: ShardsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum ShardsCommand {
    /// List them with who schedules each
    List(FormatArgs),
    /// Add shards, so that more schedulers have something to do
    #[command(after_long_help = "\
A shard is a group of tenants that one scheduler schedules: schedulers share the
shards out among themselves. New tenants go to the shards that have the fewest;
a tenant stays where it is, and a shard that is there is never taken away.")]
    Grow {
        /// How many there are to be
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
