//! `wfctl tokens`: who may do what.

use super::confirm;
use crate::{
    client::{self, ConnectArgs},
    local_time,
    table::{self, Format, FormatArgs, ListArgs},
};
use clap::ValueEnum;
use weft_api::{
    CreatedToken, NewToken, Role, Time, Token,
    problem::{Code, Exit, Problem, Problems},
};
use weft_client::{page, route};
use weft_core::time::DurationMs;

/// Create, list and revoke tokens
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl tokens create ci --role deployer --expires-in 90d > ci.token
  wfctl tokens create worker-1 --role worker > worker.token
  wfctl tokens list
  wfctl tokens revoke 7

The token itself is printed once, on standard output; only its hash is stored.")]
pub(crate) struct TokensArgs {
    #[command(subcommand)]
    command: TokensCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum TokensCommand {
    /// Create a token
    Create {
        /// Its owner or purpose
        name: String,
        /// The role of the token
        #[arg(long, value_enum, value_name = "ROLE")]
        role: TokenRole,
        /// How long it is valid, such as 90d [default: until it is revoked]
        #[arg(long, value_name = "TIME")]
        expires_in: Option<DurationMs>,
        /// The tenant in which it is valid [default: that of your own token]
        #[arg(long, value_name = "TENANT")]
        only_in: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List tokens, without their secrets
    List(ListArgs),
    /// Revoke a token
    Revoke {
        /// Its number
        id: i64,
        /// Don't ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

/// What a token's holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TokenRole {
    /// Look at everything but secrets, tokens and the audit.
    Viewer,
    /// Also run, cancel, clear, mark and pause, and set variables, connections and pools.
    Operator,
    /// Also deploy, activate and delete; not set variables, connections or pools.
    Deployer,
    /// Everything.
    Admin,
    /// Run tasks, as `wfctl worker`, and nothing else.
    Worker,
    /// As a worker, on a machine that is trusted with the whole installation: the server hands it
    /// short-lived credentials of its Redis.
    TrustedWorker,
}

impl TokenRole {
    const fn api(self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Operator => Role::Operator,
            Self::Deployer => Role::Deployer,
            Self::Admin => Role::Admin,
            Self::Worker => Role::Worker,
            Self::TrustedWorker => Role::TrustedWorker,
        }
    }
}

/// Runs the subcommand.
pub(crate) fn run(args: &TokensArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            TokensCommand::Create {
                name,
                role,
                expires_in,
                only_in,
                format,
            } => {
                let body = NewToken {
                    name: name.clone(),
                    role: role.api(),
                    tenant: only_in.clone(),
                    expires: expires_in.map(|span| Time(local_time::now().0.plus(span))),
                };
                let made: CreatedToken = client
                    .request(&route::CREATE_TOKEN, &[])
                    .json(&body)
                    .fetch()
                    .await?;
                if format.output == Format::Table {
                    anstream::eprintln!(
                        "Token {} for {} ({}), shown only this once:",
                        made.token.id,
                        weft_api::text::line(&made.token.name, 200),
                        table::role(role.api())
                    );
                }
                table::one(format.output, &made, |_zone| format!("{}\n", made.secret))?;
            }
            TokensCommand::List(list) => {
                let tokens = page::collect::<Token>(list.limit(), || {
                    client.request(&route::LIST_TOKENS, &[])
                })
                .await?;
                table::list(list, &tokens)?;
            }
            TokensCommand::Revoke { id, yes } => {
                if *id < 0 {
                    return Err(
                        Problem::new(Code::Usage, "a token's number is not negative").into(),
                    );
                }
                confirm::ask(*yes, &format!("Revoke the token {id}?"))?;
                client
                    .request(&route::REVOKE_TOKEN, &[&id.to_string()])
                    .execute()
                    .await?;
                table::write(&format!("token {id} is revoked\n"))?;
            }
        }
        Ok(Exit::Success)
    })
}
