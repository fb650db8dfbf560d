//! Holds a value from the command line to a JSON Schema: the keywords that
//! tell a mistyped value from a right one. What a task does with a value is
//! checked again by the task's own types.

use serde_json::Value;

/// Says in words what is wrong, to stand after the name of the value.
pub(crate) fn check_value(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(kind) = schema.get("type") {
        let kinds: Vec<&str> = match kind {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind, value)) {
            return Err(format!(
                "has to be {}, and {} is {}",
                kinds.join(" or "),
                shown(value),
                kind_of(value)
            ));
        }
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        return Err(format!(
            "has to be one of {}, not {}",
            allowed.join(", "),
            shown(value)
        ));
    }
    if let Some(number) = value.as_f64() {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        if let Some(least) = bound("minimum").filter(|least| number < *least) {
            return Err(format!("has to be at least {least}, not {}", shown(value)));
        }
        if let Some(most) = bound("maximum").filter(|most| number > *most) {
            return Err(format!("has to be at most {most}, not {}", shown(value)));
        }
    }
    if let (Some(items), Value::Array(values)) = (schema.get("items"), value) {
        for (at, item) in values.iter().enumerate() {
            check_value(items, item).map_err(|why| format!("at [{at}] {why}"))?;
        }
    }
    if let Value::Object(fields) = value {
        for name in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !fields.contains_key(name) {
                return Err(format!("has no field {name:?}"));
            }
        }
        for (name, schema) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            if let Some(field) = fields.get(name) {
                check_value(schema, field).map_err(|why| format!("at .{name} {why}"))?;
            }
        }
    }
    Ok(())
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        // A kind that this program does not know can't be wrong.
        _ => true,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    crate::display::truncated(&value.to_string(), 60).0
}
