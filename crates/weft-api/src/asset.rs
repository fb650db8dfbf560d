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
