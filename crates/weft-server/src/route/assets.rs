//! Assets: lists of them and of their updates, and updates that are reported from outside. A reported update is durable once it is
//! answered, and creates the runs that wait for it.

use super::{page_size, paged, runs};
use crate::{
    app::App,
    auth::{Operating, Reading},
    caller::By,
    cursor::List,
    extract::{Json, Path, Query, Text},
    ports::Wake,
    problem::{Code, Problem},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, hash_map::Entry};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{
    Asset, AssetMaker, AssetProducer, AssetRun, AssetUpdate, NewAssetUpdate, Page, Time,
};
use weft_core::{
    asset::{self, AssetName, UpdateFields},
    run_id::RunId,
};
use weft_store::VersionId;
use weft_store_sql::{AssetRow, AssetUpdateRow, ReportUpdate, ReportedUpdate};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_assets))
        .routes(routes!(list_updates, report_update))
        .routes(routes!(list_updates_of_run))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListAssets {
    /// Only the asset of this name.
    #[param(value_type = Option<String>)]
    asset: Option<Text<AssetName>>,
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// List assets
///
/// By name: those that an active version names, and those that were ever updated.
#[utoipa::path(get, path = "/assets", tag = "assets", params(ListAssets), responses((status = 200, description = "A page", body = Page<Asset>)))]
async fn list_assets(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListAssets>,
) -> Result<axum::Json<Page<Asset>>, Problem> {
    let size = page_size(query.limit)?;
    let list = List::new("assets", &by.tenant.as_str());
    let after: Option<String> = list.key(query.cursor.as_deref())?;
    let database = app.database();
    let rows = if let Some(Text(name)) = &query.asset {
        let found = database.asset(&by.tenant, name).await?;
        found.into_iter().collect()
    } else {
        let after = after.unwrap_or_default();
        database.assets(&by.tenant, &after, size + 1).await?
    };
    let key = |row: &AssetRow| list.after(&row.name);
    Ok(axum::Json(paged(rows, size, key, |row| Ok(view(row)))?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListUpdates {
    /// The asset.
    #[param(value_type = String)]
    asset: Text<AssetName>,
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// List the updates of an asset
///
/// The newest first, each with who made it and the runs that it created.
#[utoipa::path(get, path = "/assets/updates", tag = "assets", params(ListUpdates), responses((status = 200, description = "A page", body = Page<AssetUpdate>)))]
async fn list_updates(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListUpdates>,
) -> Result<axum::Json<Page<AssetUpdate>>, Problem> {
    let size = page_size(query.limit)?;
    let name = query.asset.0;
    let list = List::new("asset_updates", &(by.tenant.as_str(), name.as_str()));
    let before: Option<i64> = list.key(query.cursor.as_deref())?;
    let database = app.database();
    let rows = database
        .asset_updates(&by.tenant, &name, before, size + 1)
        .await?;
    page_of_updates(&app, rows, size, |row| list.after(&row.id)).await
}

/// Report an update of an asset
///
/// Creates a run of each DAG whose condition holds with it. Repeating the request with the same `Idempotency-Key` makes no second
/// update: the response is the first one, with status 200 instead of 201.
#[utoipa::path(post, path = "/assets/updates", tag = "assets", params(("Idempotency-Key" = Option<String>, Header, description = "Identifies the request within the asset: 1 to 200 visible ASCII characters")), request_body = NewAssetUpdate, responses((status = 201, description = "The update, which is durable", body = AssetUpdate), (status = 200, description = "The update that was made with this key before", body = AssetUpdate)))]
async fn report_update(
    by: By<Operating>,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<NewAssetUpdate>,
) -> Result<Response, Problem> {
    let metadata = body
        .metadata
        .map(|metadata| serde_json::to_string(&metadata));
    let metadata = metadata.transpose().map_err(Problem::internal)?;
    let metadata = metadata.map(RawValue::from_string);
    let metadata = metadata.transpose().map_err(Problem::internal)?;
    let update = asset::AssetUpdate::check(UpdateFields {
        asset: body.asset,
        partition: body.partition,
        metadata: metadata.as_deref(),
    });
    let update = update.map_err(|error| Problem::new(Code::InvalidValue, error.to_string()))?;
    let report = ReportUpdate {
        tenant: by.tenant.clone(),
        update,
        by: by.actor(),
        idempotency_key: runs::idempotency_key(&headers)?,
    };
    let (status, row) = match app.database().report_asset_update(&report).await? {
        ReportedUpdate::New(row) => {
            app.scheduler().wake(Wake::Command);
            (StatusCode::CREATED, row)
        }
        ReportedUpdate::Before(row) => {
            same_update(&row, &report)?;
            (StatusCode::OK, row)
        }
    };
    let body = view_update(&row, None)?;
    Ok((status, axum::Json(body)).into_response())
}

/// A key that comes again must come with the same update.
fn same_update(row: &AssetUpdateRow, report: &ReportUpdate) -> Result<(), Problem> {
    let update = &report.update;
    let metadata = update.metadata.as_ref().map(|text| text.as_str());
    if row.partition.as_deref() == update.partition.as_deref()
        && row.metadata.as_deref() == metadata
    {
        return Ok(());
    }
    let detail = format!(
        "the idempotency key belongs to the update {} of the asset, which was reported differently",
        row.id
    );
    Err(Problem::new(Code::IdempotencyMismatch, detail))
}

/// Which updates of a run are listed.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// Those that created the run.
    #[default]
    Taken,
    /// Those that its tasks made.
    Made,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListUpdatesOfRun {
    /// `taken`: those that created the run, at most the last 1,000 of each asset; `made`: those that its tasks made. `taken` by default.
    #[param(inline)]
    which: Option<Which>,
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// List the updates of assets that created a run, or that it made
///
/// In the order in which they came.
#[utoipa::path(get, path = "/runs/{run}/assets", tag = "assets", params(runs::RunPath, ListUpdatesOfRun), responses((status = 200, description = "A page", body = Page<AssetUpdate>)))]
async fn list_updates_of_run(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<runs::RunPath>,
    Query(query): Query<ListUpdatesOfRun>,
) -> Result<axum::Json<Page<AssetUpdate>>, Problem> {
    let size = page_size(query.limit)?;
    let run = runs::find(&app, &by.tenant, path.run.0).await?.id;
    let which = query.which.unwrap_or_default();
    let list = List::new("run_assets", &(run.as_i64(), matches!(which, Which::Made)));
    let after: i64 = list.key(query.cursor.as_deref())?.unwrap_or(0);
    let (database, tenant) = (app.database(), &by.tenant);
    let rows = match which {
        Which::Taken => {
            database
                .updates_taken_by(tenant, run, after, size + 1)
                .await?
        }
        Which::Made => {
            database
                .updates_made_by(tenant, run, after, size + 1)
                .await?
        }
    };
    page_of_updates(&app, rows, size, |row| list.after(&row.id)).await
}

async fn page_of_updates(
    app: &App,
    rows: Vec<AssetUpdateRow>,
    size: u32,
    cursor: impl Fn(&AssetUpdateRow) -> String,
) -> Result<axum::Json<Page<AssetUpdate>>, Problem> {
    let mut makers: HashMap<(VersionId, RunId, u32, u32), AssetMaker> = HashMap::new();
    for made in rows.iter().filter_map(|row| row.made_by.as_ref()) {
        let (task, index) = (made.instance.task, made.instance.index);
        if let Entry::Vacant(entry) = makers.entry((made.version, made.run, task.0, index)) {
            let document = app.documents().of(app.database(), made.version).await?;
            let task = document.tasks.get(task.as_usize());
            entry.insert(AssetMaker {
                run: made.run.to_string(),
                dag: made.dag.to_string(),
                version: made.version_number,
                task: task.map_or_else(String::new, |task| task.id.to_string()),
                index,
            });
        }
    }
    let convert = |row: &AssetUpdateRow| {
        let made = row.made_by.as_ref();
        let maker = made.and_then(|made| {
            let instance = made.instance;
            makers.get(&(made.version, made.run, instance.task.0, instance.index))
        });
        view_update(row, maker.cloned())
    };
    Ok(axum::Json(paged(rows, size, cursor, convert)?))
}

fn view(row: &AssetRow) -> Asset {
    let producers = row.producers.iter();
    Asset {
        asset: row.name.clone(),
        updated: row.updated.map(Time),
        producers: producers
            .map(|(dag, task)| AssetProducer {
                dag: dag.to_string(),
                task: task.clone(),
            })
            .collect(),
        consumers: row.consumers.iter().map(ToString::to_string).collect(),
    }
}

fn view_update(row: &AssetUpdateRow, made_by: Option<AssetMaker>) -> Result<AssetUpdate, Problem> {
    let metadata = row.metadata.as_deref().map(serde_json::from_str);
    let metadata = metadata.transpose().map_err(|error| {
        let detail = format!("the metadata of the update {} of an asset: {error}", row.id);
        Problem::new(Code::Damaged, detail)
    })?;
    let created = row.created.iter();
    Ok(AssetUpdate {
        id: row.id,
        asset: row.asset.clone(),
        partition: row.partition.clone(),
        metadata,
        at: Time(row.at),
        reported_by: row.created_by.clone(),
        made_by,
        created: created
            .map(|(run, dag)| AssetRun {
                run: run.to_string(),
                dag: dag.to_string(),
            })
            .collect(),
    })
}
