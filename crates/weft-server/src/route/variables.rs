//! Variables: their names are listed, their values are set and never shown.

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
use weft_store_sql::secret::SecretKind;

/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 64 << 10;

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
            updated: row.updated.into(),
            updated_by: row.updated_by.clone(),
        })
    })
    .await
}

/// Set a variable
#[utoipa::path(put, path = "/variables/{name}", tag = "settings", params(NamePath), request_body = NewVariable, responses((status = 204, description = "Set")))]
async fn put_variable(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
    Json(body): Json<NewVariable>,
) -> Result<StatusCode, Problem> {
    if body.value.len() > MAX_VALUE_BYTES {
        let detail = format!(
            "a value has at most {MAX_VALUE_BYTES} bytes, this one has {}",
            body.value.len()
        );
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let place = secrets::place(&by, SecretKind::Variable, path.name.0);
    secrets::put(&app, &by, &place, "{}", body.value.as_bytes()).await
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
