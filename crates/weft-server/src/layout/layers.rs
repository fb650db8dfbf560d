//! The drawing in layers: dagre's algorithm, given up where it takes too long.

use super::{BESIDE, BETWEEN, HEIGHT, Laid, WIDTH, ranks::ends, shape::Shape};
use dugong::{
    EdgeLabel, GraphLabel, NodeLabel, RankDir, WorkControl, WorkError,
    graphlib::{Graph, GraphOptions},
};
use std::time::{Duration, Instant};
use weft_api::LayoutMethod;

/// The most boxes and edges that are tried.
const MAX_ELEMENTS: usize = 20_000;
/// How long it may take.
const WITHIN: Duration = Duration::from_millis(1_200);

/// Gives up when the time is over.
struct Deadline(Instant);

impl WorkControl for Deadline {
    fn charge(&mut self, _units: usize) -> Result<(), WorkError> {
        if Instant::now() < self.0 {
            Ok(())
        } else {
            Err(WorkError::Interrupted)
        }
    }
}

/// The drawing; none where it would take too long.
pub(super) fn lay_out(shape: &Shape) -> Option<Laid> {
    if shape.nodes.len() + shape.edges.len() > MAX_ELEMENTS {
        return None;
    }
    let mut graph: Graph<NodeLabel, EdgeLabel, GraphLabel> = Graph::new(GraphOptions {
        directed: true,
        multigraph: false,
        compound: false,
    });
    graph.set_graph(GraphLabel {
        rankdir: RankDir::TB,
        nodesep: BESIDE,
        edgesep: BESIDE,
        ranksep: BETWEEN,
        // The other ranker is slow for hundreds of boxes in a row.
        ranker: Some("tight-tree".to_owned()),
        ..GraphLabel::default()
    });
    for node in 0..shape.nodes.len() {
        graph.set_node(
            node.to_string(),
            NodeLabel {
                width: WIDTH,
                height: HEIGHT,
                ..NodeLabel::default()
            },
        );
    }
    for (from, to) in &shape.edges {
        graph.set_edge_with_label(
            from.to_string(),
            to.to_string(),
            EdgeLabel {
                // The crate's default of 0 would leave edges out of the ordering.
                weight: 1.0,
                ..EdgeLabel::default()
            },
        );
    }
    let mut deadline = Deadline(Instant::now() + WITHIN);
    if let Err(error) = dugong::layout_controlled(&mut graph, &mut deadline) {
        tracing::debug!(%error, nodes = shape.nodes.len(), operation = "lay out graph", "no layered drawing; it is drawn in ranks");
        return None;
    }
    let middles = (0..shape.nodes.len())
        .map(|node| {
            let label = graph.node(&node.to_string())?;
            label.x.zip(label.y)
        })
        .collect::<Option<Vec<_>>>()?;
    let edges = shape.edges.iter().map(|(from, to)| {
        let label = graph.edge(&from.to_string(), &to.to_string(), None);
        let bends = label.map(|label| label.points.as_slice());
        let [start, end] = ends(middles[*from as usize], middles[*to as usize]);
        let bends = bends.unwrap_or_default();
        // The first and the last point are where the edge meets its boxes, which is in the middle here.
        let inner = bends
            .get(1..bends.len().saturating_sub(1))
            .unwrap_or_default();
        let mut points = vec![start];
        points.extend(inner.iter().map(|point| (point.x, point.y)));
        points.push(end);
        points
    });
    Some(Laid {
        edges: edges.collect(),
        middles,
        method: LayoutMethod::Layered,
    })
}
