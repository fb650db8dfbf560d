//! The examples' result, computed a second time by another program, and the
//! comparison with it.

use crate::{program, tools, workspace::Workspace};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::process::Command;

/// Sums are added up in different orders, and logarithms come from different libraries.
const RELATIVE_TOLERANCE: f64 = 1e-9;

/// What the task `world` must return.
pub(crate) fn world(workspace: &Workspace) -> Result<Value> {
    let folder = workspace.example("quakes");
    let mut reference = Command::new(tools::python()?);
    reference
        .arg(folder.join("reference.py"))
        .arg(folder.join("data/earthquakes.json"));
    serde_json::from_str(&program::read(&mut reference)?)
        .context("reference.py printed something that is not JSON")
}

/// Fails with the JSON pointer of the first difference.
pub(crate) fn same(expected: &Value, actual: &Value) -> Result<()> {
    differ(expected, actual, &mut String::new()).map_or(Ok(()), |difference| bail!("{difference}"))
}

fn differ(expected: &Value, actual: &Value, path: &mut String) -> Option<String> {
    let at = path.len();
    let mut inside = |key: String, expected: &Value, actual: &Value| {
        path.push('/');
        path.push_str(&key);
        let difference = differ(expected, actual, path);
        path.truncate(at);
        difference
    };
    match (expected, actual) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().find_map(|(key, value)| {
                inside(key.clone(), value, b.get(key).unwrap_or(&Value::Null))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| inside(index.to_string(), a, b)),
        (Value::Number(a), Value::Number(b)) if close(a.as_f64()?, b.as_f64()?) => None,
        (a, b) if a == b => None,
        (a, b) => Some(format!("at {path} the result is {b} and should be {a}")),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= RELATIVE_TOLERANCE * a.abs().max(b.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_may_differ_by_rounding_and_nothing_else_may() {
        let expected = json!({"sum": 0.3, "list": [1, {"x": null}]});
        same(
            &expected,
            &json!({"sum": 0.1 + 0.2, "list": [1.0, {"x": null}]}),
        )
        .expect("only rounding");
        for (bad, path) in [
            (json!({"sum": 0.301, "list": [1, {"x": null}]}), "at /sum"),
            (json!({"sum": 0.3, "list": [1, {"x": 1}]}), "at /list/1/x"),
            (json!({"sum": 0.3, "list": [1]}), "at /list"),
            (json!({"sum": 0.3}), "at  "),
        ] {
            let error = same(&expected, &bad).expect_err("they differ").to_string();
            assert!(error.starts_with(path), "{error}");
        }
    }
}
