//! `wfctl audit`: who changed what.

use crate::{
    client::{self, ConnectArgs},
    table::{self, ListArgs},
};
use weft_api::{
    AuditEntry,
    problem::{Exit, Problems},
};
use weft_client::{page, route};

/// Show the audit log
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum AuditCommand {
    /// List changes, newest first
    List(ListArgs),
}

/// Lists changes.
pub(crate) fn run(args: &AuditArgs) -> Result<Exit, Problems> {
    let AuditCommand::List(list) = &args.command;
    let client = client::connect(&args.server)?;
    let entries = client::block_on(page::collect::<AuditEntry>(list.limit(), || {
        client.request(&route::LIST_AUDIT, &[])
    }))?;
    table::list(list, &entries)?;
    Ok(Exit::Success)
}
