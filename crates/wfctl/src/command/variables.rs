//! `wfctl variables`: values that tasks may read. They go in and are never shown.

use super::{confirm, secret_value};
use crate::{
    client::{self, ConnectArgs},
    table::{self, ListArgs},
};
use weft_api::{
    NewVariable, Variable,
    problem::{Exit, Problems},
};
use weft_client::{page, route};

/// Set the variables that tasks read
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  echo -n eu-west-1 | wfctl variables set region
  wfctl variables set api_key @key.txt
  wfctl variables set api_key --from vault:payments/api#key
  wfctl variables set api_key          asks, without showing what is typed")]
pub(crate) struct VariablesArgs {
    #[command(subcommand)]
    command: VariablesCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum VariablesCommand {
    /// List variables, without their values
    List(ListArgs),
    /// Set a variable: to a value from standard input or a file, or to where its value is kept
    Set {
        /// Its name
        name: String,
        /// @FILE [default: standard input]
        #[arg(value_name = "@FILE", conflicts_with = "from")]
        value: Option<String>,
        /// Where its value is kept, and read each time: `env:NAME`, `file:NAME` or `vault:PATH#KEY`
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
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
pub(crate) fn run(args: &VariablesArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            VariablesCommand::List(list) => {
                let variables = page::collect::<Variable>(list.limit(), || {
                    client.request(&route::LIST_VARIABLES, &[])
                })
                .await?;
                table::list(list, &variables)?;
            }
            VariablesCommand::Set { name, value, from } => {
                let body = match from {
                    Some(from) => NewVariable {
                        from: Some(from.clone()),
                        value: None,
                    },
                    None => NewVariable {
                        value: Some(secret_value::read(
                            value.as_deref(),
                            &format!("the value of {name}"),
                        )?),
                        from: None,
                    },
                };
                client
                    .request(&route::SET_VARIABLE, &[name])
                    .json(&body)
                    .execute()
                    .await?;
                table::write(&format!("{name} is set\n"))?;
            }
            VariablesCommand::Delete { name, yes } => {
                confirm::ask(*yes, &format!("Delete the variable {name}?"))?;
                client
                    .request(&route::DELETE_VARIABLE, &[name])
                    .execute()
                    .await?;
                table::write(&format!("{name} is deleted\n"))?;
            }
        }
        Ok(Exit::Success)
    })
}
