//! `wfctl outputs`: what a task returned, and the artifacts that it made.

mod artifact;

use super::run_ref::InstanceRef;
use crate::client::{self, ConnectArgs};
use serde_json::Value;
use std::io::{self, IsTerminal as _, Write as _};
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_client::{Client, Response, route};

/// Read what tasks returned
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl outputs get latest report
  wfctl outputs get latest report --raw > report.txt
  wfctl outputs get 0c3k5v7n9q1st parse --index 17 | jq .rows
  wfctl outputs artifact latest report --at /chart --file chart.svg")]
pub(crate) struct OutputsArgs {
    #[command(subcommand)]
    command: OutputsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum OutputsCommand {
    /// Print the output of a task: JSON
    Get {
        #[command(flatten)]
        instance: InstanceRef,
        /// A text without its quotes
        #[arg(long, short)]
        raw: bool,
    },
    /// Fetch an artifact that the output of a task names
    Artifact(artifact::ArtifactArgs),
}

/// Reads one.
pub(crate) fn run(args: &OutputsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    match &args.command {
        OutputsCommand::Get { instance, raw } => client::block_on(get(&client, instance, *raw))?,
        OutputsCommand::Artifact(args) => client::block_on(artifact::fetch(&client, args))?,
    }
    Ok(Exit::Success)
}

/// Prints the output: indented on a terminal, byte for byte in a pipe.
async fn get(client: &Client, instance: &InstanceRef, raw: bool) -> Result<(), Problems> {
    let run = instance.run.id(client).await?;
    let mut answer = open(client, &run, instance).await?;
    if raw || io::stdout().is_terminal() {
        let bytes = answer.bytes().await?;
        return shown(&bytes, raw).map_err(Problems::from);
    }
    // An output can be larger than what anybody wants in memory.
    while let Some(chunk) = answer.chunk().await? {
        write(&chunk)?;
    }
    Ok(write(b"\n")?)
}

async fn open(client: &Client, run: &str, instance: &InstanceRef) -> Result<Response, Problems> {
    let index = instance.index.to_string();
    client
        .request(&route::OUTPUT, &[run, &instance.task, &index])
        .send()
        .await
}

fn shown(bytes: &[u8], raw: bool) -> Result<(), Problem> {
    match serde_json::from_slice(bytes) {
        Ok(Value::String(text)) if raw => write(text.as_bytes()),
        Ok(value) if io::stdout().is_terminal() => {
            let text = serde_json::to_string_pretty(&value)
                .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
            write(format!("{text}\n").as_bytes())
        }
        Ok(_) | Err(_) => write(bytes).and_then(|()| write(b"\n")),
    }
}

fn write(bytes: &[u8]) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::new(
            Code::DataUnavailable,
            format!("can't write to standard output: {error}"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}
