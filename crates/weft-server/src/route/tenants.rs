//! Tenants and what bounds them.

use super::{by_name::ListByName, page_size, paged};
use crate::{
    app::App,
    auth::Governing,
    caller::By,
    cursor::List,
    extract::{Json, Path, Query, Text},
    ports::Wake,
    problem::{Code, Problem},
};
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Page, Tenant, TenantChange};
use weft_core::id::TenantId;
use weft_store_sql::{TenantLimits, TenantRow};

/// The largest share of a tenant; 100 is usual.
const MAX_WEIGHT: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tenants))
        .routes(routes!(put_tenant))
}

/// List tenants
///
/// Sorted by id. Needs a token for the whole installation.
#[utoipa::path(get, path = "/tenants", tag = "settings", params(ListByName), responses((status = 200, description = "A page", body = Page<Tenant>)))]
async fn list_tenants(
    _by: By<Governing>,
    State(app): State<App>,
    Query(query): Query<ListByName>,
) -> Result<axum::Json<Page<Tenant>>, Problem> {
    let size = page_size(query.limit)?;
    let list = List::new("tenants", &());
    let after: Option<String> = list.key(query.cursor.as_deref())?;
    let after: Option<TenantId> = after
        .map(|id| id.parse())
        .transpose()
        .map_err(|_odd| Problem::new(Code::InvalidCursor, "the cursor names no tenant"))?;
    let rows = app
        .database()
        .list_tenants(after.as_ref(), size + 1)
        .await?;
    Ok(axum::Json(paged(
        rows,
        size,
        |row| list.after(&row.id.as_str()),
        |row| Ok(view(row)),
    )?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct TenantPath {
    /// The tenant's id.
    #[param(value_type = String)]
    tenant: Text<TenantId>,
}

/// Create a tenant, or change its quotas
///
/// Needs a token for the whole installation.
#[utoipa::path(put, path = "/tenants/{tenant}", tag = "settings", params(TenantPath), request_body = TenantChange, responses((status = 200, description = "The tenant after the change", body = Tenant)))]
async fn put_tenant(
    by: By<Governing>,
    State(app): State<App>,
    Path(path): Path<TenantPath>,
    Json(body): Json<TenantChange>,
) -> Result<axum::Json<Tenant>, Problem> {
    let id = &path.tenant.0;
    let before = app.database().show_tenant(id).await?;
    let mut limits = before.map_or_else(TenantLimits::default, |row| TenantLimits {
        weight: row.weight,
        max_active_tasks: row.max_active_tasks,
    });
    if let Some(weight) = body.weight {
        if !(1..=MAX_WEIGHT).contains(&weight) {
            return Err(Problem::new(
                Code::InvalidValue,
                format!("a weight lies between 1 and {MAX_WEIGHT}, not {weight}"),
            ));
        }
        limits.weight = weight;
    }
    if let Some(most) = body.max_active_tasks {
        let bounded = i32::try_from(most).is_ok();
        if !bounded {
            return Err(Problem::new(
                Code::InvalidValue,
                format!("max_active_tasks is at most {}", i32::MAX),
            ));
        }
        limits.max_active_tasks = Some(most).filter(|most| *most > 0);
    }
    app.database().put_tenant(id, limits, &by.actor()).await?;
    app.scheduler().wake(Wake::Settings);
    let row = app.database().show_tenant(id).await?;
    let gone = || Problem::internal(format!("the tenant {id} was made and is not there"));
    row.map(|row| axum::Json(view(&row))).ok_or_else(gone)
}

fn view(row: &TenantRow) -> Tenant {
    Tenant {
        id: row.id.to_string(),
        max_active_tasks: row.max_active_tasks,
        weight: row.weight,
    }
}
