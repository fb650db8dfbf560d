//! Whether every value of one JSON Schema is one of another, as far as that
//! can be decided by their structure.
//!
//! A mismatch is reported only where it is certain; whatever isn't
//! understood (foreign references, `not`, `if`, formats, patterns, bounds that
//! overlap) is accepted. References stay within their schema and may recurse:
//! a pair that is being compared already is taken to fit. The work is bounded
//! by a [`Budget`] for the whole document; what lies beyond it is accepted.

mod budget;
mod comparison;
mod mismatch;
mod parts;
mod pointer;
mod typed;

pub(crate) use budget::Budget;
pub(crate) use mismatch::Mismatch;
pub(crate) use pointer::part;
pub(crate) use typed::Typed;

use comparison::Comparison;
use serde_json::Value;

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
