//! Pools of slots that tasks share.

use super::{
    by_name::{ListByName, NamePath},
    page_size, paged,
};
use crate::{
    app::App,
    auth::{Reading, Settling},
    caller::By,
    cursor::List,
    extract::{Json, Path, Query},
    ports::Wake,
    problem::{Code, Problem},
};
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{NewPool, Page, Pool};

/// The most slots of a pool.
const MAX_SLOTS: u32 = 1_000_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_pools))
        .routes(routes!(put_pool, delete_pool))
}

/// List pools
///
/// Sorted by name.
#[utoipa::path(get, path = "/pools", tag = "settings", params(ListByName), responses((status = 200, description = "A page", body = Page<Pool>)))]
async fn list_pools(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListByName>,
) -> Result<axum::Json<Page<Pool>>, Problem> {
    let size = page_size(query.limit)?;
    let list = List::new("pools", &by.tenant);
    let after: Option<String> = list.key(query.cursor.as_deref())?;
    let rows = app
        .database()
        .list_pools(&by.tenant, after.as_deref(), size + 1)
        .await?;
    let page = paged(
        rows,
        size,
        |row| list.after(&row.name),
        |row| {
            Ok(Pool {
                name: row.name.clone(),
                slots: row.slots,
            })
        },
    )?;
    Ok(axum::Json(page))
}

/// Create a pool, or change its size
#[utoipa::path(put, path = "/pools/{name}", tag = "settings", params(NamePath), request_body = NewPool, responses((status = 200, description = "The pool after the change", body = Pool)))]
async fn put_pool(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
    Json(body): Json<NewPool>,
) -> Result<axum::Json<Pool>, Problem> {
    if !(1..=MAX_SLOTS).contains(&body.slots) {
        return Err(Problem::new(
            Code::InvalidValue,
            format!("a pool has 1 to {MAX_SLOTS} slots, not {}", body.slots),
        ));
    }
    let pool = weft_store::Pool {
        tenant: by.tenant.clone(),
        name: path.name.0.0,
        slots: body.slots,
    };
    if !app.database().put_pool(&pool, &by.actor()).await? {
        return Err(Problem::internal(format!(
            "the caller's tenant {} is not there",
            by.tenant
        )));
    }
    app.scheduler().wake(Wake::Settings);
    Ok(axum::Json(Pool {
        name: pool.name,
        slots: pool.slots,
    }))
}

/// Remove a pool
///
/// Tasks that name the pool wait until it exists again.
#[utoipa::path(delete, path = "/pools/{name}", tag = "settings", params(NamePath), responses((status = 204, description = "Removed")))]
async fn delete_pool(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
) -> Result<StatusCode, Problem> {
    let name = path.name.0.0;
    if app
        .database()
        .delete_pool(&by.tenant, &name, &by.actor())
        .await?
    {
        app.scheduler().wake(Wake::Settings);
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::new(
        Code::PoolNotFound,
        format!("there is no pool {name:?}"),
    ))
}
