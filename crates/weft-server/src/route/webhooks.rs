//! Webhooks of DAGs: made with a secret that is shown once, listed, removed.

use super::{
    by_name::ListByName,
    dags::{self, DagPath},
    page_size, paged,
};
use crate::{
    app::App,
    auth::{Reading, Secret, Settling},
    caller::{By, Caller},
    cursor::List,
    extract::{Json, Name, Path, Query, Text},
    problem::{Code, Problem},
    webhook::{About, is_pointer},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{CreatedWebhook, NewWebhook, NewWebhookSecret, Page, Webhook};
use weft_core::{document::Dag, id::DagId};
use weft_store_sql::{
    WebhookError, WebhookRow,
    secret::{SecretAddress, SecretKind},
};

/// The most parameters, and the most types of events, of one webhook.
const MAX_ENTRIES: usize = 100;
/// The longest pointer, type of an event and secret, in bytes.
const MAX_TEXT_BYTES: usize = 500;
/// The shortest secret that another system made, in bytes.
const MIN_SECRET_BYTES: usize = 16;
/// The bytes of an id.
const ID_BYTES: usize = 16;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, create_webhook))
        .routes(routes!(delete_webhook))
        .routes(routes!(replace_webhook_secret))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct WebhookPath {
    /// The DAG's id.
    #[param(value_type = String)]
    dag: Text<DagId>,
    /// The webhook's name.
    #[param(value_type = String)]
    webhook: Text<Name>,
}

/// List the webhooks of a DAG
///
/// Sorted by name. Their secrets are never returned.
#[utoipa::path(get, path = "/dags/{dag}/webhooks", tag = "webhooks", params(DagPath, ListByName), responses((status = 200, description = "A page", body = Page<Webhook>)))]
async fn list_webhooks(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    Query(query): Query<ListByName>,
) -> Result<axum::Json<Page<Webhook>>, Problem> {
    let size = page_size(query.limit)?;
    let dag = &path.dag.0;
    dags::find(&app, &by.tenant, dag).await?;
    let list = List::new("webhooks", &(&by.tenant, dag.as_str()));
    let after: Option<String> = list.key(query.cursor.as_deref())?;
    let rows = app
        .database()
        .list_webhooks((&by.tenant, dag), after.as_deref(), size + 1)
        .await?;
    let page = paged(rows, size, |row| list.after(&row.name), view)?;
    Ok(axum::Json(page))
}

/// Create a webhook of a DAG
///
/// A signed `POST` to its path triggers a run. The response is the only one that contains the secret.
#[utoipa::path(post, path = "/dags/{dag}/webhooks", tag = "webhooks", params(DagPath), request_body = NewWebhook, responses((status = 201, description = "The webhook with its secret", body = CreatedWebhook)))]
async fn create_webhook(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    Json(body): Json<NewWebhook>,
) -> Result<Response, Problem> {
    let dag = &path.dag.0;
    let row = dags::find(&app, &by.tenant, dag).await?;
    let document = match &row.active {
        Some(active) => Some(app.documents().of(app.database(), active.id).await?),
        None => None,
    };
    let about =
        check(&body, document.as_deref()).map_err(|why| Problem::new(Code::InvalidValue, why))?;
    let secret = secret(body.secret.as_deref())?;
    let about = serde_json::to_string(&about).map_err(Problem::internal)?;
    let address = SecretAddress {
        tenant: by.tenant.clone(),
        kind: SecretKind::Webhook,
        name: draw_id(),
    };
    let sealed = app
        .keyring()
        .seal(&address, secret.as_bytes())
        .map_err(Problem::internal)?;
    let new = weft_store_sql::NewWebhook {
        address: &address,
        dag,
        name: &body.name,
        about: &about,
        secret: &sealed,
        by: &by.actor(),
    };
    match app.database().create_webhook(new).await {
        Ok(()) => {}
        Err(WebhookError::Refused) => {
            let detail = format!("the DAG {dag} has a webhook {:?}", body.name);
            return Err(Problem::new(Code::WebhookExists, detail));
        }
        Err(error @ WebhookError::TooMany) => {
            return Err(Problem::new(Code::InvalidValue, error.to_string()));
        }
        Err(WebhookError::Store(error)) => return Err(error.into()),
    }
    let row = find(&app, &by, dag, &body.name).await?;
    created(StatusCode::CREATED, &row, secret)
}

