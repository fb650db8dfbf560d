//! Updates of assets that DAGs may have runs created of.

use crate::DagKey;
use weft_core::{asset::AssetName, time::Timestamp};

/// An asset that a DAG's condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingAsset {
    /// The asset.
    pub asset: AssetName,
    /// The id of the last update that no run of the DAG was created of; none if all were used.
    pub newest: Option<i64>,
    /// How many such updates there are.
    pub updates: u32,
    /// When the first of them came; of the last one if that was deleted meanwhile.
    pub since: Option<Timestamp>,
    /// When the asset was updated last, used or not; none if it never was.
    pub last: Option<Timestamp>,
}

/// A DAG with updates that no run was created of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingDag {
    /// The DAG; active and not paused.
    pub dag: DagKey,
    /// Every asset that its condition names.
    pub assets: Vec<WaitingAsset>,
}

/// An update, as parameters of runs and tasks that waited for it show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUpdate {
    /// The asset.
    pub asset: AssetName,
    /// The partition; none for the whole asset.
    pub partition: Option<String>,
    /// JSON.
    pub metadata: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The run that made it, if one did.
    pub run: Option<weft_core::run_id::RunId>,
}
