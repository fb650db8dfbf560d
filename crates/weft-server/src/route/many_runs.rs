//! One action on many runs: a page of runs, a command for each that it fits, and the reason for each
//! that it doesn't.
//!
//! Each command is durable by itself and belongs to the action's key, so a page that was interrupted
//! is repeated as a whole: what has its command already gets no second one.

use super::{
    clear_preview::{self, MAX_INSTANCES, RunOf},
    commands,
};
use crate::{
    app::App,
    caller::Caller,
    ports::Wake,
    problem::{Code, Problem},
};
use weft_api::{BulkPage, Command, CommandState, RunClearPreview, SkippedRun};
use weft_core::{
    document::Dag,
    run::{Marked, Rejection, RunState, Selection},
    run_id::RunId,
};
use weft_store::{CommandKind, Unreadable};
use weft_store_sql::{CommandError, RunRow};

/// How many runs one answer acts on.
pub(super) const PAGE_RUNS: u32 = 50;

/// What is wanted of each run. Tasks are named, since each run has its own version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// End it, and the runs that it called as well.
    Cancel { called: bool },
    /// Run tasks or instances again.
    Clear(Selection<String>),
    /// Give an instance of a task a state.
    Mark {
        task: String,
        index: u32,
        as_state: Marked,
    },
}

/// An action on many runs.
pub(super) struct Bulk<'a> {
    pub(super) app: &'a App,
    pub(super) by: &'a Caller,
    pub(super) wanted: &'a Wanted,
    /// The key of the action; none in a dry run.
    pub(super) key: Option<&'a str>,
}

/// Why a run is left as it is.
struct Skip {
    code: &'static str,
    message: String,
}

impl Skip {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// What became of one run.
enum Acted {
    Skipped(Skip),
    Command(Command),
    /// In a dry run, with what a clear would run again.
    Would(Option<RunClearPreview>),
}

impl Bulk<'_> {
    /// Acts on the runs of a page.
    pub(super) async fn act_on(
        &self,
        rows: &[Result<RunRow, Unreadable<RunId>>],
    ) -> Result<BulkPage, Problem> {
        let mut page = BulkPage::default();
        for row in rows {
            let (run, acted) = match row {
                Err(unreadable) => {
                    let skip = Skip::new("unreadable", unreadable.why.clone());
                    (unreadable.key, Acted::Skipped(skip))
                }
                Ok(row) => (row.id, self.act(row, &page).await?),
            };
            match acted {
                Acted::Skipped(skip) => page.skipped.push(SkippedRun {
                    run: run.to_string(),
                    code: skip.code.to_owned(),
                    message: skip.message,
                }),
                Acted::Command(command) => {
                    page.acted += 1;
                    page.commands.push(command);
                }
                Acted::Would(preview) => {
                    page.acted += 1;
                    page.previews.extend(preview);
                }
            }
        }
        if !page.commands.is_empty() {
            self.app.scheduler().wake(Wake::Command);
        }
        Ok(page)
    }

    async fn act(&self, row: &RunRow, page: &BulkPage) -> Result<Acted, Problem> {
        let database = self.app.database();
        let before = database
            .find_command_of_key(&self.by.tenant, row.id, self.key)
            .await?;
        if let Some(id) = before {
            return Ok(Acted::Command(accepted(id.0, row.id)));
        }
        // Only a dry run lists instances.
        let listed = page.previews.iter().map(|run| run.instances.len());
        let room = match self.key {
            Some(_) => 0,
            None => MAX_INSTANCES.saturating_sub(listed.sum()),
        };
        let (kind, preview) = match self.command_for(row, room).await? {
            Ok(planned) => planned,
            Err(skip) => return Ok(Acted::Skipped(skip)),
        };
        let Some(key) = self.key else {
            return Ok(Acted::Would(preview));
        };
        let (tenant, actor) = (&self.by.tenant, self.by.actor());
        let made = database
            .insert_command_once(tenant, row.id, &kind, &actor, Some(key))
            .await;
        Ok(match made {
            Ok(id) => Acted::Command(accepted(id.0, row.id)),
            Err(CommandError::UnknownRun(run)) => Acted::Skipped(Skip::new(
                "run_not_found",
                format!("the run {run} was deleted meanwhile"),
            )),
            Err(error @ CommandError::TooMany(_)) => {
                Acted::Skipped(Skip::new("too_many_commands", error.to_string()))
            }
            Err(CommandError::Store(error)) => return Err(error.into()),
        })
    }

