//! Approvals: what task instances ask people. An answer is durable once it is returned, and wakes
//! the instance.

use super::{
    instances::{self, InstancePath},
    page_size, paged, runs,
};
use crate::{
    app::App,
    auth::{Operating, Reading},
    caller::{By, Caller},
    cursor::List,
    extract::{Json, Path, Query, Text},
    ports::Wake,
    problem::{Code, Problem},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use std::collections::{HashMap, hash_map::Entry};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Approval, ApprovalDecision, ApprovalState, NewDecision, Page, Time};
use weft_core::{
    approval::{Answer, ApprovalRequest},
    document::TaskIndex,
    id::DagId,
    run::Instance,
    run_id::RunId,
};
use weft_store_sql::{ApprovalKey, ApprovalRow, Decide, DecideError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_approvals))
        .routes(routes!(show_approval, decide_approval))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListApprovals {
    /// Everything that tasks of this run asked, answered or not; without a run what tasks wait for.
    #[param(value_type = Option<String>)]
    run: Option<Text<RunId>>,
    /// Only what tasks of this DAG wait for.
    #[param(value_type = Option<String>)]
    dag: Option<Text<DagId>>,
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// The key of a request in a cursor: run, task, map index, number of the attempt.
type Key = (i64, u32, u32, u32);

/// List approvals
///
/// What tasks wait for, those of the oldest run first; with a run everything that its tasks asked.
#[utoipa::path(get, path = "/approvals", tag = "approvals", params(ListApprovals), responses((status = 200, description = "A page", body = Page<Approval>)))]
async fn list_approvals(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListApprovals>,
) -> Result<axum::Json<Page<Approval>>, Problem> {
    let size = page_size(query.limit)?;
    let run = query.run.map(|run| run.0);
    let dag = query.dag.map(|dag| dag.0);
    let of = (
        run.map(RunId::as_i64),
        dag.as_ref().map(DagId::as_str),
        by.tenant.as_str(),
    );
    let list = List::new("approvals", &of);
    let after: Option<Key> = list.key(query.cursor.as_deref())?;
    let after = after.map(approval_key).transpose()?;
    let database = app.database();
    let rows = if let Some(run) = run {
        let run = runs::find(&app, &by.tenant, run).await?.id;
        let of = (&by.tenant, run);
        database.approvals_of_run(of, after, size + 1).await?
    } else {
        database
            .waiting_approvals(&by.tenant, dag.as_ref(), after, size + 1)
            .await?
    };
    let mut tasks = HashMap::new();
    for row in &rows {
        if let Entry::Vacant(entry) = tasks.entry(row.version) {
            entry.insert(app.documents().of(database, row.version).await?);
        }
    }
    let key = |row: &ApprovalRow| {
        let Instance { task, index } = row.instance;
        list.after(&(row.run.as_i64(), task.0, index, row.number))
    };
    let convert = |row: &ApprovalRow| {
        let document = tasks.get(&row.version);
        let task = document.and_then(|of| of.tasks.get(row.instance.task.as_usize()));
        view(
            row,
            task.map_or_else(String::new, |task| task.id.to_string()),
            &by,
        )
    };
    Ok(axum::Json(paged(rows, size, key, convert)?))
}

/// Show what a task instance asks
///
/// What it asked last, with the answer.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/approval", tag = "approvals", params(InstancePath), responses((status = 200, description = "The question and its answer", body = Approval)))]
async fn show_approval(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
) -> Result<axum::Json<Approval>, Problem> {
    let (row, task) = find(&app, &by, &path).await?;
    Ok(axum::Json(view(&row, task, &by)?))
}

/// Answer what a task instance asks
///
/// The answer wakes the task, which learns it with the name of the caller's token. A task that asks for approvers
/// takes the answers of these tokens alone.
#[utoipa::path(post, path = "/runs/{run}/tasks/{task}/{index}/approval", tag = "approvals", params(InstancePath), request_body = NewDecision, responses((status = 202, description = "The answer, which is durable", body = Approval)))]
async fn decide_approval(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
    Json(body): Json<NewDecision>,
) -> Result<Response, Problem> {
    let (row, task) = find(&app, &by, &path).await?;
    let request = request(&row)?;
    if !request.may_answer(&by.name) {
        let detail = format!(
            "the token {} may not answer: the task asks {}",
            by.name,
            request.approvers.join(", ")
        );
        return Err(Problem::new(Code::ApprovalForbidden, detail));
    }
    let answer = Answer {
        option: body.option,
        comment: body.comment,
        fields: body.fields,
    };
    let option = request
        .check(&answer)
        .map_err(|error| Problem::new(Code::InvalidValue, error.to_string()))?;
    let decide = Decide {
        tenant: by.tenant.clone(),
        key: (row.run, row.instance, row.number),
        option,
        comment: answer.comment,
        fields: answer.fields,
        by: by.name.clone(),
        actor: by.actor(),
    };
    let row = app.database().decide_approval(&decide).await;
    let row = row.map_err(|error| match error {
        error @ DecideError::Unknown => Problem::new(Code::ApprovalNotFound, error.to_string()),
        error @ DecideError::Decided { .. } => {
            Problem::new(Code::ApprovalDecided, error.to_string())
        }
        error @ DecideError::Over => Problem::new(Code::ApprovalOver, error.to_string()),
        DecideError::Store(error) => error.into(),
    })?;
    app.scheduler().wake(Wake::Command);
    let body = view(&row, task, &by)?;
    Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response())
}

