//! Shared routes of what is sealed by name: sealed values by name, listed without their values.

use super::{by_name::ListByName, page_size, paged};
use crate::{
    app::App,
    caller::Caller,
    cursor::List,
    extract::Name,
    problem::{Code, Problem},
};
use http::StatusCode;
use weft_api::Page;
use weft_store_sql::{
    SecretRow,
    secret::{SecretAddress, SecretKind},
};

pub(super) fn place(by: &Caller, kind: SecretKind, name: Name) -> SecretAddress {
    SecretAddress {
        tenant: by.tenant.clone(),
        kind,
        name: name.0,
    }
}

/// A page of those of a kind, by name.
pub(super) async fn page<T>(
    app: &App,
    by: &Caller,
    kind: SecretKind,
    query: &ListByName,
    view: impl Fn(&SecretRow) -> Result<T, Problem>,
) -> Result<axum::Json<Page<T>>, Problem> {
    let size = page_size(query.limit)?;
    let list = List::new(word(kind), &by.tenant);
    let after: Option<String> = list.key(query.cursor.as_deref())?;
    let rows = app
        .database()
        .list_secrets(&by.tenant, kind, after.as_deref(), size + 1)
        .await?;
    let page = paged(rows, size, |row| list.after(&row.name), view)?;
    Ok(axum::Json(page))
}

/// Seals a value and stores it under its name.
pub(super) async fn put(
    app: &App,
    by: &Caller,
    place: &SecretAddress,
    about: &str,
    value: &[u8],
) -> Result<StatusCode, Problem> {
    let sealed = app
        .keyring()
        .seal(place, value)
        .map_err(Problem::internal)?;
    app.database()
        .put_secret(place, about, &sealed, &by.actor())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the secret of this name.
pub(super) async fn remove(
    app: &App,
    by: &Caller,
    place: &SecretAddress,
) -> Result<StatusCode, Problem> {
    if app.database().delete_secret(place, &by.actor()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let code = match place.kind {
        SecretKind::Variable => Code::VariableNotFound,
        SecretKind::Connection => Code::ConnectionNotFound,
        SecretKind::Destination => Code::DestinationNotFound,
        SecretKind::Webhook => Code::WebhookNotFound,
    };
    let detail = format!("there is no {} {:?}", word(place.kind), place.name);
    Err(Problem::new(code, detail))
}

const fn word(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Variable => "variable",
        SecretKind::Connection => "connection",
        SecretKind::Destination => "destination",
        SecretKind::Webhook => "webhook",
    }
}
