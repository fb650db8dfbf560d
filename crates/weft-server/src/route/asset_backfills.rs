//! Backfills of partitions: a run for each partition of an asset.

use super::{
    dags,
    many_runs::required_key,
    runs::{self, RunParams},
};
use crate::{
    app::App,
    auth::Operating,
    caller::By,
    extract::Json,
    ports::Wake,
    problem::{Code, Problem},
    trace,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{AssetBackfill, NewAssetBackfill, PartitionRun};
use weft_core::{
    asset::{AssetName, MAX_PARTITION_BYTES, is_partition},
    digest::Digest,
    document::Dag,
    id::{DagId, TenantId},
    time::Timestamp,
    wait::Wait,
};
use weft_store::{Awaited, RunStore as _};
use weft_store_sql::{AssetRow, Trigger, Triggered};

/// The most partitions of one request.
const MAX_PARTITIONS: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(backfill_partitions))
}

/// Create runs for partitions of an asset
///
/// Creates one run for each partition, of the DAG whose active version updates the asset. A parameter of the DAG receives the
/// partition. The runs are created one after the other; a request that was interrupted is repeated with the same
/// `Idempotency-Key`, and creates no second run for a partition.
#[utoipa::path(post, path = "/assets/backfills", tag = "assets", params(("Idempotency-Key" = Option<String>, Header, description = "Identifies the request: 1 to 200 visible ASCII characters; required unless it is a dry run")), request_body = NewAssetBackfill, responses((status = 201, description = "The runs, which are durable", body = AssetBackfill), (status = 200, description = "The runs that would be created (dry run)", body = AssetBackfill)))]
async fn backfill_partitions(
    by: By<Operating>,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<NewAssetBackfill>,
) -> Result<Response, Problem> {
    let key = required_key(runs::idempotency_key(&headers)?, body.dry_run)?;
    let asset: AssetName = body
        .asset
        .parse()
        .map_err(|error| invalid(format!("asset: {error}")))?;
    let partitions = partitions(&body.partitions)?;
    let dag = producer(&app, &by.tenant, &asset, body.dag.as_deref()).await?;
    let row = dags::find(&app, &by.tenant, &dag).await?;
    let version = runs::version_of(&app, &by.tenant, &row, None).await?;
    let document = app.documents().of(app.database(), version).await?;
    check_param(&document, &body)?;
    let updated = if body.only_missing {
        updated(&app, &by.tenant, &asset, &partitions).await?
    } else {
        BTreeSet::new()
    };
    let (left_out, wanted): (Vec<&Arc<str>>, Vec<&Arc<str>>) = partitions
        .iter()
        .partition(|partition| updated.contains(*partition));
    let mut answer = AssetBackfill {
        asset: asset.to_string(),
        dag: dag.to_string(),
        version: row.active.as_ref().map_or(0, |active| active.number),
        dry_run: body.dry_run,
        runs: Vec::with_capacity(wanted.len()),
        updated: left_out.iter().map(ToString::to_string).collect(),
    };
    // All parameters are checked before the first run is created.
    let mut requests = Vec::with_capacity(wanted.len());
    for partition in wanted {
        let mut params = body.params.clone();
        params.insert(body.param.clone(), Value::from(&**partition));
        let RunParams {
            params,
            concurrency_key,
        } = runs::params(&document, &params)?;
        let request = Trigger {
            tenant: by.tenant.clone(),
            dag: dag.clone(),
            version,
            logical_date: None,
            interval: None,
            params,
            concurrency_key,
            not_before: None,
            by: by.actor(),
            trace: Some(trace::of(&headers)),
            idempotency_key: key.as_ref().map(|key| key_of(key, partition)),
        };
        requests.push((partition.to_string(), request));
    }
    for (partition, request) in requests {
        let mut run = None;
        if !body.dry_run {
            let made = app.database().trigger(&request).await;
            let made = made.map_err(|error| runs::refused(&dag, error))?;
            if let Triggered::New(_) = made {
                app.metrics().runs_triggered.inc();
            }
            app.scheduler().wake(Wake::Queued(row.key));
            run = Some(made.run().to_string());
        }
        answer.runs.push(PartitionRun { partition, run });
    }
    let status = if body.dry_run {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, axum::Json(answer)).into_response())
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidValue, detail.into())
}

