//! Reads TOML into a tree.

use super::{
    bounds::{Counts, Part, check_memory, split_help},
    node::Node,
};
use crate::document::{
    ProblemCode,
    collect::Problems,
    lines::Lines,
    path::{At, Path},
};
use serde_json::Number;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

pub(super) fn read_toml<'a>(text: &'a str, problems: &Problems) -> Option<Node<'a>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let lines = Lines(text);
        for error in errors {
            let position = error.span().map(|span| lines.position(span.start));
            let (code, help) = if error.message().contains("duplicate key") {
                (
                    ProblemCode::DuplicateKey,
                    Some("remove one of the two".into()),
                )
            } else {
                (ProblemCode::Syntax, None)
            };
            problems.add_at(
                position,
                code,
                format!("this is no TOML: {}", error.message()),
                help,
            );
        }
        return None;
    }
    let mut counts = Counts::default();
    let converted = from_toml(
        DeValue::Table(table.into_inner()),
        &mut Walk {
            counts: &mut counts,
            problems,
        },
        Part::Root,
        Part::Other,
        0,
        &Path::Root,
    );
    match converted {
        Ok(node) => Some(node),
        Err(message) => {
            problems.add_at(None, ProblemCode::TooLarge, message, Some(split_help()));
            None
        }
    }
}

/// What the parser of TOML took for a value before, its entry in the tree included.
const TOML_VALUE_BYTES: usize = 400;

struct Walk<'s> {
    counts: &'s mut Counts,
    problems: &'s Problems,
}

/// The depth of the recursion is bounded by [`Counts`] here and by the parser before.
fn from_toml<'a>(
    value: DeValue<'a>,
    walk: &mut Walk<'_>,
    part: Part,
    parent: Part,
    depth: usize,
    path: &Path<'_>,
) -> Result<Node<'a>, String> {
    walk.counts.add(parent, depth)?;
    check_memory(walk.problems.memory.take(TOML_VALUE_BYTES))?;
    Ok(match value {
        DeValue::String(text) => Node::Text(text),
        DeValue::Boolean(value) => Node::Bool(value),
        DeValue::Datetime(date) => Node::Date(date.to_string().into()),
        DeValue::Integer(digits) => convert_integer(&digits, walk.problems, path),
        DeValue::Float(digits) => convert_float(&digits, walk.problems, path),
        DeValue::Array(items) => {
            let below = if part == Part::Dags {
                Part::Dag
            } else {
                Part::Other
            };
            let items = items.into_iter().enumerate().map(|(index, item)| {
                from_toml(
                    item.into_inner(),
                    walk,
                    below,
                    part,
                    depth + 1,
                    &Path::Index(path, index),
                )
            });
            Node::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| {
                let key = key.into_inner();
                let node = from_toml(
                    value.into_inner(),
                    walk,
                    part.below(&key),
                    part,
                    depth + 1,
                    &Path::Key(path, &key),
                )?;
                Ok((key, node))
            });
            Node::Table(entries.collect::<Result<_, String>>()?)
        }
    })
}

/// A wrong number becomes null, and the document has a problem.
fn convert_integer(digits: &DeInteger<'_>, problems: &Problems, path: &Path<'_>) -> Node<'static> {
    let (text, radix) = (digits.as_str(), digits.radix());
    if let Ok(number) = i64::from_str_radix(text, radix) {
        return Node::Number(number.into());
    }
    if let Ok(number) = u64::from_str_radix(text, radix) {
        return Node::Number(number.into());
    }
    let message = "the number is too large";
    problems.add(At::Value, path, ProblemCode::InvalidValue, message, None);
    Node::Null
}

/// A number that JSON can't hold becomes null, and the document has a problem.
fn convert_float(digits: &DeFloat<'_>, problems: &Problems, path: &Path<'_>) -> Node<'static> {
    if let Some(number) = digits.as_str().parse().ok().and_then(Number::from_f64) {
        return Node::Number(number);
    }
    let message = format!("{} has no counterpart in JSON", digits.as_str());
    problems.add(At::Value, path, ProblemCode::InvalidValue, message, None);
    Node::Null
}
