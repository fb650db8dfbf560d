//! Assets: named data that tasks update, and whose updates create runs.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Asset {
    /// Its name, often the URI of the data.
    pub asset: String,
    /// When it was updated last; absent if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Time>,
    /// The tasks of active versions that update it.
    pub producers: Vec<AssetProducer>,
    /// The DAGs whose active versions have runs created by its updates.
    pub consumers: Vec<String>,
}

/// A task that updates an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetProducer {
    /// Id of the DAG.
    pub dag: String,
    /// The task.
    pub task: String,
}

/// An update of an asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetUpdate {
    /// Which update; later ones are greater.
    pub id: i64,
    /// The asset.
    pub asset: String,
    /// Which part of it was updated; absent for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// What was said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Map<String, Value>>,
    /// When.
    pub at: Time,
    /// The name and number of the token that reported it, if no task made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<String>,
    /// The task instance that made it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<AssetMaker>,
    /// The runs that it created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<AssetRun>,
}

/// The task instance that made an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetMaker {
    /// Id of the run.
    pub run: String,
    /// Id of its DAG.
    pub dag: String,
    /// Number of the run's version.
    pub version: u32,
    /// The task.
    pub task: String,
    /// Its map index; 0 of a task that isn't mapped.
    pub index: u32,
}

/// A run that an update created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetRun {
    /// Id of the run.
    pub run: String,
    /// Id of its DAG.
    pub dag: String,
}

/// Runs that are to update partitions of an asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewAssetBackfill {
    /// The asset.
    pub asset: String,
    /// The partitions, 1 to 1,000: a run is created for each.
    pub partitions: Vec<String>,
    /// The DAG whose runs update it; needed where the active versions of several DAGs do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dag: Option<String>,
    /// The DAG's parameter that receives the partition.
    #[serde(default = "partition", skip_serializing_if = "is_partition")]
    pub param: String,
    /// Further parameters of all the runs.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub params: Map<String, Value>,
    /// Leaves out the partitions that were updated before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_missing: bool,
    /// Creates no runs, and returns what would be created.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

fn partition() -> String {
    "partition".into()
}

fn is_partition(param: &String) -> bool {
    param == "partition"
}

/// The runs of a backfill of partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetBackfill {
    /// The asset.
    pub asset: String,
    /// Id of the DAG.
    pub dag: String,
    /// Number of its active version.
    pub version: u32,
    /// Whether nothing was created.
    pub dry_run: bool,
    /// The runs, in the order of the partitions.
    pub runs: Vec<PartitionRun>,
    /// The partitions that were left out because they were updated before.
    pub updated: Vec<String>,
}

/// The run for a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartitionRun {
    /// The partition.
    pub partition: String,
    /// Id of the run; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// An update to report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewAssetUpdate {
    /// The asset: letters, digits and the characters `_ - . / : @ + = % ~`, at most 250.
    pub asset: String,
    /// Which part of it was updated: 1 to 250 bytes in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// What consumers should know: at most 4 KiB of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Map<String, Value>>,
}
