//! Who changed what.

use super::{by_name::ListByName, page_size, paged};
use crate::{app::App, auth::Auditing, caller::By, cursor::List, extract::Query, problem::Problem};
use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{AuditEntry, Page};
use weft_store_sql::AuditId;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

/// List changes
///
/// Newest first. Returns changes of the caller's tenant; with a token for the whole installation,
/// of all tenants.
#[utoipa::path(get, path = "/audit", tag = "tokens", params(ListByName), responses((status = 200, description = "A page", body = Page<AuditEntry>)))]
async fn list_audit(
    by: By<Auditing>,
    State(app): State<App>,
    Query(query): Query<ListByName>,
) -> Result<axum::Json<Page<AuditEntry>>, Problem> {
    let size = page_size(query.limit)?;
    let scope = (!by.everywhere).then_some(&by.tenant);
    let list = List::new("audit", &scope);
    let before: Option<i64> = list.key(query.cursor.as_deref())?;
    let rows = app
        .database()
        .list_audit(scope, before.map(AuditId), size + 1)
        .await?;
    let page = paged(
        rows,
        size,
        |row| list.after(&row.id.0),
        |row| {
            Ok(AuditEntry {
                id: row.id.0,
                at: row.at.into(),
                actor: row.entry.actor.clone(),
                action: row.entry.action.clone(),
                subject: row.entry.subject.clone(),
                tenant: row.entry.tenant.as_ref().map(ToString::to_string),
                details: row
                    .entry
                    .details
                    .as_deref()
                    .and_then(|details| serde_json::from_str(details).ok()),
            })
        },
    )?;
    Ok(axum::Json(page))
}