/// What an instance asked last, with the name of its task.
async fn find(
    app: &App,
    by: &Caller,
    path: &InstancePath,
) -> Result<(ApprovalRow, String), Problem> {
    let found = instances::find(app, &by.tenant, path).await?;
    let (run, task) = (found.run.id, path.task.clone());
    let row = app
        .database()
        .approval((&by.tenant, run), found.key)
        .await?;
    let none = || {
        let detail = format!("the task {task} of the run {run} asks nothing");
        Problem::new(Code::ApprovalNotFound, detail)
    };
    Ok((row.ok_or_else(none)?, task))
}

fn request(row: &ApprovalRow) -> Result<ApprovalRequest, Problem> {
    ApprovalRequest::parse(&row.request).map_err(|error| {
        let detail = format!("what a task of the run {} asks: {error}", row.run);
        Problem::new(Code::Damaged, detail)
    })
}

fn approval_key((run, task, index, number): Key) -> Result<ApprovalKey, Problem> {
    let none = || Problem::new(Code::InvalidCursor, "the cursor names no run");
    let run = RunId::from_i64(run).ok_or_else(none)?;
    let task = TaskIndex(task);
    Ok((run, Instance { task, index }, number))
}

fn view(row: &ApprovalRow, task: String, by: &Caller) -> Result<Approval, Problem> {
    let request = request(row)?;
    let may_answer = request.may_answer(&by.name) && by.may_operate();
    let decision = match &row.answer {
        None => None,
        Some(answer) => Some(ApprovalDecision {
            option: answer.option.clone(),
            comment: answer.comment.clone(),
            fields: serde_json::from_str(&answer.fields).map_err(Problem::internal)?,
            at: Time(answer.at),
            by: answer.by.clone(),
            command: answer.command.0,
            refused: answer.refused.clone(),
        }),
    };
    let options = request.options.iter();
    Ok(Approval {
        run: row.run.to_string(),
        dag: row.dag.to_string(),
        task,
        index: row.instance.index,
        attempt: row.number,
        state: match (&decision, row.is_waiting) {
            (Some(_), _) => ApprovalState::Decided,
            (None, true) => ApprovalState::Waiting,
            (None, false) => ApprovalState::Over,
        },
        subject: request.subject,
        body: request.body,
        options: options.map(ToString::to_string).collect(),
        default: request.default.map(|default| default.to_string()),
        form: request.form,
        approvers: request.approvers,
        may_answer,
        asked: Time(row.asked),
        until: row.until.filter(|_until| row.is_waiting).map(Time),
        decision,
    })
}
