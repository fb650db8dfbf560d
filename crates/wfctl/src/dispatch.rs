//! Runs the command that the command line names.

use crate::{
    cli::{Cli, Command},
    command::{
        approvals, assets, audit, backfill, backup, build, check, completions, config, connections,
        context, dags, db, deploy, doctor, failures, fleet, graph, health, import, inspect, login,
        logs, man_pages, new, notifications, outputs, overview, policy, pools, restore, run, runs,
        scheduler, server, tasks, test, tokens, top, up, variables, webhooks, worker,
    },
};
use clap::CommandFactory as _;
use weft_api::problem::{Exit, Problems};

/// Runs one command to its end.
pub(crate) fn run(command: Command) -> Result<Exit, Problems> {
    match command {
        Command::New(args) => new::run(&args),
        Command::Import(args) => import::run(&args),
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
        Command::Approvals(args) => approvals::run(&args),
        Command::Assets(args) => assets::run(&args),
        Command::Webhooks(args) => webhooks::run(&args),
        Command::Notifications(args) => notifications::run(&args),
        Command::Pools(args) => pools::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Tokens(args) => tokens::run(&args),
        Command::Workers(args) => fleet::workers(&args),
        Command::Queues(args) => fleet::queues(&args),
        Command::Shards(args) => fleet::shards(&args),
        Command::Overview(args) => overview::run(&args),
        Command::Failures(args) => failures::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Context(args) => context::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Completions(args) => Ok(completions::run(&args, Cli::command())),
        Command::ManPages(args) => man_pages::run(&args, Cli::command()),
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
