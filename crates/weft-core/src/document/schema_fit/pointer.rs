//! The type of a part of a value that a JSON pointer picks.

use super::{Mismatch, Typed, comparison::item_at, parts};
use serde_json::Value;

/// The type of a part; `None` if it is unknown.
pub(crate) fn part<'s>(whole: Typed<'s>, pointer: &str) -> Result<Option<Typed<'s>>, Mismatch> {
    let mut here = whole;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let Some(node) = parts::resolve(here.root, here.node) else {
            return Ok(None);
        };
        let Some(object) = node.as_object() else {
            return Ok(None);
        };
        let miss = |wants: String| {
            Err(Mismatch {
                path: String::new(),
                gives: parts::describe(here.root, node),
                wants,
            })
        };
        if parts::has_unknown(object)
            || ["anyOf", "oneOf", "allOf"]
                .iter()
                .any(|key| object.contains_key(*key))
        {
            return Ok(None);
        }
        let types = parts::types_of(object);
        let next = if types == ["array"] {
            match token.parse::<usize>() {
                Ok(index) => item_at(object, index),
                Err(_) => return miss(format!("a table with the field `{token:.60}`")),
            }
        } else if types == ["object"] {
            let properties = object
                .get("properties")
                .and_then(Value::as_object)
                .filter(|properties| !properties.is_empty());
            match (
                properties.and_then(|properties| properties.get(&token)),
                object.get("additionalProperties"),
            ) {
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => Some(schema),
                (None, Some(Value::Bool(true))) => None,
                (None, _) if properties.is_some() => {
                    return miss(format!("the field `{token:.60}`"));
                }
                (None, _) => None,
            }
        } else if types.iter().any(|name| matches!(*name, "array" | "object")) || types.is_empty() {
            None
        } else {
            return miss(format!("something with the part `{token:.60}`"));
        };
        match next {
            Some(node) => here = here.at(node),
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}
