//! Destinations of notifications: set, listed without their secrets, tested; and deliveries.

mod check;

use super::{
    by_name::{ListByName, NamePath},
    page_size, paged, secrets,
};
use crate::{
    app::App,
    auth::{Reading, Settling},
    caller::By,
    cursor::List,
    extract::{Json, Path, Query},
    policies::policy_of,
    problem::{Code, Problem},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Delivery, DeliveryState, Destination, NewDestination, Page, Time};
use weft_core::notification;
use weft_store_sql::{
    DeliveryId, DeliveryRow, SecretRow,
    secret::{SecretAddress, SecretKind},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_destinations))
        .routes(routes!(put_destination, delete_destination))
        .routes(routes!(test_destination))
        .routes(routes!(list_deliveries))
        .routes(routes!(show_delivery))
}

/// List destinations of notifications
///
/// Sorted by name. What is secret is never returned.
#[utoipa::path(get, path = "/notifications/destinations", tag = "notifications", params(ListByName), responses((status = 200, description = "A page", body = Page<Destination>)))]
async fn list_destinations(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListByName>,
) -> Result<axum::Json<Page<Destination>>, Problem> {
    secrets::page(&app, &by, SecretKind::Destination, &query, view).await
}

/// Set a destination of notifications
///
/// What happens from now on is sent there. It can lead where the tenant's policy lets tasks go.
#[utoipa::path(put, path = "/notifications/destinations/{name}", tag = "notifications", params(NamePath), request_body = NewDestination, responses((status = 204, description = "Set")))]
async fn put_destination(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
    Json(body): Json<NewDestination>,
) -> Result<StatusCode, Problem> {
    let policy = policy_of(&app, &by.tenant).await?;
    let (about, endpoint) = check::checked(&body, &policy)?;
    let address = secrets::place(&by, SecretKind::Destination, path.name.0);
    let value = serde_json::to_vec(&endpoint).map_err(Problem::internal)?;
    let sealed = app
        .keyring()
        .seal(&address, &value)
        .map_err(Problem::internal)?;
    app.database()
        .put_destination(&address, &about, &sealed, &by.actor())
        .await?;
    app.wake_notifications();
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a destination of notifications
///
/// What is on its way there is given up.
#[utoipa::path(delete, path = "/notifications/destinations/{name}", tag = "notifications", params(NamePath), responses((status = 204, description = "Removed")))]
async fn delete_destination(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
) -> Result<StatusCode, Problem> {
    let address = secrets::place(&by, SecretKind::Destination, path.name.0);
    let actor = by.actor();
    if app.database().delete_destination(&address, &actor).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown(&address.name))
    }
}

