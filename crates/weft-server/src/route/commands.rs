//! Commands: what people want done to runs. Each is durable once it is
//! answered, and carried out by the scheduler.

use super::{
    clear_body::{self, Others},
    clear_preview::{self, MAX_INSTANCES, RunOf},
    runs::{self, RunPath, find},
};
use crate::{
    app::App,
    auth::{Operating, Reading},
    caller::{By, Caller},
    extract::{Json, Path, Query, Text},
    ports::Wake,
    problem::{Code, Problem, quoted},
    view,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api as api;
use weft_api::{Clear, ClearCommand, ClearPreview, Command, Mark, MarkAs, Wake as WakeBody};
use weft_core::{
    document::{Dag, TaskIndex},
    id::TaskId,
    run::Marked,
    run_id::RunId,
};
use weft_store::{CommandId, CommandKind};
use weft_store_sql::CommandError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(cancel))
        .routes(routes!(fail))
        .routes(routes!(clear))
        .routes(routes!(mark))
        .routes(routes!(wake))
        .routes(routes!(show_command))
}

/// Cancel a run
///
/// Running attempts are killed; ended task instances keep their state. Teardowns whose setups succeeded
/// run before the run ends; a second cancel ends them too. With `called=true` the runs
/// that it called are cancelled as well, and those that these called.
#[utoipa::path(post, path = "/runs/{run}/cancel", tag = "runs", params(RunPath, CancelQuery), responses((status = 202, description = "The command, which is durable", body = Command)))]
async fn cancel(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<CancelQuery>,
) -> Result<Response, Problem> {
    let run = unfinished(&app, &by, &path).await?;
    let kind = if query.called {
        CommandKind::CancelTree
    } else {
        CommandKind::Cancel
    };
    command(&app, &by, run, kind).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CancelQuery {
    /// Whether the runs that it called are cancelled as well.
    #[serde(default)]
    called: bool,
}

/// Fail a run that can't be continued
///
/// Ends a run as failed that no scheduler can continue, and revokes its attempts. A run that can be
/// continued is not touched: the command is refused.
#[utoipa::path(post, path = "/runs/{run}/fail", tag = "runs", params(RunPath), responses((status = 202, description = "The command, which is durable", body = Command)))]
async fn fail(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
) -> Result<Response, Problem> {
    let run = unfinished(&app, &by, &path).await?;
    command(&app, &by, run, CommandKind::Fail).await
}

/// The run that a path names, which has to go on.
async fn unfinished(app: &App, by: &Caller, path: &RunPath) -> Result<RunId, Problem> {
    let row = find(app, &by.tenant, path.run.0).await?;
    if row.state.is_ended() {
        return Err(Problem::new(
            Code::RunEnded,
            format!("the run {} has ended", row.id),
        ));
    }
    Ok(row.id)
}

/// Run tasks again
///
/// Clears tasks or task instances. Their current attempts are revoked, and an ended run continues. A
/// mapped task of which something upstream is cleared is cleared as a whole, since its list may
/// change. With `past` or `future` the same is cleared in the DAG's other runs, a page with each
/// answer: repeat the request with `cursor` and the same `Idempotency-Key` for the next one.
#[utoipa::path(post, path = "/runs/{run}/clear", tag = "runs", params(RunPath, ("Idempotency-Key" = Option<String>, Header, description = "Identifies the action: the same key again gives no run a second command; required with `past` and `future`")), request_body = Clear, responses((status = 202, description = "The command, which is durable", body = ClearCommand), (status = 200, description = "What would be cleared (dry run)", body = ClearPreview)))]
async fn clear(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
    headers: HeaderMap,
    Json(body): Json<Clear>,
) -> Result<Response, Problem> {
    let row = find(&app, &by.tenant, path.run.0).await?;
    let document = app.documents().of(app.database(), row.version).await?;
    let named = clear_body::selection(&body)?;
    let selection = named.try_map(|name| task(&document, name))?;
    let key = runs::idempotency_key(&headers)?;
    let others = Others::of(&body, key.as_deref())?;
    if body.dry_run {
        let indexes = selection.try_map(|(index, _)| Ok::<_, Problem>(*index))?;
        let of = RunOf {
            row: &row,
            dag: &document,
        };
        let preview = clear_preview::preview(&app, of, &indexes, MAX_INSTANCES).await?;
        let mut preview =
            preview.or_else(|rejection| clear_body::refused(&row, &body, rejection))?;
        preview.others = others.act(&app, &by, &row, named).await?;
        return Ok(axum::Json(preview).into_response());
    }
    let selection = selection.try_map(|(_, id)| Ok::<_, Problem>(id.clone()))?;
    let kind = CommandKind::Clear(selection);
    let command = insert(&app, &by, row.id, &kind, key.as_deref()).await?;
    let others = others.act(&app, &by, &row, named).await?;
    let answer = ClearCommand { command, others };
    Ok((StatusCode::ACCEPTED, axum::Json(answer)).into_response())
}

/// Mark an instance with a state
///
/// Downstream instances that have ended keep their state; clear them to run them again.
#[utoipa::path(post, path = "/runs/{run}/mark", tag = "runs", params(RunPath), request_body = Mark, responses((status = 202, description = "The command, which is durable", body = Command)))]
async fn mark(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Json(body): Json<Mark>,
) -> Result<Response, Problem> {
    let row = find(&app, &by.tenant, path.run.0).await?;
    let document = app.documents().of(app.database(), row.version).await?;
    let kind = CommandKind::Mark {
        task: task(&document, &body.task)?.1,
        index: body.index,
        as_state: mark_of(body.state),
    };
    command(&app, &by, row.id, kind).await
}

/// Resume a deferred instance
///
/// Resumes it before its time.
#[utoipa::path(post, path = "/runs/{run}/wake", tag = "runs", params(RunPath), request_body = WakeBody, responses((status = 202, description = "The command, which is durable", body = Command)))]
async fn wake(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Json(body): Json<WakeBody>,
) -> Result<Response, Problem> {
    let row = find(&app, &by.tenant, path.run.0).await?;
    let document = app.documents().of(app.database(), row.version).await?;
    let kind = CommandKind::Wake {
        task: task(&document, &body.task)?.1,
        index: body.index,
    };
    command(&app, &by, row.id, kind).await
}

/// A mark as the domain has it.
pub(super) const fn mark_of(state: MarkAs) -> Marked {
    match state {
        MarkAs::Success => Marked::Success,
        MarkAs::Failed => Marked::Failed,
        MarkAs::Skipped => Marked::Skipped,
    }
}

/// A task of the run's DAG by its name.
pub(super) fn task(dag: &Dag, name: &str) -> Result<(TaskIndex, TaskId), Problem> {
    let position = dag.tasks.iter().position(|task| task.id.as_str() == name);
    let none = || {
        Problem::new(
            Code::TaskNotFound,
            format!("the DAG {} has no task {}", dag.id, quoted(name)),
        )
    };
    let position = position.ok_or_else(none)?;
    let index = u32::try_from(position).expect("a document has at most 250,000 tasks");
    Ok((TaskIndex(index), dag.tasks[position].id.clone()))
}

async fn command(
    app: &App,
    by: &Caller,
    run: RunId,
    kind: CommandKind,
) -> Result<Response, Problem> {
    let command = insert(app, by, run, &kind, None).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(command)).into_response())
}

