//! Whether every value of one JSON Schema is one of another, as far as that
//! can be decided by their structure.
//!
//! A mismatch is reported only where it is certain; whatever isn't
//! understood (foreign references, `not`, `if`, formats, patterns, bounds that
//! overlap) is accepted. References stay within their schema and may recurse:
//! a pair that is being compared already is taken to fit. The work is bounded
//! by a [`Budget`] for the whole document; what lies beyond it is accepted.

mod comparison;
mod parts;
mod pointer;

pub(crate) use pointer::part;

use comparison::Comparison;
use serde_json::Value;
use std::{fmt, sync::LazyLock};

/// The most comparisons for one document.
const MAX_STEPS: u32 = 20_000_000;
/// The most comparisons for one edge.
const MAX_EDGE_STEPS: u32 = 20_000;
/// The deepest comparison, so that the stack suffices.
const MAX_LEVELS: u32 = 100;

/// A list whose items are the schema at the root.
static LIST_OF_ROOT: LazyLock<Value> =
    LazyLock::new(|| serde_json::json!({ "type": "array", "items": { "$ref": "#" } }));

/// A schema within the one that its references mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'s> {
    root: &'s Value,
    node: &'s Value,
}

impl<'s> Typed<'s> {
    pub(crate) fn of(schema: &'s Value) -> Self {
        Self {
            root: schema,
            node: schema,
        }
    }

    /// The type of lists whose items are of this schema.
    pub(crate) fn list_of(schema: &'s Value) -> Self {
        Self {
            root: schema,
            node: &LIST_OF_ROOT,
        }
    }

    fn at(self, node: &'s Value) -> Self {
        Self {
            root: self.root,
            node,
        }
    }
}

/// Where two types part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The way into the type, such as `[].place`; empty for the whole.
    pub(crate) path: String,
    /// What is given there.
    pub(crate) gives: String,
    /// What is wanted there.
    pub(crate) wants: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`, ", self.path.trim_start_matches('.'))?;
        }
        write!(f, "it gives {}, and {} is wanted", self.gives, self.wants)
    }
}

impl Mismatch {
    fn below(mut self, step: &str) -> Self {
        // Deep paths are cut at the front; the last steps say most.
        if self.path.len() < 500 {
            self.path.insert_str(0, step);
        }
        self
    }
}

/// What is left of the work that a document may cause.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MAX_STEPS }
    }
}

/// Whether what is produced fits what is consumed.
pub(crate) fn fits(
    producer: Typed<'_>,
    consumer: Typed<'_>,
    budget: &mut Budget,
) -> Result<(), Mismatch> {
    if budget.left == 0 || same_scalar(producer.node, consumer.node) {
        return Ok(());
    }
    let mut comparison = Comparison::new(budget);
    let result = comparison.fits(producer, consumer);
    comparison.settle(budget);
    result
}

/// Whether both are one plain type that says no more, which most edges are.
fn same_scalar(producer: &Value, consumer: &Value) -> bool {
    let plain = |schema: &Value| {
        schema.as_object().is_some_and(|object| {
            object
                .keys()
                .all(|key| matches!(key.as_str(), "type" | "format"))
        })
    };
    matches!(producer.get("type"), Some(Value::String(_)))
        && producer.get("type") == consumer.get("type")
        && plain(producer)
        && plain(consumer)
}

/// Whether a constant fits what is consumed.
pub(crate) fn value_fits(
    value: &Value,
    consumer: Typed<'_>,
    budget: &mut Budget,
) -> Result<(), Mismatch> {
    let mut comparison = Comparison::new(budget);
    let result = comparison.value_fits(value, consumer);
    comparison.settle(budget);
    result
}
