//! Notes on runs and task instances.

use super::{
    instances::{self, InstancePath},
    runs::RunPath,
};
use crate::{
    app::App,
    auth::Operating,
    caller::{By, Caller},
    extract::{Json, Path},
    problem::{Code, Problem},
};
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::NewNote;
use weft_store_sql::{MAX_NOTE_BYTES, NoteSubject};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put_run_note))
        .routes(routes!(put_instance_note))
}

/// Write a note on a run
///
/// Replaces the note; an empty text removes it.
#[utoipa::path(put, path = "/runs/{run}/note", tag = "runs", params(RunPath), request_body = NewNote, responses((status = 204, description = "Stored")))]
async fn put_run_note(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Json(body): Json<NewNote>,
) -> Result<StatusCode, Problem> {
    let subject = NoteSubject {
        run: path.run.0,
        instance: None,
    };
    put(&app, &by, subject, &body).await
}

/// Write a note on a task instance
///
/// Replaces the note; an empty text removes it.
#[utoipa::path(put, path = "/runs/{run}/tasks/{task}/{index}/note", tag = "instances", params(InstancePath), request_body = NewNote, responses((status = 204, description = "Stored")))]
async fn put_instance_note(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
    Json(body): Json<NewNote>,
) -> Result<StatusCode, Problem> {
    let found = instances::find(&app, &by.tenant, &path).await?;
    let subject = NoteSubject {
        run: found.run.id,
        instance: Some((found.key, &path.task)),
    };
    put(&app, &by, subject, &body).await
}

async fn put(
    app: &App,
    by: &Caller,
    subject: NoteSubject<'_>,
    body: &NewNote,
) -> Result<StatusCode, Problem> {
    let text = body.text.trim();
    if text.len() > MAX_NOTE_BYTES {
        return Err(Problem::new(
            Code::InvalidValue,
            format!(
                "text: a note has at most {MAX_NOTE_BYTES} bytes, this one has {}",
                text.len()
            ),
        ));
    }
    let stored = app
        .database()
        .put_note(&by.tenant, subject, text, &by.actor())
        .await?;
    if stored {
        return Ok(StatusCode::NO_CONTENT);
    }
    let run = subject.run;
    Err(Problem::new(
        Code::RunNotFound,
        format!("there is no run {run}"),
    ))
}
