//! A document's text as a tree of values that borrows from it: what JSON and
//! TOML have in common, with the bounds on size, depth and count checked while
//! it grows, and duplicate keys reported.
//!
//! The tree knows no field of the document but those that hold tasks, which it
//! counts.

mod bounds;
mod json;
mod node;
mod toml;

pub(crate) use bounds::too_large;
pub(crate) use node::{Entry, Node};

use super::{Format, Source, collect::Problems};
use json::read_json;
use toml::read_toml;

/// Reads the text; `None` if it couldn't be read to its end, with the reason among the problems.
pub(crate) fn read<'a>(source: Source<'a>, problems: &Problems) -> Option<Node<'a>> {
    match source.format {
        Format::Json => read_json(source.text, problems),
        Format::Toml => read_toml(source.text, problems),
    }
}