    /// The command that a run gets, and in a dry run of a clear what it does.
    async fn command_for(
        &self,
        row: &RunRow,
        room: usize,
    ) -> Result<Result<(CommandKind, Option<RunClearPreview>), Skip>, Problem> {
        match self.wanted {
            Wanted::Cancel { called } => {
                if row.state.is_ended() {
                    let message = format!("the run {} has ended", row.id);
                    return Ok(Err(Skip::new("run_ended", message)));
                }
                let kind = if *called {
                    CommandKind::CancelTree
                } else {
                    CommandKind::Cancel
                };
                Ok(Ok((kind, None)))
            }
            Wanted::Mark {
                task,
                index,
                as_state,
            } => {
                let dag = self.dag_of(row).await?;
                Ok(match commands::task(&dag, task) {
                    Err(problem) => Err(no_task(&problem)),
                    Ok((_, task)) => {
                        let (index, as_state) = (*index, *as_state);
                        let kind = CommandKind::Mark {
                            task,
                            index,
                            as_state,
                        };
                        Ok((kind, None))
                    }
                })
            }
            Wanted::Clear(selection) => self.clear_for(row, selection, room).await,
        }
    }

    async fn clear_for(
        &self,
        row: &RunRow,
        selection: &Selection<String>,
        room: usize,
    ) -> Result<Result<(CommandKind, Option<RunClearPreview>), Skip>, Problem> {
        if row.state == RunState::Pending {
            let message = format!("the run {} has not started", row.id);
            return Ok(Err(Skip::new("not_started", message)));
        }
        let dag = self.dag_of(row).await?;
        let named = selection.try_map(|name| commands::task(&dag, name));
        let named = match named {
            Ok(named) => named,
            Err(problem) => return Ok(Err(no_task(&problem))),
        };
        let Ok(indexes) = named.try_map(|(index, _)| Ok::<_, Problem>(*index)) else {
            return Err(Problem::internal("every task has an index"));
        };
        let run = RunOf { row, dag: &dag };
        let preview = match clear_preview::preview(self.app, run, &indexes, room).await? {
            Ok(preview) => preview,
            Err(rejection) => return Ok(Err(refused_clear(row.id, rejection))),
        };
        let Ok(ids) = named.try_map(|(_, id)| Ok::<_, Problem>(id.clone())) else {
            return Err(Problem::internal("every task has an id"));
        };
        let preview = RunClearPreview {
            run: row.id.to_string(),
            logical_date: row.logical_date.into(),
            tasks: preview.tasks,
            instances: preview.instances,
            total: preview.total,
        };
        Ok(Ok((CommandKind::Clear(ids), Some(preview))))
    }

    async fn dag_of(&self, row: &RunRow) -> Result<std::sync::Arc<Dag>, Problem> {
        self.app
            .documents()
            .of(self.app.database(), row.version)
            .await
    }
}

/// The key that an action on many runs needs, unless it is a dry run.
pub(super) fn required_key(key: Option<String>, dry_run: bool) -> Result<Option<String>, Problem> {
    match key {
        _ if dry_run => Ok(None),
        Some(key) => Ok(Some(key)),
        None => Err(Problem::new(
            Code::InvalidRequest,
            "an action on many runs needs the header Idempotency-Key, the same for all its pages, so that a \
             repetition gives no run a second command",
        )),
    }
}

fn no_task(problem: &Problem) -> Skip {
    Skip::new("task_not_found", problem.detail())
}

fn refused_clear(run: RunId, rejection: Rejection) -> Skip {
    match rejection {
        Rejection::NothingSelected => Skip::new(
            "nothing_failed",
            format!("nothing of the selection failed in the run {run}"),
        ),
        Rejection::Unknown => Skip::new(
            "no_such_instance",
            format!("the run {run} has no such task instance"),
        ),
        other @ (Rejection::Duplicate
        | Rejection::Stale
        | Rejection::WrongState
        | Rejection::RunEnded) => Skip::new("does_not_fit", other.to_string()),
    }
}

fn accepted(id: i64, run: RunId) -> Command {
    Command {
        id,
        run: run.to_string(),
        state: CommandState::Accepted,
        refused: None,
    }
}
