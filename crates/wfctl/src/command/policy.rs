//! `wfctl policy`: what tasks may be granted.

use super::confirm;
use crate::{
    client::{self, ConnectArgs},
    table::{self, FormatArgs},
};
use std::path::{Path, PathBuf};
use weft_api::{
    NewPolicy, Policy,
    problem::{Exit, Problem, Problems},
};
use weft_client::{Client, problem, route};
use weft_local::grants;

/// Show and set what tasks may be granted
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl policy show
  wfctl policy check policy.toml     without any server
  wfctl policy set policy.toml
  wfctl policy reset                 back to the default")]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum PolicyCommand {
    /// Print the policy
    Show(FormatArgs),
    /// Set the policy for deploys and attempts from now on
    Set {
        /// A policy.toml
        file: PathBuf,
    },
    /// Find every problem of a policy, without a server
    Check {
        /// A policy.toml
        file: PathBuf,
    },
    /// Reset the policy to the default
    Reset {
        /// Don't ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

/// Runs the subcommand.
pub(crate) fn run(args: &PolicyArgs) -> Result<Exit, Problems> {
    if let PolicyCommand::Check { file } = &args.command {
        grants::policy(Some(file))?;
        table::write(&format!("{} is a valid policy\n", file.display()))?;
        return Ok(Exit::Success);
    }
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            PolicyCommand::Show(format) => {
                let policy: Policy = client.request(&route::SHOW_POLICY, &[]).fetch().await?;
                table::one(format.output, &policy, |_zone| shown(&policy))?;
            }
            PolicyCommand::Set { file } => set(&client, file).await?,
            PolicyCommand::Check { .. } => unreachable!("answered without a server"),
            PolicyCommand::Reset { yes } => {
                confirm::ask(*yes, "Go back to the default policy?")?;
                client.request(&route::DELETE_POLICY, &[]).execute().await?;
                table::write("the default policy holds\n")?;
            }
        }
        Ok(Exit::Success)
    })
}

fn shown(policy: &Policy) -> String {
    if policy.is_default {
        return "# no policy is set: the default applies (exact public HTTPS hosts, scratch space, clock, randomness)\n".to_owned();
    }
    let mut text = policy.policy.clone();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

async fn set(client: &Client, file: &Path) -> Result<(), Problems> {
    let text = std::fs::read_to_string(file).map_err(|error| Problem::io("read", file, &error))?;
    let body = NewPolicy {
        policy: text.clone(),
    };
    let answer = client
        .request(&route::SET_POLICY, &[])
        .json(&body)
        .send_unchecked()
        .await?;
    if !answer.status().is_success() {
        let (url, status) = (client.server().url.value.clone(), answer.status());
        let bytes = answer.bytes().await?;
        // The server reads the file by the same rules, and tells lines of it.
        let name = file.display().to_string();
        let sent = problem::SentText {
            name: &name,
            text: &text,
        };
        return Err(problem::from_response_to(sent, &bytes)
            .unwrap_or_else(|| problem::from_response(&url, status, &bytes)));
    }
    Ok(table::write(
        "the policy is set; it holds for deploys and attempts from now on\n",
    )?)
}
