//! Runs that updates of assets create.

use super::{
    due_runs::{self, RunOf, resolve_params},
    events::RunEvents,
};
use crate::versions::Version;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use weft_core::{
    asset::{AssetName, AssetState},
    time::Timestamp,
};
use weft_store::{RunKind, StoredUpdate, Taken, WaitingDag};

/// The parameter that gets what a run is made of, if the DAG declares it.
pub(crate) const PARAM: &str = "assets";
/// The most bytes of JSON that the parameter gets; of what is more the oldest updates are left out.
const MAX_PARAM_BYTES: usize = 64 << 10;

/// What a run of the DAG is made of, if its condition holds.
pub(crate) fn take_if_due(
    version: &Version,
    waiting: &WaitingDag,
    now: Timestamp,
) -> Option<Vec<Taken>> {
    let condition = version.dag.on_assets.as_ref()?;
    let (start, end) = (version.dag.start, version.dag.end);
    if start.is_some_and(|start| now < start) || end.is_some_and(|end| now > end) {
        return None;
    }
    let state = |name: &AssetName| {
        let found = waiting.assets.iter().find(|asset| asset.asset == *name);
        found.map_or_else(AssetState::default, |asset| AssetState {
            is_updated: asset.newest.is_some(),
            last: asset.last,
        })
    };
    if !condition.holds(now, &state) {
        return None;
    }
    let taken = waiting.assets.iter().filter_map(|asset| {
        Some(Taken {
            asset: asset.asset.clone(),
            newest: asset.newest?,
            updates: asset.updates,
        })
    });
    Some(taken.collect())
}

/// Whether the DAG declares the parameter that gets what a run is made of.
pub(crate) fn wants_updates(version: &Version) -> bool {
    version.dag.params.iter().any(|param| param.name == PARAM)
}

/// Creates the run. `false` where its parameters can't be resolved.
pub(crate) fn create_run(
    events: &mut RunEvents<'_>,
    waiting: &WaitingDag,
    version: &Arc<Version>,
    taken: Vec<Taken>,
    updates: Vec<StoredUpdate>,
) -> bool {
    let mut params = Map::new();
    if wants_updates(version) {
        params.insert(PARAM.to_owned(), updates_json(updates));
    }
    let params = match resolve_params(version, &params) {
        Ok(params) => params,
        Err(problems) => {
            tracing::error!(dag = %version.dag.id, problems, operation = "create run", "the parameters of a run that assets create don't resolve; none is created until another version is active");
            return false;
        }
    };
    let now = events.cx.now();
    let since = waiting.assets.iter().filter_map(|asset| asset.since).min();
    let of = RunOf {
        id: None,
        kind: RunKind::Assets,
        logical_date: now,
        interval: (since.unwrap_or(now).min(now), now),
        params: Some(params),
        caller: None,
        taken,
    };
    due_runs::create_run(events, waiting.dag, version, of);
    true
}

/// The updates by asset, in the order in which they came.
fn updates_json(updates: Vec<StoredUpdate>) -> Value {
    let mut assets: Map<String, Value> = Map::new();
    let mut bytes = 0;
    for update in updates.into_iter().rev() {
        let (name, item) = (update.asset.to_string(), update_json(update));
        bytes += item.to_string().len();
        if bytes > MAX_PARAM_BYTES {
            break;
        }
        if let Some(list) = assets.entry(name).or_insert(json!([])).as_array_mut() {
            list.push(item);
        }
    }
    for list in assets.values_mut().filter_map(Value::as_array_mut) {
        list.reverse();
    }
    Value::Object(assets)
}

fn update_json(update: StoredUpdate) -> Value {
    let StoredUpdate {
        asset: _,
        partition,
        metadata,
        at,
        run,
    } = update;
    let mut fields = Map::new();
    if let Some(partition) = partition {
        fields.insert("partition".to_owned(), partition.into());
    }
    let metadata = metadata.and_then(|text| serde_json::from_str(&text).ok());
    if let Some(metadata) = metadata {
        fields.insert("metadata".to_owned(), metadata);
    }
    fields.insert("at".to_owned(), at.to_string().into());
    if let Some(run) = run {
        fields.insert("run".to_owned(), run.to_string().into());
    }
    Value::Object(fields)
}
