//! `wfctl pools`: slots that tasks share.

use super::confirm;
use crate::{
    client::{self, ConnectArgs},
    table::{self, ListArgs},
};
use weft_api::{
    NewPool, Pool,
    problem::{Exit, Problems},
};
use weft_client::{page, route};

/// Set the pools whose slots tasks share
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl pools list
  wfctl pools set warehouse 4
  wfctl pools delete warehouse --yes")]
pub(crate) struct PoolsArgs {
    #[command(subcommand)]
    command: PoolsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum PoolsCommand {
    /// List pools
    List(ListArgs),
    /// Create a pool, or change its slots
    Set {
        /// Its name
        name: String,
        /// How many slots it has, at least 1
        slots: u32,
    },
    /// Delete one
    Delete {
        /// Its name
        name: String,
        /// Don't ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

/// Runs the subcommand.
pub(crate) fn run(args: &PoolsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            PoolsCommand::List(list) => {
                let pools =
                    page::collect::<Pool>(list.limit(), || client.request(&route::LIST_POOLS, &[]))
                        .await?;
                table::list(list, &pools)?;
            }
            PoolsCommand::Set { name, slots } => {
                let pool: Pool = client
                    .request(&route::SET_POOL, &[name])
                    .json(&NewPool { slots: *slots })
                    .fetch()
                    .await?;
                table::write(&format!("{} has {} slots\n", pool.name, pool.slots))?;
            }
            PoolsCommand::Delete { name, yes } => {
                confirm::ask(*yes, &format!("Delete the pool {name}?"))?;
                client
                    .request(&route::DELETE_POOL, &[name])
                    .execute()
                    .await?;
                table::write(&format!("{name} is deleted\n"))?;
            }
        }
        Ok(Exit::Success)
    })
}
