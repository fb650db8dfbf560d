//! `wfctl worker`: runs tasks of an installation, on any machine.

use super::{
    status::StatusArgs,
    worker_args::{WorkerProcessArgs, machine_name},
};
use crate::client::ConnectArgs;
use clap::ValueEnum;
use std::path::PathBuf;
use weft_api::{
    problem::{Code, Exit, Problem, Problems},
    user_dirs,
};
use weft_dagfile::engine;
use weft_node::{CodeOrigin, ConnectionMode, TrustedKey, WorkerNodeOptions, labels::OWN};
use weft_sandbox::CodeKey;

/// Run tasks for a server on this machine
///
/// Everything that a task needs comes from the server: nothing else is installed
/// here, and nothing listens here. Ctrl-C lets running tasks end.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wfctl tokens create worker-1 --role worker      (on the server; shows the token once)
  wfctl worker --url https://weft.example.org --token-file token
  WEFT_TOKEN=weft_... wfctl worker --url https://weft.example.org -q ssd,default --slots 8
  wfctl worker --url https://weft.example.org --label zone=north -q zone=,features=,default")]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    worker: WorkerProcessArgs,
    /// Its name among the workers (default: the machine's, with something random)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Shown beside it in lists, as NAME=WORD, as are its version, architecture and processor's
    /// features; -q NAME= serves the queue of that name
    #[arg(long = "label", value_name = "NAME=WORD", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Where compiled code, scratch and logs on their way are kept
    #[arg(
        long,
        value_name = "FOLDER",
        help = "Where compiled code, scratch and logs on their way are kept (default: the folder 'worker' in $WEFT_DATA_DIR or ~/.local/share/weft)"
    )]
    data: Option<PathBuf>,
    /// Load only code that this worker compiled
    ///
    /// Without it, the server compiles each component once for all workers, and
    /// this one loads what bears the installation's signature.
    #[arg(long, conflicts_with = "code_key")]
    compile_here: bool,
    /// The key that compiled code must be signed with, as the server's log names it
    /// (default: the one that the server names)
    #[arg(long, value_name = "KEY", env = "WEFT_CODE_KEY")]
    code_key: Option<CodeKey>,
    /// How tasks reach the worker
    #[arg(long, value_enum, value_name = "WAY", default_value_t = WayArg::Offered)]
    way: WayArg,
    #[command(flatten)]
    status: StatusArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

/// How tasks reach the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WayArg {
    /// From the installation's Redis where the server offers that to this worker's token, and
    /// through the server everywhere else.
    Offered,
    /// From Redis; the worker doesn't start where the server doesn't offer it.
    Direct,
    /// Through the server.
    Server,
}

impl WayArg {
    const fn mode(self) -> ConnectionMode {
        match self {
            Self::Offered => ConnectionMode::Auto,
            Self::Direct => ConnectionMode::Direct,
            Self::Server => ConnectionMode::Gateway,
        }
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, _word)) if OWN.contains(&name) => {
            Err(format!("{name} is what the worker finds out by itself"))
        }
        Some((name, word)) if !name.is_empty() => Ok((name.to_owned(), word.to_owned())),
        _ => Err("a label is NAME=WORD, such as zone=north".into()),
    }
}

/// Runs until a signal ends it.
pub(crate) fn run(args: WorkerArgs) -> Result<Exit, Problems> {
    let server = args.server.server()?;
    server.check()?;
    let data = match args.data {
        Some(data) => data,
        None => user_dirs::data()
            .map(|data| data.join("worker"))
            .ok_or_else(|| {
                Problem::new(
                    Code::DataUnavailable,
                    "there is no folder for the worker: neither WEFT_DATA_DIR nor a home is set",
                )
                .help("name one with --data")
            })?,
    };
    let options = WorkerNodeOptions {
        server,
        data,
        name: args.name.unwrap_or_else(default_name),
        slots: args.worker.slots,
        memory: args.worker.memory(),
        queues: args.worker.queues.clone(),
        labels: args.labels,
        code: if args.compile_here {
            CodeOrigin::Local
        } else {
            CodeOrigin::Installation(args.code_key.map_or(TrustedKey::Server, TrustedKey::Key))
        },
        drain: args.worker.drain(),
        connection: args.way.mode(),
        status: args.status.listen(),
    };
    let runtime = engine::runtime()?;
    let telemetry = weft_node::telemetry::start(args.worker.collector(), runtime.handle())?;
    runtime.block_on(async {
        let ended = weft_node::run_worker(options).await;
        telemetry.end().await;
        ended
    })
}

/// The machine's name, and something that no other worker on it has.
fn default_name() -> String {
    format!("{}-{:06x}", machine_name(), fastrand::u32(..1 << 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_name_and_a_word() {
        assert_eq!(label("zone=a=b"), Ok(("zone".into(), "a=b".into())));
        assert!(label("zone").is_err() && label("=a").is_err());
        assert!(label("architecture=other").is_err(), "it knows better");
    }

    #[test]
    fn two_workers_of_a_machine_have_two_names() {
        let names: std::collections::HashSet<String> = (0..20).map(|_| default_name()).collect();
        assert!(names.len() > 1, "{names:?}");
    }
}
