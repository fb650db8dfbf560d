//! Drawings of a DAG's versions.

use super::{dags, versions};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    etag::Tag,
    extract::{Path, Query, Text},
    layout::Open,
    problem::Problem,
};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::GraphLayout;
use weft_core::id::DagId;

/// Rises with each change of how drawings are made.
const EDITION: u32 = 1;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show_layout))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct VersionPath {
    /// The DAG's id.
    #[param(value_type = String)]
    dag: Text<DagId>,
    /// The version's number.
    version: u32,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShowLayout {
    /// The open groups, with commas between their ids, or `*`; an outer group has to be open, too. By default all of a DAG with at
    /// most 200 tasks, else none.
    open: Option<String>,
    /// The version's digest. If it is the right one, the answer may be kept for ever.
    digest: Option<String>,
}

/// Draw a version of a DAG
///
/// Where boxes for the tasks and the edges between them are. A group is what task ids have before
/// their last dot.
#[utoipa::path(get, path = "/dags/{dag}/versions/{version}/layout", tag = "dags", params(VersionPath, ShowLayout), responses((status = 200, description = "The drawing", body = GraphLayout), (status = 304, description = "It is the one that If-None-Match names")))]
async fn show_layout(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<VersionPath>,
    Query(query): Query<ShowLayout>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = &path.dag.0;
    dags::find(&app, &by.tenant, id).await?;
    let found = app
        .database()
        .show_version(&by.tenant, id, path.version)
        .await?;
    let (row, _stored) = found.ok_or_else(|| versions::unknown(id, path.version))?;
    let digest = row.digest.to_string();
    let open = Open::read(query.open.as_deref());
    let tag = Tag::of(&(EDITION, &digest, &open));
    let is_named = query.digest.as_deref() == Some(&digest);
    let mut response = if tag.is_known(&headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let dag = app.documents().of(app.database(), row.id).await?;
        let drawing = app.layouts().of(row.id, digest, dag, open).await?;
        let mut response = Body::from(drawing).into_response();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    };
    let fields = response.headers_mut();
    fields.insert(header::ETAG, tag.value());
    // A DAG that is deleted and made anew has other versions with the same numbers.
    let keep = if is_named {
        "private, max-age=31536000, immutable"
    } else {
        "private, no-cache"
    };
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    Ok(response)
}
