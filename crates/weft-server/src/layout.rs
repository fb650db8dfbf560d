//! Where tasks are in a drawing: layers with few crossings, within a time, else plain ranks; kept up to a bound.
//!
//! A drawing depends on the version and on which groups are open, so it is made once. It runs on a thread that may block, a few
//! at a time.

mod layers;
mod ranks;
mod shape;

use crate::problem::Problem;
use bytes::Bytes;
use shape::Shape;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;
use weft_api::{GraphLayout, LayoutEdge, LayoutGroup, LayoutMethod, LayoutNode};
use weft_core::document::Dag;
use weft_store::VersionId;

/// The width of a box.
const WIDTH: f64 = 184.0;
/// The height of a box.
const HEIGHT: f64 = 36.0;
/// The space between boxes beside each other.
const BESIDE: f64 = 16.0;
/// The space between ranks.
const BETWEEN: f64 = 36.0;
/// The most memory of drawings that are kept, in bytes.
const MAX_KEPT_BYTES: usize = 32 << 20;
/// The most drawings that are made at once.
const MAX_AT_ONCE: usize = 2;
/// With more tasks than this, groups are closed where a caller does not name those that are open.
const MAX_OPEN_TASKS: usize = 200;

/// Which groups are open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Open {
    /// All of them in a small DAG, else none.
    Default,
    /// All of them.
    All,
    /// These, sorted.
    These(Vec<String>),
}

impl Open {
    /// As a query names them: `*`, or ids with commas between them.
    pub(crate) fn read(text: Option<&str>) -> Self {
        match text {
            None => Self::Default,
            Some("*") => Self::All,
            Some(text) => {
                let names = text.split(',').filter(|name| !name.is_empty());
                let mut names: Vec<String> = names.map(str::to_owned).collect();
                names.sort();
                names.dedup();
                Self::These(names)
            }
        }
    }

    fn is_open(&self, dag: &Dag, group: &str) -> bool {
        match self {
            Self::Default => dag.tasks.len() <= MAX_OPEN_TASKS,
            Self::All => true,
            Self::These(names) => names.iter().any(|name| name == group),
        }
    }
}

/// Drawings as they are sent.
pub(crate) struct Layouts {
    kept: Mutex<Kept>,
    making: Semaphore,
}

#[derive(Default)]
struct Kept {
    layouts: HashMap<(VersionId, Open), Bytes>,
    bytes: usize,
}

impl Default for Layouts {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            making: Semaphore::new(MAX_AT_ONCE),
        }
    }
}

impl Layouts {
    /// The drawing of a version, as JSON.
    pub(crate) async fn of(
        &self,
        version: VersionId,
        digest: String,
        dag: Arc<Dag>,
        open: Open,
    ) -> Result<Bytes, Problem> {
        let key = (version, open);
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let permit = self.making.acquire().await;
        let _permit = permit.expect("the semaphore is never closed");
        // Another request may have made it meanwhile.
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let open = key.1.clone();
        let made = tokio::task::spawn_blocking(move || {
            serde_json::to_vec(&lay_out(digest, &dag, &open)).map(Bytes::from)
        });
        let made = made.await.map_err(Problem::internal)?;
        let made = made.map_err(Problem::internal)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + made.len() > MAX_KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += made.len();
        kept.layouts.insert(key, made.clone());
        Ok(made)
    }

    fn known(&self, key: &(VersionId, Open)) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.layouts.get(key).cloned()
    }
}

/// Where everything is: middles of boxes, and the points of edges between their boxes.
struct Laid {
    middles: Vec<(f64, f64)>,
    edges: Vec<Vec<(f64, f64)>>,
    method: LayoutMethod,
}

/// Makes a drawing.
pub(crate) fn lay_out(digest: String, dag: &Dag, open: &Open) -> GraphLayout {
    let shape = Shape::of(dag, open);
    let laid = layers::lay_out(&shape).unwrap_or_else(|| ranks::lay_out(&shape));
    let left = laid.middles.iter().map(|(x, _)| x - WIDTH / 2.0);
    let left = left.fold(f64::INFINITY, f64::min);
    let top = laid.middles.iter().map(|(_, y)| y - HEIGHT / 2.0);
    let top = top.fold(f64::INFINITY, f64::min);
    let groups = groups(&shape, &laid, (left, top));
    let margin = groups.iter().fold((0.0_f64, 0.0_f64), |(x, y), group| {
        (x.max(-group.x), y.max(-group.y))
    });
    let moved = |(x, y): (f64, f64)| (round(x - left + margin.0), round(y - top + margin.1));
    let nodes: Vec<LayoutNode> = shape
        .nodes
        .iter()
        .zip(&laid.middles)
        .map(|(node, (x, y))| {
            let (x, y) = moved((x - WIDTH / 2.0, y - HEIGHT / 2.0));
            LayoutNode {
                id: node.id.clone(),
                tasks: node.tasks,
                x,
                y,
            }
        })
        .collect();
    let edges = shape.edges.iter().zip(&laid.edges).map(|(edge, points)| {
        let points = points.iter().copied().map(moved);
        LayoutEdge {
            from: edge.0,
            to: edge.1,
            points: points.flat_map(|(x, y)| [x, y]).collect(),
        }
    });
    let groups: Vec<LayoutGroup> = groups
        .into_iter()
        .map(|group| LayoutGroup {
            x: round(group.x + margin.0),
            y: round(group.y + margin.1),
            ..group
        })
        .collect();
    let right = nodes.iter().map(|node| node.x + WIDTH);
    let right = right.chain(groups.iter().map(|group| group.x + group.width));
    let bottom = nodes.iter().map(|node| node.y + HEIGHT);
    let bottom = bottom.chain(groups.iter().map(|group| group.y + group.height));
    GraphLayout {
        digest,
        method: laid.method,
        width: right.fold(0.0, f64::max),
        height: bottom.fold(0.0, f64::max),
        edges: edges.collect(),
        groups,
        nodes,
        truncated: shape.truncated,
    }
}

/// The outlines of open groups: around their boxes, outer groups around inner ones.
fn groups(shape: &Shape, laid: &Laid, (left, top): (f64, f64)) -> Vec<LayoutGroup> {
    /// The space between an outline and what is within it; there is more above, for the name.
    const PADDING: f64 = 8.0;
    const NAME: f64 = 20.0;
    let groups = shape.groups.iter().filter_map(|group| {
        let inner = group
            .members
            .iter()
            .map(|node| laid.middles[*node as usize]);
        let (mut low, mut high) = ((f64::INFINITY, f64::INFINITY), (f64::MIN, f64::MIN));
        for (x, y) in inner {
            low = (low.0.min(x - WIDTH / 2.0), low.1.min(y - HEIGHT / 2.0));
            high = (high.0.max(x + WIDTH / 2.0), high.1.max(y + HEIGHT / 2.0));
        }
        if low.0 > high.0 {
            return None;
        }
        let padding = PADDING * f64::from(group.height);
        Some(LayoutGroup {
            id: group.id.clone(),
            x: low.0 - left - padding,
            y: low.1 - top - padding - NAME * f64::from(group.height),
            width: round(high.0 - low.0 + 2.0 * padding),
            height: round(high.1 - low.1 + 2.0 * padding + NAME * f64::from(group.height)),
        })
    });
    groups.collect()
}

/// To a tenth of a pixel, which keeps answers short.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
