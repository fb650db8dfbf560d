//! A DAG for a terminal: a layered drawing where it fits, else a list by layers.

use super::shape::Shape;
use ascii_dag::{AUTO, Graph, RenderOptions};
use std::fmt::Write;
use weft_api::text::counted;

/// Drawings of more tasks are read as lists more easily.
const MAX_DRAWN: usize = 60;
/// The most names of a task's upstreams in the list.
const MAX_NAMED: usize = 6;

/// Draws within `width` columns.
pub(crate) fn draw(shape: &Shape, width: usize) -> String {
    let mut out = shape.id.clone();
    if let Some(line) = shape
        .description
        .as_deref()
        .and_then(|text| text.lines().next())
    {
        write!(out, ": {line}").expect("a String takes everything");
    }
    out.push_str("\n\n");
    let mut implied = 0;
    match drawing(shape).filter(|drawing| fits(drawing, width)) {
        Some(drawing) => {
            out.push_str(&drawing);
            implied = shape.edges.len() - shape.essential_edges().len();
        }
        None => out.push_str(&list(shape)),
    }
    write!(
        out,
        "\n{} and {}",
        counted(shape.nodes.len(), "task"),
        counted(shape.edges.len(), "edge")
    )
    .expect("a String takes everything");
    if implied > 0 {
        write!(out, "; {implied} that others imply are not drawn")
            .expect("a String takes everything");
    }
    out.push('\n');
    out
}

fn drawing(shape: &Shape) -> Option<String> {
    if shape.nodes.len() > MAX_DRAWN {
        return None;
    }
    let edges = shape.essential_edges();
    if edges.len() > 2 * MAX_DRAWN {
        return None;
    }
    let labels: Vec<String> = shape
        .nodes
        .iter()
        .map(|node| {
            let tags = node.tags();
            if tags.is_empty() {
                node.id.clone()
            } else {
                format!("{} ({})", node.id, tags.join(", "))
            }
        })
        .collect();
    let mut graph = Graph::new();
    let handles: Vec<_> = labels
        .iter()
        .map(|label| graph.add_node(AUTO, label.as_str()).node)
        .collect();
    for edge in edges {
        graph.add_edge(handles[edge.from], handles[edge.to], None);
    }
    let drawing = graph
        .compute_layout()
        .render_string(&RenderOptions::plain());
    let lines: Vec<&str> = drawing.lines().map(str::trim_end).collect();
    Some(lines.join("\n").trim_matches('\n').to_owned() + "\n")
}

fn fits(drawing: &str, width: usize) -> bool {
    drawing.lines().all(|line| line.chars().count() <= width)
}

/// One line a task, layer after layer, with what it waits for.
fn list(shape: &Shape) -> String {
    let mut upstreams = vec![Vec::new(); shape.nodes.len()];
    for edge in &shape.edges {
        upstreams[edge.to].push(edge.from);
    }
    let mut out = String::new();
    for (number, layer) in shape.layers().iter().enumerate() {
        writeln!(
            out,
            "layer {}: {}",
            number + 1,
            counted(layer.len(), "task")
        )
        .expect("a String takes everything");
        for &node in layer {
            let tags = shape.nodes[node].tags();
            write!(out, "  {}", shape.nodes[node].id).expect("a String takes everything");
            if !tags.is_empty() {
                write!(out, " ({})", tags.join(", ")).expect("a String takes everything");
            }
            let from = &upstreams[node];
            if !from.is_empty() {
                let named: Vec<&str> = from
                    .iter()
                    .take(MAX_NAMED)
                    .map(|&up| shape.nodes[up].id.as_str())
                    .collect();
                write!(out, " <- {}", named.join(", ")).expect("a String takes everything");
                if from.len() > MAX_NAMED {
                    write!(out, " and {} more", from.len() - MAX_NAMED)
                        .expect("a String takes everything");
                }
            }
            out.push('\n');
        }
    }
    out
}