/// Send a test to a destination
///
/// The delivery says whether it arrived.
#[utoipa::path(post, path = "/notifications/destinations/{name}/test", tag = "notifications", params(NamePath), responses((status = 202, description = "The delivery, which is durable", body = Delivery)))]
async fn test_destination(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
) -> Result<Response, Problem> {
    let address: SecretAddress = secrets::place(&by, SecretKind::Destination, path.name.0);
    let (tenant, name) = (&by.tenant, address.name.as_str());
    let found = app
        .database()
        .show_secret(tenant, SecretKind::Destination, name)
        .await?;
    let (row, _sealed) = found.ok_or_else(|| unknown(name))?;
    let about = about(&row)?;
    let delivery = app
        .database()
        .test_destination(tenant, (name, &about), &by.actor())
        .await?;
    app.wake_notifications();
    let body = axum::Json(delivery_view(&delivery));
    Ok((StatusCode::ACCEPTED, body).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListDeliveries {
    /// Only those to this destination.
    destination: Option<String>,
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// List deliveries of notifications
///
/// The newest first. Those that ended are kept for 7 days.
#[utoipa::path(get, path = "/notifications/deliveries", tag = "notifications", params(ListDeliveries), responses((status = 200, description = "A page", body = Page<Delivery>)))]
async fn list_deliveries(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListDeliveries>,
) -> Result<axum::Json<Page<Delivery>>, Problem> {
    let size = page_size(query.limit)?;
    let destination = query.destination.as_deref();
    let list = List::new("deliveries", &(&by.tenant, destination));
    let before: Option<i64> = list.key(query.cursor.as_deref())?;
    let rows = app
        .database()
        .list_deliveries(&by.tenant, destination, before.map(DeliveryId), size + 1)
        .await?;
    let cursor = |row: &DeliveryRow| list.after(&row.id.0);
    let convert = |row: &DeliveryRow| Ok(delivery_view(row));
    Ok(axum::Json(paged(rows, size, cursor, convert)?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct DeliveryPath {
    /// The delivery's number.
    delivery: i64,
}

/// Show a delivery of a notification
#[utoipa::path(get, path = "/notifications/deliveries/{delivery}", tag = "notifications", params(DeliveryPath), responses((status = 200, description = "The delivery", body = Delivery)))]
async fn show_delivery(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<DeliveryPath>,
) -> Result<axum::Json<Delivery>, Problem> {
    let id = DeliveryId(path.delivery);
    let row = app.database().show_delivery(&by.tenant, id).await?;
    let row = row.ok_or_else(|| {
        let detail = format!("there is no delivery {}", path.delivery);
        Problem::new(Code::DeliveryNotFound, detail)
    })?;
    Ok(axum::Json(delivery_view(&row)))
}

fn unknown(name: &str) -> Problem {
    let detail = format!("there is no destination {name:?}");
    Problem::new(Code::DestinationNotFound, detail)
}

fn about(row: &SecretRow) -> Result<notification::Destination, Problem> {
    serde_json::from_str(&row.about).map_err(|error| {
        let detail = format!("the destination {:?} can't be read: {error}", row.name);
        Problem::new(Code::Damaged, detail)
    })
}

fn view(row: &SecretRow) -> Result<Destination, Problem> {
    let about = about(row)?;
    Ok(Destination {
        name: row.name.clone(),
        kind: kind(about.kind),
        address: about.address,
        on: about.on.into_iter().map(on).collect(),
        dags: about.dags,
        tags: about.tags,
        fold_wait_ms: about.fold.wait.0,
        fold_interval_ms: about.fold.interval.0,
        title: about.templates.title,
        text: about.templates.text,
        updated: row.updated.into(),
        updated_by: row.updated_by.clone(),
    })
}

fn delivery_view(row: &DeliveryRow) -> Delivery {
    let notice = &row.notice;
    let cause = notice.cause.as_ref();
    let is_waiting = row.state == weft_store_sql::DeliveryState::Waiting;
    Delivery {
        id: row.id.0,
        destination: row.destination.clone(),
        key: row.key.clone(),
        on: on(row.on),
        count: notice.count,
        dags: notice.dags.clone(),
        runs: notice.runs.iter().map(|run| run.run.clone()).collect(),
        cause: cause.map(|cause| format!("{}: {}", cause.code, cause.message)),
        state: match row.state {
            weft_store_sql::DeliveryState::Waiting => DeliveryState::Waiting,
            weft_store_sql::DeliveryState::Delivered => DeliveryState::Delivered,
            weft_store_sql::DeliveryState::GivenUp => DeliveryState::GivenUp,
        },
        created: Time(row.created),
        due: is_waiting.then_some(Time(row.due)),
        attempts: row.attempts,
        last_attempt: row.last_attempt.map(Time),
        ended: row.ended.map(Time),
        error: row.error.clone(),
    }
}

const fn kind(kind: notification::DestinationKind) -> weft_api::DestinationKind {
    match kind {
        notification::DestinationKind::Webhook => weft_api::DestinationKind::Webhook,
        notification::DestinationKind::Slack => weft_api::DestinationKind::Slack,
        notification::DestinationKind::PagerDuty => weft_api::DestinationKind::PagerDuty,
        notification::DestinationKind::Email => weft_api::DestinationKind::Email,
    }
}

const fn on(on: notification::NotifyOn) -> weft_api::NotifyOn {
    match on {
        notification::NotifyOn::Success => weft_api::NotifyOn::Success,
        notification::NotifyOn::Failure => weft_api::NotifyOn::Failure,
        notification::NotifyOn::Recovery => weft_api::NotifyOn::Recovery,
        notification::NotifyOn::Retry => weft_api::NotifyOn::Retry,
        notification::NotifyOn::Deadline => weft_api::NotifyOn::Deadline,
        notification::NotifyOn::Approval => weft_api::NotifyOn::Approval,
        notification::NotifyOn::Test => weft_api::NotifyOn::Test,
    }
}
