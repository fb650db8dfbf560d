//! Where the tasks of a DAG are in a drawing.

use serde::{Deserialize, Serialize};

/// A drawing from top to bottom. Boxes are 184 by 36; every coordinate is of a left upper corner or a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphLayout {
    /// The version's digest.
    pub digest: String,
    /// How it was made.
    pub method: LayoutMethod,
    /// The width of the drawing.
    pub width: f64,
    /// The height of the drawing.
    pub height: f64,
    /// Tasks, and groups that are closed.
    pub nodes: Vec<LayoutNode>,
    /// Groups that are open.
    pub groups: Vec<LayoutGroup>,
    /// The edges between nodes.
    pub edges: Vec<LayoutEdge>,
    /// There are more edges than a drawing has at most.
    pub truncated: bool,
}

/// How a drawing was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LayoutMethod {
    /// In layers with few crossings.
    Layered,
    /// In plain ranks, since the graph is too large for layers.
    Ranks,
}

/// A task or a closed group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayoutNode {
    /// The id of the task or group.
    pub id: String,
    /// How many tasks a closed group has; absent for a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u32>,
    /// Its left side.
    pub x: f64,
    /// Its upper side.
    pub y: f64,
}

/// An open group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayoutGroup {
    /// Id of the group.
    pub id: String,
    /// Its left side.
    pub x: f64,
    /// Its upper side.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayoutEdge {
    /// The position of the upper node.
    pub from: u32,
    /// The position of the lower node.
    pub to: u32,
    /// The points that it goes through, as pairs of x and y, from the lower side of one box to the upper side of the other.
    pub points: Vec<f64>,
}
