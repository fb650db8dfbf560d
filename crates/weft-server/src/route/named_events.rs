//! Events that people and programs send to runs. Each is durable once it is answered, and wakes a
//! task instance that waits for its name.

use super::{page_size, paged, runs};
use crate::{
    app::App,
    auth::{Operating, Reading},
    caller::By,
    cursor::List,
    extract::{Json, Path, Query, Text},
    ports::Wake,
    problem::{Code, Problem},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{EventTaker, NamedEvent, Page, Time};
use weft_core::{document::Dag, id::EventName, run_id::RunId, wait::MAX_EVENT_BYTES};
use weft_store_sql::{NamedEventRow, SendError, SendEvent, Sent};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(send_event, list_events))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct EventPath {
    /// The run's id.
    #[param(value_type = String)]
    run: Text<RunId>,
    /// The event's name: letters, digits, `_`, `-` and `.`.
    #[param(value_type = String)]
    name: Text<EventName>,
}

/// Send an event to a run
///
/// Wakes one task instance that waits for an event of this name. If none waits, the event is kept for
/// the next one that does. Repeating the request with the same `Idempotency-Key` sends no second event:
/// the response is the first one, with status 200 instead of 202.
#[utoipa::path(post, path = "/runs/{run}/events/{name}", tag = "runs", params(EventPath, ("Idempotency-Key" = Option<String>, Header, description = "Identifies the request within the run: 1 to 200 visible ASCII characters")), request_body(content = Value, description = "The payload: any JSON of at most 64 KiB"), responses((status = 202, description = "The event, which is durable", body = NamedEvent), (status = 200, description = "The event that was sent with this key before", body = NamedEvent)))]
async fn send_event(
    by: By<Operating>,
    State(app): State<App>,
    Path(path): Path<EventPath>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, Problem> {
    let row = runs::find(&app, &by.tenant, path.run.0).await?;
    let document = app.documents().of(app.database(), row.version).await?;
    let payload = body.to_string();
    if payload.len() > MAX_EVENT_BYTES {
        let detail = format!(
            "the payload of an event has at most {MAX_EVENT_BYTES} bytes of JSON, and this one has {}: \
             send the place where the data are instead",
            payload.len()
        );
        return Err(Problem::new(Code::TooLarge, detail));
    }
    let event = SendEvent {
        tenant: by.tenant.clone(),
        run: row.id,
        name: path.name.0,
        payload: payload.into(),
        by: by.actor(),
        idempotency_key: runs::idempotency_key(&headers)?,
    };
    let sent = app.database().send_event(&event).await.map_err(refused)?;
    let (status, sent) = match sent {
        Sent::New(sent) => {
            if sent.taken_by.is_some() {
                app.scheduler().wake(Wake::Command);
            }
            (StatusCode::ACCEPTED, sent)
        }
        Sent::Before(sent) => {
            same_event(&sent, &event)?;
            (StatusCode::OK, sent)
        }
    };
    let body = view(row.id, &document, &sent)?;
    Ok((status, axum::Json(body)).into_response())
}

/// A key that comes again must come with the same event.
fn same_event(sent: &NamedEventRow, event: &SendEvent) -> Result<(), Problem> {
    if sent.name == event.name.as_str() && sent.payload == event.payload {
        return Ok(());
    }
    let detail = format!(
        "the idempotency key belongs to the event {} of the run, which was sent differently",
        sent.id
    );
    Err(Problem::new(Code::IdempotencyMismatch, detail))
}

fn refused(error: SendError) -> Problem {
    match error {
        SendError::UnknownRun(run) => {
            Problem::new(Code::RunNotFound, format!("there is no run {run}"))
        }
        error @ SendError::Ended(_) => Problem::new(Code::RunEnded, error.to_string()),
        error @ SendError::TooMany(_) => Problem::new(Code::TooManyEvents, error.to_string()),
        SendError::Store(error) => error.into(),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListEvents {
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// List the events of a name that were sent to a run
///
/// Earliest first.
#[utoipa::path(get, path = "/runs/{run}/events/{name}", tag = "runs", params(EventPath, ListEvents), responses((status = 200, description = "A page", body = Page<NamedEvent>)))]
async fn list_events(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<EventPath>,
    Query(query): Query<ListEvents>,
) -> Result<axum::Json<Page<NamedEvent>>, Problem> {
    let size = page_size(query.limit)?;
    let row = runs::find(&app, &by.tenant, path.run.0).await?;
    let document = app.documents().of(app.database(), row.version).await?;
    let name = &path.name.0;
    let list = List::new("named_events", &(row.id.as_i64(), name.as_str()));
    let after: i64 = list.key(query.cursor.as_deref())?.unwrap_or(0);
    let of = (&by.tenant, row.id);
    let events = app.database();
    let events = events.named_events(of, name, after, size + 1).await?;
    let cursor = |event: &NamedEventRow| list.after(&event.id);
    let convert = |event: &NamedEventRow| view(row.id, &document, event);
    Ok(axum::Json(paged(events, size, cursor, convert)?))
}

fn view(run: RunId, document: &Dag, row: &NamedEventRow) -> Result<NamedEvent, Problem> {
    let payload = serde_json::from_str(&row.payload).map_err(|error| {
        let detail = format!("the payload of the event {}: {error}", row.id);
        Problem::new(Code::Damaged, detail)
    })?;
    let taken_by = row.taken_by.and_then(|instance| {
        let task = document.tasks.get(instance.task.as_usize())?;
        Some(EventTaker {
            task: task.id.to_string(),
            index: instance.index,
        })
    });
    Ok(NamedEvent {
        id: row.id,
        run: run.to_string(),
        name: row.name.clone(),
        payload,
        sent: Time(row.created),
        sent_by: row.created_by.clone(),
        taken_by,
    })
}
