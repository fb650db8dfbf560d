//! A DAG in Graphviz' language.

use super::shape::{Kind, Shape};
use std::fmt::Write;

/// The text that `dot` reads.
pub(crate) fn draw(shape: &Shape) -> String {
    let mut out = format!(
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=\"rounded\", fontname=\"sans-serif\"];\n",
        quoted(&shape.id)
    );
    for node in &shape.nodes {
        let tags = node.tags();
        let label = if tags.is_empty() {
            node.id.clone()
        } else {
            format!("{}\n{}", node.id, tags.join(", "))
        };
        let mut more = String::new();
        if node.mapped {
            more.push_str(", peripheries=2");
        }
        if node.branch {
            more.push_str(", shape=diamond");
        } else if node.kind == Kind::Program {
            more.push_str(", style=\"\"");
        }
        if let Some(description) = &node.description {
            write!(more, ", tooltip={}", quoted(description)).expect("a String takes everything");
        }
        writeln!(
            out,
            "  {} [label={}{more}];",
            quoted(&node.id),
            quoted(&label)
        )
        .expect("a String takes everything");
    }
    for edge in &shape.edges {
        let style = if edge.data { "" } else { " [style=dashed]" };
        writeln!(
            out,
            "  {} -> {}{style};",
            quoted(&shape.nodes[edge.from].id),
            quoted(&shape.nodes[edge.to].id)
        )
        .expect("a String takes everything");
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}
