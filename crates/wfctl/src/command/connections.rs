//! `wfctl connections`: where tasks may sign in. The credentials go in and are never shown.

use super::{confirm, secret_value};
use crate::{
    client::{self, ConnectArgs},
    table::{self, ListArgs},
};
use std::collections::BTreeMap;
use weft_api::{
    Connection, NewConnection,
    problem::{Code, Exit, Problem, Problems},
};
use weft_client::{page, route};

/// Set the connections that tasks use
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl connections set api --at https://api.example.org --bearer @token.txt
  wfctl connections set files --at https://files.example.org --username weft --password -
  wfctl connections set other --at https://other.example.org --header X-Api-Key=@key.txt

Weft's host adds the credentials, for exactly this scheme, host and port; tasks never see them.")]
pub(crate) struct ConnectionsArgs {
    #[command(subcommand)]
    command: ConnectionsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum ConnectionsCommand {
    /// List connections, without their credentials
    List(ListArgs),
    /// Set one
    Set(SetArgs),
    /// Delete one
    Delete {
        /// Its name
        name: String,
        /// Don't ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// Its name
    name: String,
    /// Scheme, host and an optional port
    #[arg(long, value_name = "URL")]
    at: String,
    /// A bearer token: @FILE, or - for standard input
    #[arg(long, value_name = "@FILE", conflicts_with_all = ["username", "password"])]
    bearer: Option<String>,
    /// The user name
    #[arg(long, value_name = "NAME", requires = "password")]
    username: Option<String>,
    /// The password: @FILE, or - for standard input
    #[arg(long, value_name = "@FILE", requires = "username")]
    password: Option<String>,
    /// A header field that is added: its value is in a file; may be repeated
    #[arg(long, value_name = "NAME=@FILE")]
    header: Vec<String>,
}

/// Runs the subcommand.
pub(crate) fn run(args: &ConnectionsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            ConnectionsCommand::List(list) => {
                let connections = page::collect::<Connection>(list.limit(), || {
                    client.request(&route::LIST_CONNECTIONS, &[])
                })
                .await?;
                table::list(list, &connections)?;
            }
            ConnectionsCommand::Set(set) => {
                let body = connection(set)?;
                client
                    .request(&route::SET_CONNECTION, &[&set.name])
                    .json(&body)
                    .execute()
                    .await?;
                table::write(&format!("{} is set\n", set.name))?;
            }
            ConnectionsCommand::Delete { name, yes } => {
                confirm::ask(*yes, &format!("Delete the connection {name}?"))?;
                client
                    .request(&route::DELETE_CONNECTION, &[name])
                    .execute()
                    .await?;
                table::write(&format!("{name} is deleted\n"))?;
            }
        }
        Ok(Exit::Success)
    })
}

fn connection(args: &SetArgs) -> Result<NewConnection, Problem> {
    let secret = |given: &Option<String>, what: &str| {
        given
            .as_deref()
            .map(|given| secret_value::read(Some(given), what))
            .transpose()
    };
    let mut headers = BTreeMap::new();
    for header in &args.header {
        let (name, value) = header.split_once('=').ok_or_else(|| {
            // The text is not repeated: it could be the secret itself.
            Problem::new(Code::Usage, "a --header has no '='").help("write --header NAME=@FILE")
        })?;
        headers.insert(
            name.to_owned(),
            secret_value::read(
                Some(value),
                &format!("the value of the header field {name}"),
            )?,
        );
    }
    Ok(NewConnection {
        url: args.at.clone(),
        bearer: secret(&args.bearer, "the bearer token")?,
        username: args.username.clone(),
        password: secret(&args.password, "the password")?,
        headers,
    })
}
