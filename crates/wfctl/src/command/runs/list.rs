//! `wfctl runs list`: runs, the newest first, filtered.

use super::date;
use crate::table::{self, ListArgs};
use clap::ValueEnum;
use weft_api::{Run, RunKind, RunState, problem::Problems};
use weft_client::{Client, page, route};

/// Which runs.
#[derive(Debug, clap::Args)]
pub(super) struct RunListArgs {
    /// Only runs of this DAG
    #[arg(long, value_name = "DAG")]
    dag: Option<String>,
    /// Only runs of versions with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only runs of versions with this owner
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Only runs in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<State>,
    /// Only runs of this kind
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    /// Only runs created at this time or later, in your zone or with one
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only runs created before this time
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// A run's state on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum State {
    Queued,
    Running,
    Success,
    Failed,
    Cancelled,
}

impl State {
    pub(super) const fn api(self) -> RunState {
        match self {
            Self::Queued => RunState::Queued,
            Self::Running => RunState::Running,
            Self::Success => RunState::Success,
            Self::Failed => RunState::Failed,
            Self::Cancelled => RunState::Cancelled,
        }
    }
}

/// What made a run, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Manual,
    Scheduled,
    Backfill,
    Called,
    Assets,
}

impl Kind {
    pub(super) const fn api(self) -> RunKind {
        match self {
            Self::Manual => RunKind::Manual,
            Self::Scheduled => RunKind::Scheduled,
            Self::Backfill => RunKind::Backfill,
            Self::Called => RunKind::Called,
            Self::Assets => RunKind::Assets,
        }
    }
}

/// Lists them.
pub(super) async fn run(client: &Client, args: &RunListArgs) -> Result<(), Problems> {
    let time = |option: &str, text: &Option<String>| {
        text.as_ref().map(|text| date(option, text)).transpose()
    };
    let since = time("--since", &args.since)?;
    let until = time("--until", &args.until)?;
    let state = args.state.map(|state| table::run_state(state.api()));
    let kind = args.kind.map(|kind| table::run_kind(kind.api()));
    let call = || {
        client
            .request(&route::LIST_RUNS, &[])
            .query_some("dag", args.dag.as_ref())
            .query_some("tag", args.tag.as_ref())
            .query_some("owner", args.owner.as_ref())
            .query_some("state", state)
            .query_some("kind", kind)
            .query_some("created_from", since)
            .query_some("created_before", until)
    };
    let runs = page::collect::<Run>(args.list.limit(), call).await?;
    table::list(&args.list, &runs)?;
    Ok(())
}