/// Makes a command durable, once for each key.
async fn insert(
    app: &App,
    by: &Caller,
    run: RunId,
    kind: &CommandKind,
    key: Option<&str>,
) -> Result<Command, Problem> {
    let id = app
        .database()
        .insert_command_once(&by.tenant, run, kind, &by.actor(), key)
        .await
        .map_err(|error| match error {
            CommandError::UnknownRun(run) => {
                Problem::new(Code::RunNotFound, format!("there is no run {run}"))
            }
            error @ CommandError::TooMany(_) => {
                Problem::new(Code::TooManyCommands, error.to_string())
            }
            CommandError::Store(error) => error.into(),
        })?;
    app.scheduler().wake(Wake::Command);
    Ok(Command {
        id: id.0,
        run: run.to_string(),
        state: api::CommandState::Accepted,
        refused: None,
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct CommandPath {
    /// The run's id.
    #[param(value_type = String)]
    run: Text<RunId>,
    /// The command's number.
    command: i64,
}

/// Show a command and its result
#[utoipa::path(get, path = "/runs/{run}/commands/{command}", tag = "runs", params(CommandPath), responses((status = 200, description = "The command", body = Command)))]
async fn show_command(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<CommandPath>,
) -> Result<axum::Json<Command>, Problem> {
    let row = app
        .database()
        .show_command(&by.tenant, CommandId(path.command))
        .await?;
    let row = row.filter(|row| row.run == path.run.0);
    let none = || {
        Problem::new(
            Code::CommandNotFound,
            format!("the run {} has no command {}", path.run.0, path.command),
        )
    };
    row.map(|row| axum::Json(view::run::command(&row)))
        .ok_or_else(none)
}
