//! What a command acts on: one run, or all runs that a filter selects.

use super::{
    clear::listed,
    date,
    list::{Kind, State},
    pages::Pages,
};
use crate::{
    command::{confirm, run_ref::RunRef},
    table,
};
use weft_api::{
    BulkAction, BulkKind, BulkPage, RunsFilter,
    problem::{Code, Problem, Problems},
    text,
};
use weft_client::{Client, route};

/// One run, or many.
#[derive(Debug, clap::Args)]
pub(super) struct TargetArgs {
    /// The run's id, or `latest` for the newest one; without it all runs that the options select
    #[arg(value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
}

/// Which runs an action is for.
#[derive(Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// Only runs of this DAG; with the run `latest`, its newest run
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
    #[arg(long, visible_alias = "from", value_name = "DATE")]
    since: Option<String>,
    /// Only runs created before this time
    #[arg(long, visible_alias = "to", value_name = "DATE")]
    until: Option<String>,
    /// Act without asking
    #[arg(long)]
    yes: bool,
}

impl TargetArgs {
    /// The one run that is named, if one is.
    pub(super) async fn one(&self, client: &Client) -> Result<Option<String>, Problems> {
        let Some(run) = &self.run else {
            return Ok(None);
        };
        if self.filter.selects_more_than_a_dag() {
            return Err(Problem::new(
                Code::Usage,
                "a run is named, and options that select many runs",
            )
            .help("leave out the run or the options")
            .into());
        }
        let run = RunRef::of(run.clone(), self.filter.dag.clone());
        run.id(client).await.map(Some)
    }

    /// Acts on all runs that are selected, after a confirmation.
    pub(super) async fn act(
        &self,
        client: &Client,
        action: BulkAction,
        key: Option<&String>,
    ) -> Result<(), Problems> {
        let action = BulkAction {
            filter: self.filter.body()?,
            ..action
        };
        let verb = match action.action {
            BulkKind::Cancel => "cancelled",
            BulkKind::Clear => "cleared",
            BulkKind::Mark => "marked",
            BulkKind::Retry => "retried",
        };
        if action.dry_run || !self.filter.yes {
            let dry = BulkAction {
                dry_run: true,
                ..action.clone()
            };
            let pages = all_pages(client, dry, Pages::new(None), action.dry_run).await?;
            if action.dry_run {
                return Ok(table::write(&pages.summary(&format!("would be {verb}")))?);
            }
            let runs = text::counted(usize::try_from(pages.acted()).unwrap_or(usize::MAX), "run");
            confirm::ask(false, &format!("{runs} would be {verb}. Go on?"))?;
        }
        let pages = all_pages(client, action, Pages::new(key.cloned()), false).await?;
        Ok(table::write(&pages.summary(&format!("will be {verb}")))?)
    }
}

/// Sends an action page by page; prints what would be cleared, if it `lists`.
async fn all_pages(
    client: &Client,
    action: BulkAction,
    mut pages: Pages,
    lists: bool,
) -> Result<Pages, Problems> {
    loop {
        let body = BulkAction {
            cursor: pages.cursor(),
            ..action.clone()
        };
        let call = client.request(&route::BULK_ACTION, &[]).json(&body);
        let call = call.idempotency_key(pages.key())?;
        let page = call.fetch::<BulkPage>().await;
        let page = page.map_err(|problems| pages.interrupted(!action.dry_run, problems))?;
        if lists {
            for run in &page.previews {
                table::write(&listed(&run.run, &run.tasks, &run.instances, run.total))?;
            }
        }
        if !pages.add(page) {
            return Ok(pages);
        }
    }
}

impl FilterArgs {
    const fn selects_more_than_a_dag(&self) -> bool {
        self.tag.is_some()
            || self.owner.is_some()
            || self.state.is_some()
            || self.kind.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }

    fn body(&self) -> Result<RunsFilter, Problem> {
        let time = |option: &str, text: &Option<String>| {
            text.as_ref().map(|text| date(option, text)).transpose()
        };
        let filter = RunsFilter {
            dag: self.dag.clone(),
            tag: self.tag.clone(),
            owner: self.owner.clone(),
            state: self.state.map(State::api),
            kind: self.kind.map(Kind::api),
            created_from: time("--since", &self.since)?,
            created_before: time("--until", &self.until)?,
        };
        if filter == RunsFilter::default() {
            return Err(Problem::new(
                Code::Usage,
                "neither a run nor a selection of runs is given",
            )
            .help("name a run, or select runs: --dag DAG --state failed"));
        }
        Ok(filter)
    }
}
