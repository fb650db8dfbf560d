//! The plain drawing: each box in the rank below its lowest upstream, in the order of the DAG. Linear in boxes and edges.

use super::{BESIDE, BETWEEN, HEIGHT, Laid, WIDTH, shape::Shape};
use weft_api::LayoutMethod;

/// Boxes beside each other before a rank goes on below, so that a wide DAG is not a line.
const MAX_BESIDE: usize = 100;

pub(super) fn lay_out(shape: &Shape) -> Laid {
    let mut ranks = vec![0_usize; shape.nodes.len()];
    // Boxes have upstreams first. A closed group may be up- and downstream of a box; an edge upwards decides nothing.
    let mut edges = shape.edges.clone();
    edges.sort_by_key(|(_from, to)| *to);
    for (from, to) in edges {
        if from < to {
            let below = ranks[from as usize] + 1;
            let rank = &mut ranks[to as usize];
            *rank = (*rank).max(below);
        }
    }
    let mut by_rank: Vec<Vec<usize>> =
        vec![Vec::new(); ranks.iter().max().map_or(0, |most| most + 1)];
    for (node, rank) in ranks.iter().enumerate() {
        by_rank[*rank].push(node);
    }
    let mut middles = vec![(0.0, 0.0); shape.nodes.len()];
    let mut y = 0.0;
    for line in by_rank.iter().flat_map(|rank| rank.chunks(MAX_BESIDE)) {
        let mut x = -(WIDTH + BESIDE) * to_f64(line.len().saturating_sub(1)) / 2.0;
        for node in line {
            middles[*node] = (x, y);
            x += WIDTH + BESIDE;
        }
        y += HEIGHT + BETWEEN;
    }
    let edges = shape.edges.iter().map(|(from, to)| {
        let (from, to) = (middles[*from as usize], middles[*to as usize]);
        ends(from, to).to_vec()
    });
    Laid {
        edges: edges.collect(),
        middles,
        method: LayoutMethod::Ranks,
    }
}

/// Where an edge leaves a box and where it meets another one.
pub(super) fn ends(from: (f64, f64), to: (f64, f64)) -> [(f64, f64); 2] {
    let side = if from.1 <= to.1 {
        HEIGHT / 2.0
    } else {
        -HEIGHT / 2.0
    };
    [(from.0, from.1 + side), (to.0, to.1 - side)]
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
