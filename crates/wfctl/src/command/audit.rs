//! `wfctl audit`: who changed what.

use crate::{
    client::{self, Client, ConnectArgs, pages, route},
    table::{self, ListArgs},
};
use weft_api::{
    AuditEntry,
    problem::{Exit, Problems},
};

/// Show who changed what
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum AuditCommand {
    /// List changes, the newest first
    List(ListArgs),
}

/// Lists changes.
pub(crate) fn run(args: &AuditArgs) -> Result<Exit, Problems> {
    let AuditCommand::List(list) = &args.command;
    let client = Client::connect(&args.server)?;
    let entries = client::block_on(pages::collect::<AuditEntry>(list.limit(), || {
        client.call(&route::LIST_AUDIT, &[])
    }))?;
    table::list(list, &entries)?;
    Ok(Exit::Success)
}
