//! The commands: one file each, and the dispatch among them.

pub(crate) mod address;
pub(crate) mod audit;
mod backend_args;
pub(crate) mod backfill;
pub(crate) mod backup;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
mod confirm;
pub(crate) mod connections;
pub(crate) mod context;
pub(crate) mod dags;
pub(crate) mod database;
pub(crate) mod db;
pub(crate) mod deploy;
mod difference;
pub(crate) mod doctor;
pub(crate) mod fleet;
pub(crate) mod graph;
pub(crate) mod inspect;
mod listening;
pub(crate) mod login;
pub(crate) mod logs;
pub(crate) mod man_pages;
pub(crate) mod new;
pub(crate) mod outputs;
pub(crate) mod policy;
pub(crate) mod pools;
pub(crate) mod redis;
pub(crate) mod restore;
mod retention_args;
pub(crate) mod run;
mod run_ref;
pub(crate) mod runs;
pub(crate) mod scheduler;
mod secret_value;
pub(crate) mod server;
mod status;
pub(crate) mod tasks;
mod telemetry;
pub(crate) mod test;
pub(crate) mod tokens;
pub(crate) mod top;
pub(crate) mod up;
pub(crate) mod variables;
pub(crate) mod worker;
mod worker_args;

use crate::cli::Command;
use weft_api::problem::{Exit, Problems};

/// Runs one command to its end.
pub(crate) fn run(command: Command) -> Result<Exit, Problems> {
    match command {
        Command::New(args) => new::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Dags(args) => dags::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::Tasks(args) => tasks::run(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Outputs(args) => outputs::run(&args),
        Command::Backfill(args) => backfill::run(&args),
        Command::Variables(args) => variables::run(&args),
        Command::Connections(args) => connections::run(&args),
        Command::Pools(args) => pools::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Tokens(args) => tokens::run(&args),
        Command::Workers(args) => fleet::workers(&args),
        Command::Queues(args) => fleet::queues(&args),
        Command::Shards(args) => fleet::shards(&args),
        Command::Top(args) => top::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Context(args) => context::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Completions(args) => Ok(completions::run(&args)),
        Command::ManPages(args) => man_pages::run(&args),
        Command::Up(args) => up::run(&args),
        Command::Server(args) => server::run(*args),
        Command::Scheduler(args) => scheduler::run(args),
        Command::Worker(args) => worker::run(args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Db(args) => db::run(&args),
        Command::CompileComponent(_) | Command::InspectDeployment(_) => {
            unreachable!("main answers them before anything else")
        }
    }
}
