//! A DAG as a Mermaid flowchart, which code hosts draw inside Markdown.

use super::shape::{Kind, Shape};
use std::fmt::Write;

/// The text of the flowchart.
pub(crate) fn draw(shape: &Shape) -> String {
    let mut out = String::from("flowchart LR\n");
    for (number, node) in shape.nodes.iter().enumerate() {
        let tags = node.tags();
        let label = if tags.is_empty() {
            escaped(&node.id)
        } else {
            format!(
                "{}<br/><small>{}</small>",
                escaped(&node.id),
                tags.join(", ")
            )
        };
        // Ids of tasks may be words of Mermaid's own (`end`), so nodes are numbered.
        let (open, close) = match (node.branch, node.mapped, node.kind) {
            (true, _, _) => ("{", "}"),
            (false, true, _) => ("[[", "]]"),
            (false, false, Kind::Program) => ("[", "]"),
            (false, false, Kind::Task) => ("(", ")"),
        };
        writeln!(out, "  t{number}{open}\"{label}\"{close}").expect("a String takes everything");
    }
    for edge in &shape.edges {
        let arrow = if edge.data { "-->" } else { "-.->" };
        writeln!(out, "  t{} {arrow} t{}", edge.from, edge.to).expect("a String takes everything");
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