/// Replace the secret of a webhook
///
/// Requests with the earlier one are refused from now on. The response is the only one that contains the secret.
#[utoipa::path(put, path = "/dags/{dag}/webhooks/{webhook}/secret", tag = "webhooks", params(WebhookPath), request_body = NewWebhookSecret, responses((status = 200, description = "The webhook with its new secret", body = CreatedWebhook)))]
async fn replace_webhook_secret(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<WebhookPath>,
    Json(body): Json<NewWebhookSecret>,
) -> Result<Response, Problem> {
    let row = find(&app, &by, &path.dag.0, &path.webhook.0.0).await?;
    let secret = secret(body.secret.as_deref())?;
    let sealed = app
        .keyring()
        .seal(&row.address(), secret.as_bytes())
        .map_err(Problem::internal)?;
    app.database()
        .replace_webhook_secret(&row, &sealed, &by.actor())
        .await?;
    created(StatusCode::OK, &row, secret)
}

/// Remove a webhook
#[utoipa::path(delete, path = "/dags/{dag}/webhooks/{webhook}", tag = "webhooks", params(WebhookPath), responses((status = 204, description = "Removed")))]
async fn delete_webhook(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<WebhookPath>,
) -> Result<StatusCode, Problem> {
    let row = find(&app, &by, &path.dag.0, &path.webhook.0.0).await?;
    app.database().delete_webhook(&row, &by.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, by: &Caller, dag: &DagId, name: &str) -> Result<WebhookRow, Problem> {
    dags::find(app, &by.tenant, dag).await?;
    let row = app.database().show_webhook((&by.tenant, dag), name).await?;
    row.ok_or_else(|| {
        let detail = format!("the DAG {dag} has no webhook {name:?}");
        Problem::new(Code::WebhookNotFound, detail)
    })
}

/// What of a new webhook can be used.
fn check(body: &NewWebhook, dag: Option<&Dag>) -> Result<About, String> {
    body.name
        .parse::<Name>()
        .map_err(|error| format!("name: {error}"))?;
    if body.params.len() > MAX_ENTRIES || body.events.len() > MAX_ENTRIES {
        return Err(format!(
            "a webhook has at most {MAX_ENTRIES} parameters and {MAX_ENTRIES} types of events"
        ));
    }
    for (name, pointer) in &body.params {
        if !is_pointer(pointer) || pointer.len() > MAX_TEXT_BYTES {
            return Err(format!(
                "params: {name}: {pointer:?} is no JSON Pointer, such as /repository/name"
            ));
        }
        if let Some(dag) = dag
            && !dag.params.iter().any(|param| param.name == *name)
        {
            return Err(format!(
                "params: the DAG {} has no parameter {name}",
                dag.id
            ));
        }
    }
    let is_odd = |event: &String| event.is_empty() || event.len() > MAX_TEXT_BYTES;
    if body.events.iter().any(is_odd) {
        return Err(format!(
            "events: a type of an event has 1 to {MAX_TEXT_BYTES} bytes"
        ));
    }
    Ok(About {
        form: body.form,
        params: body.params.clone(),
        events: body.events.clone(),
    })
}

/// The secret that was given, or a new one. The message never repeats it.
fn secret(given: Option<&str>) -> Result<String, Problem> {
    let Some(given) = given else {
        return Ok(Secret::draw().reveal().replacen("weft_", "whsec_", 1));
    };
    let fits = (MIN_SECRET_BYTES..=MAX_TEXT_BYTES).contains(&given.len())
        && given.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        let detail = format!(
            "secret: a secret has {MIN_SECRET_BYTES} to {MAX_TEXT_BYTES} visible ASCII characters"
        );
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    Ok(given.to_owned())
}

fn draw_id() -> String {
    use std::fmt::Write as _;
    let mut id = String::with_capacity(ID_BYTES * 2);
    for byte in crate::random::bytes::<ID_BYTES>() {
        write!(id, "{byte:02x}").expect("a String takes every text");
    }
    id
}

fn created(status: StatusCode, row: &WebhookRow, secret: String) -> Result<Response, Problem> {
    let webhook = view(row)?;
    let body = axum::Json(CreatedWebhook { webhook, secret });
    let mut response = (status, body).into_response();
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

fn view(row: &WebhookRow) -> Result<Webhook, Problem> {
    let about: About = serde_json::from_str(&row.about).map_err(Problem::internal)?;
    Ok(Webhook {
        name: row.name.clone(),
        dag: row.dag.to_string(),
        path: format!("{}/{}", super::hooks::BASE, row.id),
        form: about.form,
        params: about.params,
        events: about.events,
        created: row.created.into(),
        created_by: row.created_by.clone(),
    })
}