/// The partitions, checked, each once.
fn partitions(given: &[String]) -> Result<Vec<Arc<str>>, Problem> {
    if given.is_empty() || given.len() > MAX_PARTITIONS {
        return Err(invalid(format!(
            "partitions: 1 to {MAX_PARTITIONS} are filled by one request, not {}",
            given.len()
        )));
    }
    let mut seen = BTreeSet::new();
    let mut partitions = Vec::with_capacity(given.len());
    for partition in given {
        if !is_partition(partition) {
            return Err(invalid(format!(
                "partitions: each has 1 to {MAX_PARTITION_BYTES} bytes in one line, without control characters"
            )));
        }
        if !seen.insert(partition) {
            return Err(invalid(format!("partitions: {partition} is given twice")));
        }
        partitions.push(Arc::from(partition.as_str()));
    }
    Ok(partitions)
}

/// The DAG whose active version updates the asset.
async fn producer(
    app: &App,
    tenant: &TenantId,
    asset: &AssetName,
    asked: Option<&str>,
) -> Result<DagId, Problem> {
    let row = app.database().asset(tenant, asset).await?;
    let producers = row.map_or_else(Vec::new, |AssetRow { producers, .. }| producers);
    let dags: BTreeSet<DagId> = producers.into_iter().map(|(dag, _)| dag).collect();
    if let Some(asked) = asked {
        let asked: DagId = asked
            .parse()
            .map_err(|error| invalid(format!("dag: {error}")))?;
        if !dags.contains(&asked) {
            return Err(invalid(format!(
                "dag: no task of the active version of {asked} updates the asset {asset}"
            )));
        }
        return Ok(asked);
    }
    let mut named = dags.iter();
    match (named.next(), named.next()) {
        (Some(dag), None) => Ok(dag.clone()),
        (None, _) => Err(invalid(format!(
            "asset: no task of an active version updates {asset}"
        ))),
        (Some(_), Some(_)) => {
            let names: Vec<&str> = dags.iter().map(DagId::as_str).collect();
            Err(invalid(format!(
                "dag: several DAGs update {asset}: {}; name one of them",
                names.join(", ")
            )))
        }
    }
}

/// The parameter that receives the partition is one of the DAG, and is given once.
fn check_param(dag: &Dag, body: &NewAssetBackfill) -> Result<(), Problem> {
    let param = &body.param;
    if !dag.params.iter().any(|known| known.name == *param) {
        return Err(invalid(format!(
            "param: the DAG {} has no parameter {param:?} that could receive the partition",
            dag.id
        )));
    }
    if body.params.contains_key(param) {
        return Err(invalid(format!(
            "params: {param:?} receives the partition, and is not given"
        )));
    }
    Ok(())
}

/// Those of the partitions that were ever updated.
async fn updated(
    app: &App,
    tenant: &TenantId,
    asset: &AssetName,
    partitions: &[Arc<str>],
) -> Result<BTreeSet<Arc<str>>, Problem> {
    let waits = partitions.iter().map(|partition| {
        let wait = Wait::Asset {
            asset: asset.clone(),
            partition: Some(Arc::clone(partition)),
            since: Timestamp(i64::MIN),
        };
        (tenant.clone(), wait)
    });
    let waits: Vec<(TenantId, Wait)> = waits.collect();
    let found = app.database().awaited(&waits).await?;
    let updated = partitions.iter().zip(found);
    let updated = updated.filter(|(_, found)| matches!(found, Awaited::Update(_)));
    Ok(updated
        .map(|(partition, _)| Arc::clone(partition))
        .collect())
}

/// The key of one run. A partition has characters and a length that a key can't have.
fn key_of(key: &str, partition: &str) -> String {
    Digest::of(format!("{key}\n{partition}").as_bytes()).to_string()
}
