//! The command line: what can be typed, with help and examples.
//!
//! Each command's arguments stand beside the command; here are the commands'
//! names, their order in the help, and what all of them share.

use crate::command;
use clap::{Parser, Subcommand, ValueEnum};
use std::{ffi::OsString, path::PathBuf};

/// The end of `wfctl --help`.
const AFTER_HELP: &str = "\
Exit codes:
  0    success
  1    the run failed, or the machine did (a full disk, say), or the state did not allow it
  2    bad usage: an unknown option, task or parameter, a value of the wrong type
  3    bad file: not found, not a DAG, not valid
  4    refused by the policy, or by the server because the token does not allow it
  5    no server answers
  130  interrupted

Environment:
  WEFT_CACHE_DIR  compiled code (default: $XDG_CACHE_HOME/weft or ~/.cache/weft)
  WEFT_DATA_DIR   logs and artifacts of runs (default: $XDG_DATA_HOME/weft or ~/.local/share/weft)
  WEFT_URL        the server's URL (default: the context, or wfctl up on this machine)
  WEFT_TOKEN      the token for the server
  WEFT_CONTEXT    the name of a server (see wfctl context)
  WEFT_TENANT     the tenant, for a token that is valid for several tenants
  NO_COLOR        no colours, on any terminal";

/// Builds, checks and runs DAGs of WebAssembly tasks.
#[derive(Debug, Parser)]
#[command(name = "wfctl", version, after_help = AFTER_HELP, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", hide_possible_values = true,
          help = "When to use colours: auto, always, never")]
    pub(crate) color: Color,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Even in a pipe.
    Always,
    /// Not at all.
    Never,
}

impl Color {
    /// Decides for all output of this process.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a folder with a new DAG
    New(command::new::NewArgs),
    /// Write Weft projects from another system's DAGs
    Import(command::import::ImportArgs),
    /// Build one dag.wasm from a crate or a manifest
    Build(command::build::BuildArgs),
    /// Run the tests of a DAG with the tool of its language
    Test(command::test::TestArgs),
    /// Run a DAG on this machine, without a server
    Run(Box<command::run::RunArgs>),
    /// Find every problem of a DAG
    Check(command::check::CheckArgs),
    /// Show what a file is: tasks, imports, requests, size, digest
    Inspect(command::inspect::InspectArgs),
    /// Draw a DAG as text, DOT, Mermaid or SVG
    Graph(command::graph::GraphArgs),
    /// Serve, schedule and run DAGs in one process
    Up(Box<command::up::UpArgs>),
    /// Run the API server of an installation of many machines
    Server(Box<command::server::ServerArgs>),
    /// Run a scheduler of an installation of many machines
    Scheduler(command::scheduler::SchedulerArgs),
    /// Run tasks for a server on this machine
    Worker(command::worker::WorkerArgs),
    /// Copy the database and the blobs of 'wfctl up', which may be running
    Backup(command::backup::BackupArgs),
    /// Restore a data folder for 'wfctl up' from a backup
    Restore(command::restore::RestoreArgs),
    /// Check or migrate the database of 'wfctl up'
    Db(command::db::DbArgs),
    /// Check what is installed, what is missing, and how to get it
    Doctor(command::doctor::DoctorArgs),
    /// Deploy DAGs to a server
    Deploy(command::deploy::DeployArgs),
    /// Show, pause and change deployed DAGs
    Dags(command::dags::DagsArgs),
    /// Trigger, show and change runs
    Runs(command::runs::RunsArgs),
    /// Show the tasks of a run, and why they don't run
    Tasks(command::tasks::TasksArgs),
    /// Show what tasks ask people, and answer
    Approvals(command::approvals::ApprovalsArgs),
    /// Show assets and their updates, and report updates
    Assets(command::assets::AssetsArgs),
    /// Print what a task printed
    Logs(command::logs::LogsArgs),
    /// Read what tasks returned
    Outputs(command::outputs::OutputsArgs),
    /// Create the runs of a range of dates
    Backfill(command::backfill::BackfillArgs),
    /// Set the variables that tasks read
    Variables(command::variables::VariablesArgs),
    /// Set the connections that tasks use
    Connections(command::connections::ConnectionsArgs),
    /// Let other systems trigger runs by signed requests
    Webhooks(command::webhooks::WebhooksArgs),
    /// Set where notifications go, and see whether they arrive
    Notifications(command::notifications::NotificationsArgs),
    /// Set the pools whose slots tasks share
    Pools(command::pools::PoolsArgs),
    /// Show and set what tasks may be granted
    Policy(command::policy::PolicyArgs),
    /// Create, list and revoke tokens
    Tokens(command::tokens::TokensArgs),
    /// Show and drain workers
    Workers(command::fleet::WorkersArgs),
    /// Show queues, what waits in them, and their workers
    Queues(command::fleet::QueuesArgs),
    /// Show shards and their schedulers, and add shards
    Shards(command::fleet::ShardsArgs),
    /// Show what runs, fails and waits, and how the services are
    Overview(command::overview::OverviewArgs),
    /// Show what fails, grouped by cause
    Failures(command::failures::FailuresArgs),
    /// Show runs, workers and queues, live
    Top(command::top::TopArgs),
    /// Ask a service whether it makes progress
    Health(command::health::HealthArgs),
    /// Show the audit log
    Audit(command::audit::AuditArgs),
    /// Store a token, after checking it with the server
    Login(command::login::LoginArgs),
    /// Name servers, and select the current one
    Context(command::context::ContextArgs),
    /// Print each setting, and where it comes from
    Config(command::config::ConfigArgs),
    /// Print a completion script for a shell
    Completions(command::completions::CompletionsArgs),
    /// Write a manual page for each command, for packages
    #[command(name = "man-pages", hide = true)]
    ManPages(command::man_pages::ManPagesArgs),
    /// What the sandbox runs to compile a component: not for people.
    #[command(name = "compile-component", hide = true)]
    CompileComponent(CompileComponentArgs),
    /// What the server runs to look at a deployed file: not for people.
    #[command(name = "inspect-deployment", hide = true)]
    InspectDeployment(InspectDeploymentArgs),
}

/// The deployed file that a server asks about.
#[derive(Debug, clap::Args)]
pub(crate) struct InspectDeploymentArgs {
    pub(crate) file: PathBuf,
}

/// Everything after the name belongs to the sandbox.
#[derive(Debug, clap::Args)]
pub(crate) struct CompileComponentArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn no_two_options_are_in_each_others_way() {
        Cli::command().debug_assert();
    }

    /// An option of a subcommand takes the place of one that all of them have, where the two
    /// have one name in the code, whatever they are called.
    #[test]
    fn no_subcommand_takes_an_option_away_that_all_have() {
        fn look(command: &clap::Command, above: &[&clap::Arg]) {
            for own in command.get_arguments() {
                let hidden = above.iter().find(|option| option.get_id() == own.get_id());
                assert!(hidden.is_none(), "{}: {own}", command.get_name());
            }
            let global = command.get_arguments().filter(|arg| arg.is_global_set());
            let all: Vec<&clap::Arg> = above.iter().copied().chain(global).collect();
            for subcommand in command.get_subcommands() {
                look(subcommand, &all);
            }
        }
        look(&Cli::command(), &[]);
    }
}
