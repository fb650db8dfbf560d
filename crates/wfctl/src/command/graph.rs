//! `wfctl graph`: draws a DAG.

use crate::graph::{Shape, dot, mermaid, svg, text};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Exit, Problem, Problems};

/// Columns of a text drawing that goes into a pipe or a file.
const PIPE_COLUMNS: usize = 120;

/// Draw a DAG as text, DOT, Mermaid or SVG
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl graph dag.wasm
  wfctl graph dag.wasm --format svg > dag.svg
  wfctl graph dag.toml -o dag.svg            the format follows from the name
  wfctl graph dag.toml --format dot | dot -Tpdf > dag.pdf
  wfctl graph dag.toml --format mermaid      for Markdown")]
pub(crate) struct GraphArgs {
    /// A dag.wasm, a dag.toml, or a folder that holds one
    #[arg(default_value = ".", value_name = "FILE")]
    file: PathBuf,
    /// Which DAG, where the file holds several
    #[arg(long, value_name = "ID")]
    dag: Option<String>,
    /// How to draw [default: by the name of --out, else text]
    #[arg(long, short, value_enum)]
    format: Option<Format>,
    /// Where to write it [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For Graphviz
    Dot,
    /// For Markdown on code hosts
    Mermaid,
    /// A picture for browsers and documents
    Svg,
}

/// Draws to standard output or a file.
pub(crate) fn run(args: &GraphArgs) -> Result<Exit, Problems> {
    let target = weft_dagfile::load(&args.file)?;
    let shape = Shape::of(target.dag(args.dag.as_deref())?);
    let format = args
        .format
        .or_else(|| by_name(args.out.as_deref()?))
        .unwrap_or(Format::Text);
    let drawing = match format {
        Format::Text => text::draw(&shape, columns(args.out.is_some())),
        Format::Dot => dot::draw(&shape),
        Format::Mermaid => mermaid::draw(&shape),
        Format::Svg => svg::draw(&shape).map_err(|error| {
            Problem::new(
                Code::Internal,
                format!("the DAG can't be laid out: {error}"),
            )
            .help("try --format dot")
        })?,
    };
    match &args.out {
        Some(path) => {
            std::fs::write(path, drawing).map_err(|error| Problem::io("write", path, &error))?;
        }
        None => {
            // A reader that went away wants no more.
            drop(io::stdout().lock().write_all(drawing.as_bytes()));
        }
    }
    Ok(Exit::Success)
}

fn by_name(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "svg" => Some(Format::Svg),
        "dot" | "gv" => Some(Format::Dot),
        "mmd" | "mermaid" | "md" => Some(Format::Mermaid),
        "txt" => Some(Format::Text),
        _ => None,
    }
}

fn columns(to_file: bool) -> usize {
    let terminal = console::Term::stdout();
    if to_file || !terminal.is_term() {
        PIPE_COLUMNS
    } else {
        usize::from(terminal.size().1)
    }
}
