//! Versions of a DAG: list, show, activate, roll back.

use super::{
    dags::{self, DagPath},
    page_size, paged,
};
use crate::{
    app::App,
    auth::{Deploying, Reading},
    caller::{By, Caller},
    cursor::List,
    documents::parse_text,
    extract::{Json, Path, Query, Text},
    ports::Wake,
    problem::{Code, Problem},
    view,
};
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{
    Activate, Dag, DeploymentFile, Page, RepairVersion, RepairedVersion, Rollback, Version,
    VersionDetail,
};
use weft_blob::Kind;
use weft_core::id::DagId;
use weft_store::StoreError;
use weft_store_sql::{ActivateError, DagStamp, Precondition, Repair};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_versions))
        .routes(routes!(show_version))
        .routes(routes!(activate))
        .routes(routes!(rollback))
        .routes(routes!(repair))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListVersions {
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// List the versions of a DAG
///
/// Newest first.
#[utoipa::path(get, path = "/dags/{dag}/versions", tag = "dags", params(DagPath, ListVersions), responses((status = 200, description = "A page", body = Page<Version>)))]
async fn list_versions(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    Query(query): Query<ListVersions>,
) -> Result<axum::Json<Page<Version>>, Problem> {
    let size = page_size(query.limit)?;
    let id = &path.dag.0;
    dags::find(&app, &by.tenant, id).await?;
    let list = List::new("versions", &(&by.tenant, id));
    let before: Option<u32> = list.key(query.cursor.as_deref())?;
    let rows = app
        .database()
        .list_versions(&by.tenant, id, before, size + 1)
        .await?;
    let page = paged(
        rows,
        size,
        |row| list.after(&row.number),
        |row| Ok(view::dag::version(row)),
    )?;
    Ok(axum::Json(page))
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

/// Show a version of a DAG
///
/// Includes its document.
#[utoipa::path(get, path = "/dags/{dag}/versions/{version}", tag = "dags", params(VersionPath), responses((status = 200, description = "The version", body = VersionDetail)))]
async fn show_version(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<VersionPath>,
) -> Result<axum::Json<VersionDetail>, Problem> {
    let id = &path.dag.0;
    dags::find(&app, &by.tenant, id).await?;
    let found = app
        .database()
        .show_version(&by.tenant, id, path.version)
        .await?;
    let (row, stored) = found.ok_or_else(|| unknown(id, path.version))?;
    let mut files = Vec::with_capacity(stored.files.len());
    for file in &stored.files {
        let bytes = app
            .blobs()
            .size(Kind::Component, &by.tenant, &file.digest)
            .await?
            .unwrap_or(0);
        files.push(DeploymentFile {
            name: file.name.clone(),
            digest: file.digest.to_string(),
            bytes,
        });
    }
    let document = serde_json::from_str(&stored.document).map_err(|error| {
        Problem::internal(format!(
            "the document of {id} {} is no JSON: {error}",
            row.number
        ))
    })?;
    Ok(axum::Json(VersionDetail {
        version: view::dag::version(&row),
        document,
        files,
    }))
}

/// Activate a version
///
/// New runs use the activated version; existing runs keep theirs.
#[utoipa::path(post, path = "/dags/{dag}/activate", tag = "dags", params(DagPath, ("If-Match" = Option<String>, Header, description = "The etag of the expected state")), request_body = Activate, responses((status = 200, description = "The DAG after the change", body = Dag)))]
async fn activate(
    by: By<Deploying>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    headers: HeaderMap,
    Json(body): Json<Activate>,
) -> Result<axum::Json<Dag>, Problem> {
    let id = &path.dag.0;
    let row = dags::find(&app, &by.tenant, id).await?;
    let state = dags::expected_state(&row, &headers)?;
    Ok(axum::Json(
        switch(&app, &by, (id, body.version), state).await?,
    ))
}

/// Go back to the version before
///
/// Activates the version with the next lower number.
#[utoipa::path(post, path = "/dags/{dag}/rollback", tag = "dags", params(DagPath, ("If-Match" = Option<String>, Header, description = "The etag of the expected state")), responses((status = 200, description = "The result", body = Rollback)))]
async fn rollback(
    by: By<Deploying>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    headers: HeaderMap,
) -> Result<axum::Json<Rollback>, Problem> {
    let id = &path.dag.0;
    let row = dags::find(&app, &by.tenant, id).await?;
    let state = dags::expected_state(&row, &headers)?;
    let none_active = || {
        Problem::new(
            Code::DagNotActive,
            format!("the DAG {id} has no active version"),
        )
    };
    let from = row.active.as_ref().ok_or_else(none_active)?.number;
    let earlier = app
        .database()
        .list_versions(&by.tenant, id, Some(from), 1)
        .await?;
    let none_before = || {
        Problem::new(
            Code::NoPreviousVersion,
            format!("the DAG {id} has no version before {from}"),
        )
    };
    let to = earlier.first().ok_or_else(none_before)?.number;
    let dag = switch(&app, &by, (id, to), state).await?;
    Ok(axum::Json(Rollback { from, to, dag }))
}

/// Repair a version that can't be read
///
/// Its runs that have not ended go on with the replacement, as far as it has their tasks. Without a
/// replacement the version is dropped: those of these runs that can't go on end as failed.
#[utoipa::path(post, path = "/dags/{dag}/versions/{version}/repair", tag = "dags", params(VersionPath), request_body = RepairVersion, responses((status = 200, description = "The result", body = RepairedVersion)))]
async fn repair(
    by: By<Deploying>,
    State(app): State<App>,
    Path(path): Path<VersionPath>,
    Json(body): Json<RepairVersion>,
) -> Result<axum::Json<RepairedVersion>, Problem> {
    let id = &path.dag.0;
    dags::find(&app, &by.tenant, id).await?;
    if is_readable(&app, &by, (id, path.version)).await? {
        let detail = format!("the version {} of {id} can be read", path.version);
        return Err(Problem::new(Code::VersionReadable, detail));
    }
    if let Some(other) = body.replacement
        && !is_readable(&app, &by, (id, other)).await?
    {
        let detail = format!("the version {other} of {id} can't be read either: name another one");
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let repair = Repair {
        version: path.version,
        replacement: body.replacement,
    };
    let repaired = app
        .database()
        .repair_version(&by.tenant, id, repair, &by.actor())
        .await;
    let runs = repaired.map_err(|error| refused(error, id))?;
    if body.replacement.is_none() {
        app.scheduler().wake(Wake::Command);
    }
    app.scheduler().wake(Wake::Settings);
    let row = dags::find(&app, &by.tenant, id).await?;
    let document = dags::active_document(&app, &row).await?;
    Ok(axum::Json(RepairedVersion {
        runs: runs.iter().map(ToString::to_string).collect(),
        dag: view::dag::dag(&row, document.as_deref()),
    }))
}

/// Whether a version's rows can be read, and its document is one.
async fn is_readable(
    app: &App,
    by: &Caller,
    (id, version): (&DagId, u32),
) -> Result<bool, Problem> {
    let database = app.database();
    match database.show_version(&by.tenant, id, version).await {
        Ok(Some((_row, stored))) => Ok(parse_text(&stored.document).is_ok()),
        Ok(None) => Err(unknown(id, version)),
        Err(StoreError::Corrupt(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn switch(
    app: &App,
    by: &Caller,
    (id, version): (&DagId, u32),
    state: Option<DagStamp>,
) -> Result<Dag, Problem> {
    let precondition = Precondition {
        actor: &by.actor(),
        expected: state,
    };
    match app
        .database()
        .activate_version(&by.tenant, id, version, precondition)
        .await
    {
        Ok(_before) => {}
        Err(error) => return Err(refused(error, id)),
    }
    app.scheduler().wake(Wake::Settings);
    let row = dags::find(app, &by.tenant, id).await?;
    let document = dags::active_document(app, &row).await?;
    Ok(view::dag::dag(&row, document.as_deref()))
}

fn refused(error: ActivateError, id: &DagId) -> Problem {
    match error {
        ActivateError::ChangedMeanwhile(_) => {
            Problem::new(Code::ChangedMeanwhile, error.to_string())
        }
        ActivateError::UnknownDag(_) => dags::unknown(id),
        ActivateError::UnknownVersion(_, version) => unknown(id, version),
        ActivateError::Store(error) => error.into(),
    }
}

pub(super) fn unknown(id: &DagId, version: u32) -> Problem {
    Problem::new(
        Code::VersionNotFound,
        format!("the DAG {id} has no version {version}"),
    )
}
