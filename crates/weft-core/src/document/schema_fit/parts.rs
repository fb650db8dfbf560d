//! A schema taken apart: what a value of it is, all at once; and words for it.

use serde_json::{Map, Value};

/// One thing that holds of every value of a schema.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'s> {
    /// There is no value.
    Never,
    /// It is of the schema that this reference means.
    Ref(&'s str),
    /// It is of at least one of these.
    Any(&'s [Value]),
    /// It is of all of these.
    All(&'s [Value]),
    /// It is one of these.
    Values(&'s [Value]),
    /// Its type, and the keywords for that type.
    Plain(&'s Map<String, Value>),
}

/// Keywords that narrow a type in a way that isn't compared; a producer with one of them is accepted.
const UNKNOWN: [&str; 10] = [
    "not",
    "if",
    "$dynamicRef",
    "$recursiveRef",
    "patternProperties",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contains",
    "propertyNames",
];

/// Keywords that bound sizes and values, lowest and highest.
pub(super) const SIZES: [(&str, &str); 4] = [
    ("minimum", "maximum"),
    ("minItems", "maxItems"),
    ("minLength", "maxLength"),
    ("minProperties", "maxProperties"),
];

pub(super) fn has_unknown(object: &Map<String, Value>) -> bool {
    UNKNOWN.iter().any(|key| object.contains_key(*key))
}

/// The parts of a schema, none for one that says nothing; `None` where something in it isn't understood.
pub(super) fn parts(schema: &Value) -> Option<Vec<Part<'_>>> {
    let object = match schema {
        Value::Bool(true) => return Some(Vec::new()),
        Value::Bool(false) => return Some(vec![Part::Never]),
        Value::Object(object) => object,
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => return None,
    };
    let mut parts = Vec::new();
    if let Some(target) = object.get("$ref").and_then(Value::as_str) {
        parts.push(Part::Ref(target));
    }
    if let Some(value) = object.get("const") {
        parts.push(Part::Values(std::slice::from_ref(value)));
    }
    let list = |key: &str| {
        object
            .get(key)
            .and_then(Value::as_array)
            .filter(|list| !list.is_empty())
    };
    if let Some(values) = list("enum") {
        parts.push(Part::Values(values));
    }
    if !types_of(object).is_empty()
        || object.contains_key("properties")
        || object.contains_key("items")
    {
        parts.push(Part::Plain(object));
    }
    parts.extend(
        ["anyOf", "oneOf"]
            .into_iter()
            .filter_map(list)
            .map(|schemas| Part::Any(schemas)),
    );
    parts.extend(list("allOf").map(|schemas| Part::All(schemas)));
    if has_unknown(object) && parts.iter().all(|part| matches!(part, Part::Plain(_))) {
        return None;
    }
    Some(parts)
}

/// The types that a schema names; none if it names none.
pub(super) fn types_of(object: &Map<String, Value>) -> Vec<&str> {
    let mut types: Vec<&str> = match object.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    };
    // OpenAPI 3.0's way to allow null.
    if !types.is_empty()
        && object.get("nullable") == Some(&Value::Bool(true))
        && !types.contains(&"null")
    {
        types.push("null");
    }
    types
}

/// What a reference within the schema means.
pub(super) fn target<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let pointer = reference.strip_prefix('#')?;
    // Names in fragments may be percent-encoded; such a one isn't found, and so accepted.
    root.pointer(pointer)
}

/// The schema itself, references followed; `None` for a foreign or endless one.
pub(super) fn resolve<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Value> {
    let mut here = schema;
    for _ in 0..32 {
        match here.get("$ref").and_then(Value::as_str) {
            Some(reference) => here = target(root, reference)?,
            None => return Some(here),
        }
    }
    None
}

/// Whether no number lies within both bounds.
pub(super) fn disjoint(
    given: &Map<String, Value>,
    wanted: &Map<String, Value>,
    least: &str,
    most: &str,
) -> bool {
    let bound = |object: &Map<String, Value>, key: &str| object.get(key).and_then(Value::as_f64);
    let above = |low: Option<f64>, high: Option<f64>| matches!((low, high), (Some(low), Some(high)) if low > high);
    above(bound(given, least), bound(wanted, most))
        || above(bound(wanted, least), bound(given, most))
}

pub(super) fn describe_bounds(object: &Map<String, Value>, least: &str, most: &str) -> String {
    let bound = |key: &str| object.get(key).map(|value| format!("{key} {value}"));
    let bounds: Vec<String> = [bound(least), bound(most)].into_iter().flatten().collect();
    if bounds.is_empty() {
        "anything".into()
    } else {
        bounds.join(" and ")
    }
}

/// The longest description, in characters.
const MAX_WORDS: usize = 120;

/// A schema in words: "a text", "a list of integers or null", "\"a\" or \"b\"".
pub(super) fn describe(root: &Value, schema: &Value) -> String {
    let words = words(root, schema, 3);
    match words.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

fn words(root: &Value, schema: &Value, levels: u8) -> String {
    let Some(object) = resolve(root, schema).and_then(Value::as_object) else {
        return if schema == &Value::Bool(false) {
            "nothing".into()
        } else {
            "anything".into()
        };
    };
    if levels == 0 {
        return "…".into();
    }
    if let Some(value) = object.get("const") {
        return describe_value(value);
    }
    let any_of = |schemas: &[Value]| {
        let mut all: Vec<String> = schemas
            .iter()
            .take(6)
            .map(|schema| words(root, schema, levels - 1))
            .collect();
        all.dedup();
        if schemas.len() > 6 {
            all.push("…".into());
        }
        all.join(" or ")
    };
    if let Some(values) = object.get("enum").and_then(Value::as_array) {
        return values
            .iter()
            .take(6)
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(" or ");
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(schemas) = object.get(key).and_then(Value::as_array) {
            return any_of(schemas);
        }
    }
    let name = |name: &str| match name {
        "string" => "a text".to_owned(),
        "integer" => "an integer".to_owned(),
        "number" => "a number".to_owned(),
        "boolean" => "a boolean".to_owned(),
        "null" => "null".to_owned(),
        "array" => match object.get("items") {
            Some(items @ Value::Object(_)) => {
                format!("a list, each {}", words(root, items, levels - 1))
            }
            _ => "a list".to_owned(),
        },
        "object" => match object.get("title").and_then(Value::as_str) {
            Some(title) => format!("an object ({title:.40})"),
            None => "an object".to_owned(),
        },
        other => format!("{other:.40}"),
    };
    let types = types_of(object);
    if types.is_empty() {
        "anything".into()
    } else {
        types.into_iter().map(name).collect::<Vec<_>>().join(" or ")
    }
}

/// A value in words, short.
pub(super) fn describe_value(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => super::super::path::quoted(text),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}
