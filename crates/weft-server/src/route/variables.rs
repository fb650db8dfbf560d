//! Variables: their names and where their values are kept are listed, their values are set and never shown.

use super::{
    by_name::{ListByName, NamePath},
    secrets,
};
use crate::{
    app::App,
    auth::{Reading, Settling},
    caller::By,
    extract::{Json, Path, Query},
    problem::{Code, Problem},
};
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{NewVariable, Page, Variable};
use weft_secrets::{MAX_VALUE_BYTES, Reference};
use weft_store_sql::secret::SecretKind;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_variables))
        .routes(routes!(put_variable, delete_variable))
}

/// List variables
///
/// Sorted by name. Values are never returned.
#[utoipa::path(get, path = "/variables", tag = "settings", params(ListByName), responses((status = 200, description = "A page", body = Page<Variable>)))]
async fn list_variables(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListByName>,
) -> Result<axum::Json<Page<Variable>>, Problem> {
    secrets::page(&app, &by, SecretKind::Variable, &query, |row| {
        Ok(Variable {
            name: row.name.clone(),
            from: row.reference()?,
            updated: row.updated.into(),
            updated_by: row.updated_by.clone(),
        })
    })
    .await
}

/// Set a variable
///
/// To a value, which the server stores sealed, or to where the value is kept: the server reads it there each time that
/// an attempt asks for it.
#[utoipa::path(put, path = "/variables/{name}", tag = "settings", params(NamePath), request_body = NewVariable, responses((status = 204, description = "Set")))]
async fn put_variable(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
    Json(body): Json<NewVariable>,
) -> Result<StatusCode, Problem> {
    let place = secrets::place(&by, SecretKind::Variable, path.name.0);
    match (&body.value, &body.from) {
        (Some(value), None) => {
            check_size(value)?;
            secrets::put(&app, &by, &place, "{}", value.as_bytes()).await
        }
        (None, Some(from)) => {
            let invalid = |error: &dyn std::fmt::Display| {
                Problem::new(Code::InvalidValue, format!("from: {error}"))
            };
            let reference: Reference = from.parse().map_err(|error| invalid(&error))?;
            let sources = app.variables().sources();
            let is_set = sources.check(&by.tenant, &reference);
            is_set.map_err(|error| invalid(&error))?;
            let about = serde_json::json!({ "from": reference.to_string() });
            secrets::put(&app, &by, &place, &about.to_string(), b"").await
        }
        (Some(_), Some(_)) | (None, None) => Err(Problem::new(
            Code::InvalidValue,
            "a variable has either `value` or `from`",
        )),
    }
}

fn check_size(value: &str) -> Result<(), Problem> {
    if value.len() <= MAX_VALUE_BYTES {
        return Ok(());
    }
    let bytes = value.len();
    let detail = format!("a value has at most {MAX_VALUE_BYTES} bytes, this one has {bytes}");
    Err(Problem::new(Code::InvalidValue, detail))
}

/// Remove a variable
#[utoipa::path(delete, path = "/variables/{name}", tag = "settings", params(NamePath), responses((status = 204, description = "Removed")))]
async fn delete_variable(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
) -> Result<StatusCode, Problem> {
    let place = secrets::place(&by, SecretKind::Variable, path.name.0);
    secrets::remove(&app, &by, &place).await
}
