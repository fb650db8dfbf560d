//! A DAG as a picture: dagre's layout, drawn as SVG that needs nothing else.
//!
//! The picture follows the viewer's light or dark setting and says more in
//! tooltips. Text is measured by the widths of a common sans-serif, since the
//! viewer's font is not known here; boxes have room to spare.

use super::shape::{Kind, Node, Shape};
use dugong::{
    EdgeLabel, GraphLabel, NodeLabel, Point, RankDir,
    graphlib::{Graph, GraphOptions},
};
use std::fmt::Write;

const NODE_HEIGHT: f64 = 36.0;
const NODE_HEIGHT_WITH_TAGS: f64 = 48.0;
const NODE_MIN_WIDTH: f64 = 72.0;
/// On both sides of the text together.
const NODE_PADDING: f64 = 28.0;
const MARGIN: f64 = 20.0;
const TITLE_HEIGHT: f64 = 34.0;
/// A mapped task is drawn as a stack of boxes, each so far behind the one before.
const STACK: f64 = 4.0;
/// The length of an arrow's head.
const HEAD: f64 = 6.0;

const STYLE: &str = "\
.weft{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;background:#fff}\
.weft .title{font-size:15px;font-weight:600;fill:#1f2937}\
.weft .about{font-size:12px;fill:#6b7280}\
.weft .id{font-size:13px;font-weight:500;fill:#111827;text-anchor:middle}\
.weft .tags{font-size:10px;fill:#6b7280;text-anchor:middle}\
.weft .box{fill:#eef2ff;stroke:#6366f1;stroke-width:1.2}\
.weft .program .box{fill:#ecfdf5;stroke:#10b981}\
.weft .branch .box{fill:#fffbeb;stroke:#f59e0b}\
.weft .edge{fill:none;stroke:#94a3b8;stroke-width:1.4}\
.weft .order{stroke-dasharray:4 3}\
.weft .head{fill:#94a3b8}\
@media(prefers-color-scheme:dark){.weft{background:#111827}\
.weft .title,.weft .id{fill:#f3f4f6}.weft .about,.weft .tags{fill:#9ca3af}\
.weft .box{fill:#1e1b4b;stroke:#818cf8}.weft .program .box{fill:#064e3b;stroke:#34d399}\
.weft .branch .box{fill:#451a03;stroke:#fbbf24}.weft .edge{stroke:#64748b}.weft .head{fill:#64748b}}";

/// The whole SVG file.
///
/// # Errors
/// The layout was refused; its words say why.
pub(crate) fn draw(shape: &Shape) -> Result<String, dugong::LayoutError> {
    let (laid, paths) = lay_out(shape)?;
    let right = laid
        .iter()
        .map(|at| at.x + at.width / 2.0 + STACK)
        .chain(paths.iter().flatten().map(|at| at.x));
    let bottom = laid
        .iter()
        .map(|at| at.y + at.height / 2.0 + STACK)
        .chain(paths.iter().flatten().map(|at| at.y));
    let title_width = text_width(&shape.id, 15.0).max(
        shape
            .description
            .as_deref()
            .map_or(0.0, |text| text_width(first_line(text), 12.0)),
    );
    let width = right.fold(title_width, f64::max) + 2.0 * MARGIN;
    let top = MARGIN
        + TITLE_HEIGHT
        + if shape.description.is_some() {
            16.0
        } else {
            0.0
        };
    let height = bottom.fold(0.0, f64::max) + top + MARGIN;

    let mut out = String::new();
    write_all(
        &mut out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"weft\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
         <title>{id}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"back\" width=\"100%\" height=\"100%\" fill=\"none\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"{y:.0}\">{id}</text>\n",
            id = escaped(&shape.id),
            y = MARGIN + 12.0,
        ),
    );
    if let Some(description) = &shape.description {
        write_all(
            &mut out,
            format_args!(
                "<text class=\"about\" x=\"{MARGIN}\" y=\"{:.0}\">{}</text>\n",
                MARGIN + 30.0,
                escaped(first_line(description)),
            ),
        );
    }
    write_all(
        &mut out,
        format_args!("<g transform=\"translate({MARGIN} {top:.0})\">\n"),
    );
    for (edge, path) in shape.edges.iter().zip(&paths) {
        draw_edge(&mut out, path, edge.data);
    }
    for (node, at) in shape.nodes.iter().zip(&laid) {
        draw_node(&mut out, node, at);
    }
    out.push_str("</g>\n</svg>\n");
    Ok(out)
}

/// Where every node is, and through which points every edge goes.
fn lay_out(shape: &Shape) -> Result<(Vec<Laid>, Vec<Vec<Point>>), dugong::LayoutError> {
    let mut graph: Graph<NodeLabel, EdgeLabel, GraphLabel> = Graph::new(GraphOptions {
        directed: true,
        multigraph: false,
        compound: false,
    });
    graph.set_graph(GraphLabel {
        rankdir: RankDir::LR,
        nodesep: 18.0,
        edgesep: 10.0,
        ranksep: 52.0,
        ..GraphLabel::default()
    });
    for (number, node) in shape.nodes.iter().enumerate() {
        let (width, height) = size(node);
        graph.set_node(
            number.to_string(),
            NodeLabel {
                width,
                height,
                ..NodeLabel::default()
            },
        );
    }
    for edge in &shape.edges {
        graph.set_edge_with_label(
            edge.from.to_string(),
            edge.to.to_string(),
            EdgeLabel {
                // The crate's default of 0 would leave edges out of the ordering.
                weight: 1.0,
                ..EdgeLabel::default()
            },
        );
    }
    dugong::layout(&mut graph)?;

    let laid: Vec<Laid> = shape
        .nodes
        .iter()
        .enumerate()
        .map(|(number, node)| {
            let label = graph.node(&number.to_string()).expect("every node was set");
            let (width, height) = size(node);
            Laid {
                x: label.x.unwrap_or(0.0),
                y: label.y.unwrap_or(0.0),
                width,
                height,
            }
        })
        .collect();
    let columns = columns(&laid);
    let paths: Vec<Vec<Point>> = shape
        .edges
        .iter()
        .map(|edge| {
            let (from, to) = (&laid[edge.from], &laid[edge.to]);
            let inner = graph
                .edge(&edge.from.to_string(), &edge.to.to_string(), None)
                .map(|label| label.points.as_slice())
                .unwrap_or_default();
            route(from, to, inner, &columns)
        })
        .collect();
    Ok((laid, paths))
}

