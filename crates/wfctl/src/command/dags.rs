//! `wfctl dags`: what is deployed, and which version of it is active.

mod diff;
mod grid;
mod schedule;
mod show;

use super::confirm;
use crate::{
    client::{self, ConnectArgs},
    table::{self, FormatArgs, ListArgs},
};
use weft_api::{
    Activate, Dag, DagChange, DagDetail, RepairVersion, RepairedVersion, Rollback, Version,
    problem::{Exit, Problems},
};
use weft_client::{Client, page, route};

/// Show, pause and change deployed DAGs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl dags list
  wfctl dags show quakes
  wfctl dags grid quakes
  wfctl dags schedule quakes --timezone Europe/Berlin
  wfctl dags diff quakes 3 4
  wfctl dags rollback quakes")]
pub(crate) struct DagsArgs {
    #[command(subcommand)]
    command: DagsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum DagsCommand {
    /// List DAGs
    List {
        /// Only paused DAGs (true), or only others (false)
        #[arg(long, value_name = "BOOL")]
        paused: Option<bool>,
        /// Only DAGs with this tag
        #[arg(long, value_name = "TAG")]
        tag: Option<String>,
        /// Only DAGs with this owner
        #[arg(long, value_name = "OWNER")]
        owner: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a DAG: tasks, edges, parameters, schedule
    Show {
        /// Its id
        dag: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Pause a DAG: no run of it starts
    Pause {
        /// Its id
        dag: String,
        /// Hold its runs as well: running attempts finish, and nothing else of them is dispatched
        #[arg(long)]
        hold: bool,
    },
    /// Unpause a DAG
    Unpause {
        /// Its id
        dag: String,
    },
    /// Lift the quarantine of tasks that may have crashed workers
    Unquarantine {
        /// Its id
        dag: String,
    },
    /// List the versions of a DAG, newest first
    Versions {
        /// Its id
        dag: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show the last runs of a DAG by its tasks
    Grid(grid::GridArgs),
    /// Show the next dates of a DAG's schedule
    Schedule(schedule::ScheduleArgs),
    /// Compare two versions of a DAG
    Diff(diff::DiffArgs),
    /// Use a version for new runs
    Activate {
        /// The DAG's id
        dag: String,
        /// The version's number
        #[arg(value_name = "VERSION")]
        number: u32,
    },
    /// Activate the version before the active one
    Rollback {
        /// The DAG's id
        dag: String,
    },
    /// Replace or drop a version that can't be read, as after damage to the database
    Repair(RepairArgs),
    /// Delete a DAG; its ended runs are kept until their retention is over
    Delete {
        /// Its id
        dag: String,
        /// Don't ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct RepairArgs {
    /// The DAG's id
    dag: String,
    /// The number of the version that can't be read
    #[arg(value_name = "VERSION")]
    number: u32,
    /// The version that its runs, and new ones, use from now on
    #[arg(long, value_name = "VERSION", required_unless_present = "drop")]
    with: Option<u32>,
    /// End its runs that can't go on as failed instead; new runs need another active version
    #[arg(long, conflicts_with = "with")]
    drop: bool,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Runs the subcommand.
pub(crate) fn run(args: &DagsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(execute(&client, &args.command))?;
    Ok(Exit::Success)
}

async fn execute(client: &Client, command: &DagsCommand) -> Result<(), Problems> {
    match command {
        DagsCommand::List {
            paused,
            tag,
            owner,
            list,
        } => {
            let call = || {
                client
                    .request(&route::LIST_DAGS, &[])
                    .query_some("paused", *paused)
                    .query_some("tag", tag.as_ref())
                    .query_some("owner", owner.as_ref())
            };
            let dags = page::collect::<Dag>(list.limit(), call).await?;
            table::list(list, &dags)?;
        }
        DagsCommand::Show { dag, format } => {
            let detail: DagDetail = client.request(&route::SHOW_DAG, &[dag]).fetch().await?;
            table::one(format.output, &detail, |zone| show::text(&detail, zone))?;
        }
        DagsCommand::Pause { dag, hold } => {
            let body = DagChange {
                hold: Some(*hold),
                ..paused(true)
            };
            change(client, dag, &body).await?;
            let held = if *hold { ", and its runs are held" } else { "" };
            table::write(&format!("{dag} is paused: no run of it starts{held}\n"))?;
        }
        DagsCommand::Unpause { dag } => {
            change(client, dag, &paused(false)).await?;
            table::write(&format!("{dag} is no longer paused\n"))?;
        }
        DagsCommand::Unquarantine { dag } => {
            let lifted = DagChange {
                quarantined: Some(false),
                ..DagChange::default()
            };
            change(client, dag, &lifted).await?;
            table::write(&format!(
                "{dag}: nothing is in quarantine; tasks that failed for it run again with 'wfctl runs clear'\n"
            ))?;
        }
        DagsCommand::Versions { dag, list } => {
            let call = || client.request(&route::LIST_VERSIONS, &[dag]);
            let versions = page::collect::<Version>(list.limit(), call).await?;
            table::list(list, &versions)?;
        }
        DagsCommand::Grid(args) => grid::run(client, args).await?,
        DagsCommand::Schedule(args) => schedule::run(client, args).await?,
        DagsCommand::Diff(args) => diff::run(client, args).await?,
        DagsCommand::Activate { dag, number } => {
            let body = Activate { version: *number };
            let _now: Dag = client
                .request(&route::ACTIVATE, &[dag])
                .json(&body)
                .fetch()
                .await?;
            table::write(&format!(
                "{dag}: version {number} is active; runs that there are keep theirs\n"
            ))?;
        }
        DagsCommand::Rollback { dag } => {
            let done: Rollback = client.request(&route::ROLLBACK, &[dag]).fetch().await?;
            table::write(&format!(
                "{dag}: version {} is active, {} was\n",
                done.to, done.from
            ))?;
        }
        DagsCommand::Repair(args) => repair(client, args).await?,
        DagsCommand::Delete { dag, yes } => {
            confirm::ask(*yes, &format!("Delete the DAG {dag}?"))?;
            client.request(&route::DELETE_DAG, &[dag]).execute().await?;
            table::write(&format!("{dag} is deleted\n"))?;
        }
    }
    Ok(())
}

async fn repair(client: &Client, args: &RepairArgs) -> Result<(), Problems> {
    let RepairArgs {
        dag,
        number,
        with,
        drop: _,
        yes,
    } = args;
    let question = match with {
        Some(with) => {
            format!("Have the runs of version {number} of {dag} go on with version {with}?")
        }
        None => format!("End the runs of version {number} of {dag} as failed?"),
    };
    confirm::ask(*yes, &question)?;
    let body = RepairVersion { replacement: *with };
    let done: RepairedVersion = client
        .request(&route::REPAIR_VERSION, &[dag, &number.to_string()])
        .json(&body)
        .fetch()
        .await?;
    let (change, of_runs) = match with {
        Some(with) => (
            format!("version {with} replaces version {number}"),
            "go on with it",
        ),
        None => (
            format!("version {number} is dropped"),
            "end as failed if they can't go on",
        ),
    };
    let mut lines = vec![format!("{dag}: {change}")];
    if !done.runs.is_empty() {
        lines.push(format!("runs that {of_runs}:"));
    }
    lines.extend(done.runs.iter().map(|run| format!("  {run}")));
    table::write(&(lines.join("\n") + "\n"))?;
    Ok(())
}

fn paused(paused: bool) -> DagChange {
    DagChange {
        paused: Some(paused),
        ..DagChange::default()
    }
}

async fn change(client: &Client, dag: &str, body: &DagChange) -> Result<(), Problems> {
    client
        .request(&route::CHANGE_DAG, &[dag])
        .json(body)
        .execute()
        .await
}
