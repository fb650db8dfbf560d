//! `wfctl variables`: values that tasks may read. They go in and are never shown.

use super::{confirm, secret_value};
use crate::{
    client::{self, Client, ConnectArgs, pages, route},
    table::{self, ListArgs},
};
use weft_api::{
    NewVariable, Variable,
    problem::{Exit, Problems},
};

/// Set the variables that tasks read
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  echo -n eu-west-1 | wfctl variables set region
  wfctl variables set api_key @key.txt
  wfctl variables set api_key          asks, without showing what is typed")]
pub(crate) struct VariablesArgs {
    #[command(subcommand)]
    command: VariablesCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum VariablesCommand {
    /// List their names
    List(ListArgs),
    /// Set one, from standard input or a file
    Set {
        /// Its name
        name: String,
        /// @FILE [default: standard input]
        #[arg(value_name = "@FILE")]
        value: Option<String>,
    },
    /// Delete one
    Delete {
        /// Its name
        name: String,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Runs the subcommand.
pub(crate) fn run(args: &VariablesArgs) -> Result<Exit, Problems> {
    let client = Client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            VariablesCommand::List(list) => {
                let variables = pages::collect::<Variable>(list.limit(), || {
                    client.call(&route::LIST_VARIABLES, &[])
                })
                .await?;
                table::list(list, &variables)?;
            }
            VariablesCommand::Set { name, value } => {
                let body = NewVariable {
                    value: secret_value::read(value.as_deref(), &format!("the value of {name}"))?,
                };
                client
                    .call(&route::SET_VARIABLE, &[name])
                    .json(&body)
                    .done()
                    .await?;
                table::write(&format!("{name} is set\n"))?;
            }
            VariablesCommand::Delete { name, yes } => {
                confirm::ask(*yes, &format!("Delete the variable {name}?"))?;
                client.call(&route::DELETE_VARIABLE, &[name]).done().await?;
                table::write(&format!("{name} is deleted\n"))?;
            }
        }
        Ok(Exit::Success)
    })
}