/// Where a node's middle is, and how large it is.
struct Laid {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// From the middle of the right side to the middle of the left side, level
/// through every column of nodes between, where the layout left a gap.
/// Bends between columns are left out: they make room for labels, which edges
/// here do not have.
fn route(from: &Laid, to: &Laid, bends: &[Point], columns: &[Column]) -> Vec<Point> {
    let start = Point {
        x: from.x + from.width / 2.0,
        y: from.y,
    };
    let end = Point {
        x: to.x - to.width / 2.0 - HEAD,
        y: to.y,
    };
    let mut path = vec![start];
    for bend in bends {
        let column = columns
            .iter()
            .find(|column| (column.x - bend.x).abs() < 1.0);
        if let Some(Column { x, width }) = column.filter(|column| {
            column.x - column.width / 2.0 > start.x && column.x + column.width / 2.0 < end.x
        }) {
            path.push(Point {
                x: x - width / 2.0,
                y: bend.y,
            });
            path.push(Point {
                x: x + width / 2.0,
                y: bend.y,
            });
        }
    }
    path.push(end);
    path
}

/// Nodes above one another.
struct Column {
    /// Their common middle.
    x: f64,
    /// Of the widest.
    width: f64,
}

fn columns(laid: &[Laid]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for node in laid {
        match columns
            .iter_mut()
            .find(|column| (column.x - node.x).abs() < 1.0)
        {
            Some(column) => column.width = column.width.max(node.width),
            None => columns.push(Column {
                x: node.x,
                width: node.width,
            }),
        }
    }
    columns
}

/// A curve that leaves and arrives level and passes through every bend.
fn draw_edge(out: &mut String, path: &[Point], data: bool) {
    let (first, last) = (path[0], path[path.len() - 1]);
    write_all(
        out,
        format_args!(
            "<path class=\"edge{}\" d=\"M{:.1} {:.1}",
            if data { "" } else { " order" },
            first.x,
            first.y
        ),
    );
    for pair in path.windows(2) {
        let middle = f64::midpoint(pair[0].x, pair[1].x);
        write_all(
            out,
            format_args!(
                " C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
                pair[0].y, pair[1].y, pair[1].x, pair[1].y
            ),
        );
    }
    write_all(
        out,
        format_args!(
            "\"/><path class=\"head\" d=\"M{:.1} {:.1}l-7 -4v8z\"/>\n",
            last.x + HEAD,
            last.y
        ),
    );
}

fn draw_node(out: &mut String, node: &Node, at: &Laid) {
    let mut class = String::from("node");
    if node.kind == Kind::Program {
        class.push_str(" program");
    }
    if node.branch {
        class.push_str(" branch");
    }
    let (left, top) = (at.x - at.width / 2.0, at.y - at.height / 2.0);
    write_all(
        out,
        format_args!("<g class=\"{class}\"><title>{}", escaped(&node.id)),
    );
    if let Some(description) = &node.description {
        write_all(out, format_args!(": {}", escaped(description)));
    }
    out.push_str("</title>");
    for step in if node.mapped {
        &[2.0, 1.0, 0.0][..]
    } else {
        &[0.0][..]
    } {
        write_all(
            out,
            format_args!(
                "<rect class=\"box\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"7\"/>",
                left + step * STACK,
                top + step * STACK,
                at.width,
                at.height
            ),
        );
    }
    let tags = node.tags();
    let line = if tags.is_empty() {
        at.y + 4.5
    } else {
        at.y - 1.5
    };
    write_all(
        out,
        format_args!(
            "<text class=\"id\" x=\"{:.1}\" y=\"{line:.1}\">{}</text>",
            at.x,
            escaped(&node.id)
        ),
    );
    if !tags.is_empty() {
        write_all(
            out,
            format_args!(
                "<text class=\"tags\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                at.x,
                at.y + 13.5,
                tags.join(" · ")
            ),
        );
    }
    out.push_str("</g>\n");
}

fn size(node: &Node) -> (f64, f64) {
    let tags = node.tags();
    let text = text_width(&node.id, 13.0).max(text_width(&tags.join(" · "), 10.0));
    let height = if tags.is_empty() {
        NODE_HEIGHT
    } else {
        NODE_HEIGHT_WITH_TAGS
    };
    ((text + NODE_PADDING).max(NODE_MIN_WIDTH), height)
}

/// The width of a text in pixels, by classes of letters of a common sans-serif.
fn text_width(text: &str, font_px: f64) -> f64 {
    text.chars()
        .map(|letter| match letter {
            'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | ' ' => 0.31,
            'f' | 'r' | 't' | '-' | '(' | ')' => 0.39,
            'm' | 'w' | 'M' | 'W' | '@' => 0.92,
            'A'..='Z' => 0.69,
            letter if letter.is_ascii() => 0.58,
            _ => 1.0,
        })
        .sum::<f64>()
        * font_px
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn write_all(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes everything");
}
