//! `wfctl outputs`: what a task returned.

use super::run_ref::InstanceRef;
use crate::{
    client::{self, Client, ConnectArgs, route},
    error::{Code, Exit, Problem, Problems},
};
use serde_json::Value;
use std::io::{self, IsTerminal as _, Write as _};

/// Read what tasks returned
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl outputs get latest report
  wfctl outputs get latest report --raw > report.txt
  wfctl outputs get 0c3k5v7n9q1st parse --index 17 | jq .rows")]
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
}

/// Prints the output: indented on a terminal, byte for byte in a pipe.
pub(crate) fn run(args: &OutputsArgs) -> Result<Exit, Problems> {
    let OutputsCommand::Get { instance, raw } = &args.command;
    let client = Client::connect(&args.server)?;
    client::block_on(async {
        let run = instance.run.id(&client).await?;
        let mut answer = client
            .call(
                &route::OUTPUT,
                &[&run, &instance.task, &instance.index.to_string()],
            )
            .open()
            .await?;
        if *raw || io::stdout().is_terminal() {
            let bytes = answer.whole().await?;
            return shown(&bytes, *raw).map_err(Problems::from);
        }
        // An output can be larger than what anybody wants in memory.
        while let Some(chunk) = answer.chunk().await? {
            write(&chunk)?;
        }
        Ok(write(b"\n")?)
    })?;
    Ok(Exit::Success)
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
