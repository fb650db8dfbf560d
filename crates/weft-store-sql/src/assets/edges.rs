//! Which assets the active version of a DAG updates, and which have runs of it created.

use crate::backend::{Bulk, Column, Tx, args, statements};
use std::collections::BTreeSet;
use weft_core::{
    asset::{AssetName, Condition},
    document::{Dag, Format, Source, parse},
    id::TenantId,
};
use weft_store::{DagKey, StoreError};

statements! {
    FORGET_EDGES = "DELETE FROM asset_edges WHERE dag = $1";
    /// What waits under a condition that no longer names the asset creates no run.
    FORGET_WAITING = "DELETE FROM asset_waiting WHERE dag = $1 AND asset NOT IN \
        (SELECT e.asset FROM asset_edges e WHERE e.dag = $1 AND e.kind = 1)";
}

static EDGES: Bulk = Bulk::insert(
    "INSERT INTO asset_edges (dag, kind, asset, task, tenant) VALUES ",
    &[
        Column::Int,
        Column::Int,
        Column::Text,
        Column::Text,
        Column::Text,
    ],
    " ON CONFLICT DO NOTHING",
);
pub(crate) static BULKS: &[&Bulk] = &[&EDGES];

/// Kind of an edge: the asset creates runs.
pub(super) const CONSUMES: i64 = 1;
/// Kind of an edge: a task updates the asset.
const PRODUCES: i64 = 0;

/// What an active version does with assets.
#[derive(Debug, Default)]
pub(crate) struct AssetEdges {
    consumes: BTreeSet<AssetName>,
    produces: Vec<(AssetName, String)>,
}

impl AssetEdges {
    /// Of a version's document. One that can't be read does nothing: no run of it starts either.
    pub(crate) fn of(document: &str) -> Self {
        // Most documents name none, and large ones take long to parse.
        if !document.contains("\"on_assets\"") && !document.contains("\"outlets\"") {
            return Self::default();
        }
        let source = Source {
            name: "the stored document",
            text: document,
            format: Format::Json,
        };
        let dags = parse(source).map(|document| document.dags);
        let mut edges = Self::default();
        for dag in dags.unwrap_or_default() {
            edges.add(&dag);
        }
        edges
    }

    fn add(&mut self, dag: &Dag) {
        self.consumes
            .extend(dag.on_assets.iter().flat_map(Condition::assets));
        for task in &dag.tasks {
            let outlets = task.outlets.iter().cloned();
            let named = outlets.map(|asset| (asset, task.id.to_string()));
            self.produces.extend(named);
        }
    }

    /// Replaces those of the DAG's version that was active before.
    pub(crate) async fn replace(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        dag: DagKey,
    ) -> Result<(), StoreError> {
        tx.run(FORGET_EDGES, args![dag]).await?;
        let mut values = Vec::new();
        for (asset, task) in &self.produces {
            values.extend(args![dag, PRODUCES, asset.as_str(), task, tenant]);
        }
        for asset in &self.consumes {
            values.extend(args![dag, CONSUMES, asset.as_str(), "", tenant]);
        }
        tx.run_bulk(&EDGES, values).await?;
        tx.run(FORGET_WAITING, args![dag]).await?;
        Ok(())
    }
}
