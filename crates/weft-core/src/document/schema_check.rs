//! Values against the JSON Schemas of documents.
//!
//! A schema comes from an author who may be hostile: it resolves nothing
//! outside itself, its patterns run on an engine whose time is linear, and
//! the work that it can cause for a value is bounded before it is used.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// How large the patterns of a schema may become, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// The most steps that checking may take: subschemas, counted once for each way that leads to them.
const MAX_STEPS: u64 = 1_000_000;
/// The longest reason, in characters.
const MAX_REASON: usize = 300;

/// A schema that is ready to check values.
pub(crate) struct Checker<'s> {
    schema: &'s Value,
    validator: Validator,
}

impl<'s> Checker<'s> {
    /// # Errors
    /// Why the value is no schema that can be used.
    pub(crate) fn new(schema: &'s Value) -> Result<Self, String> {
        // A schema that can't check even a scalar in bounded time can't be used at all.
        if steps(schema, schema, 1, &mut Vec::new(), &mut 0) > MAX_STEPS {
            return Err("it takes too many steps to check".into());
        }
        let patterns = PatternOptions::regex()
            .size_limit(MAX_PATTERN_BYTES)
            .dfa_size_limit(MAX_PATTERN_BYTES);
        jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .build(schema)
            .map(|validator| Self { schema, validator })
            .map_err(|error| short(&error.to_string()))
    }

    /// Why the value doesn't fit, if it doesn't.
    pub(crate) fn refuse(&self, value: &Value) -> Option<String> {
        if steps(
            self.schema,
            self.schema,
            depth(value),
            &mut Vec::new(),
            &mut 0,
        ) > MAX_STEPS
        {
            return Some("its schema takes too many steps to check it".into());
        }
        let error = self.validator.iter_errors(value).next()?;
        let place = error.instance_path().to_string();
        let reason = short(&error.to_string());
        Some(if place.is_empty() {
            reason
        } else {
            format!("at {}: {reason}", short(&place))
        })
    }
}

/// Why a value doesn't fit a JSON Schema of a document, if it doesn't, in words of
/// bounded length; a schema that can't be used fits nothing.
pub fn schema_misfit(schema: &Value, value: &Value) -> Option<String> {
    match Checker::new(schema) {
        Ok(checker) => checker.refuse(value),
        Err(why) => Some(format!("its schema can't be used: {why}")),
    }
}

/// Why a value is no JSON Schema that can be used, if it isn't.
pub fn schema_problem(schema: &Value) -> Option<String> {
    Checker::new(schema).err()
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn depth(value: &Value) -> u32 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
    }
}

/// Keywords whose schemas see a part of the value, one level down.
const DESCENDING: [&str; 11] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "items",
    "prefixItems",
    "additionalItems",
    "contains",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];

/// An upper bound of the subschemas visited for one value of this depth: a
/// reference costs what it leads to each time. Counting stops above the bound.
fn steps<'s>(
    root: &'s Value,
    schema: &'s Value,
    depth: u32,
    open: &mut Vec<(usize, u32)>,
    taken: &mut u64,
) -> u64 {
    *taken += 1;
    if *taken > MAX_STEPS || depth == 0 {
        return *taken;
    }
    let here = (std::ptr::from_ref(schema).addr(), depth);
    if open.contains(&here) {
        // The same schema for the same value again: it would never end.
        *taken = MAX_STEPS + 1;
        return *taken;
    }
    match schema {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) => items.iter().for_each(|item| {
            steps(root, item, depth, open, taken);
        }),
        Value::Object(keywords) => {
            open.push(here);
            for (keyword, value) in keywords {
                match (keyword.as_str(), value) {
                    // What is defined costs where it is used; what is listed is only compared.
                    (
                        "$defs" | "definitions" | "enum" | "const" | "default" | "examples"
                        | "required" | "type",
                        _,
                    ) => {}
                    ("$ref" | "$dynamicRef", Value::String(target)) => {
                        if let Some(target) = target
                            .strip_prefix('#')
                            .and_then(|pointer| root.pointer(pointer))
                        {
                            steps(root, target, depth, open, taken);
                        }
                    }
                    (
                        "properties" | "patternProperties" | "dependentSchemas",
                        Value::Object(by_name),
                    ) => {
                        let below = if keyword == "dependentSchemas" {
                            depth
                        } else {
                            depth - 1
                        };
                        for schema in by_name.values() {
                            steps(root, schema, below, open, taken);
                        }
                    }
                    (_, Value::Object(_) | Value::Array(_)) => {
                        let below = if DESCENDING.contains(&keyword.as_str()) {
                            depth - 1
                        } else {
                            depth
                        };
                        steps(root, value, below, open, taken);
                    }
                    (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {}
                }
            }
            open.pop();
        }
    }
    *taken
}
