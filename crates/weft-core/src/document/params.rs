//! Parameters of a run: their declarations, and the values given to a run.

use super::{
    Dag, Param, Problem, ProblemCode,
    collect::Problems,
    fields::{Fields, did_you_mean},
    names::check_param_name,
    path::{At, Path, quoted},
    schema_check::{Checker, schema_misfit},
    tree::Node,
};
use serde_json::{Map, Value};

/// What a parameter takes: it, its name, and its place among the names that bindings are held to.
const PARAM_BYTES: usize = 2 * size_of::<Param>() + 128;

/// The fields of a parameter that is more than its default.
pub(crate) const PARAM_KEYS: &[&str] = &["schema", "default", "description"];

/// Reads `params`: each a default, or a table with `schema`, `default`, `description`.
pub(crate) fn read_params(head: &Fields<'_>) -> Vec<Param> {
    let table = Path::Key(head.path, "params");
    let mut params = Vec::new();
    for (name, node) in head.table("params", "a table of parameters") {
        let path = Path::Key(&table, name);
        if !check_param_name(name, &path, head.problems) {
            continue;
        }
        if !head.problems.memory.take(PARAM_BYTES + name.len()) {
            break;
        }
        let param = match node {
            Node::Table(_) => read_param(name, node, &path, head.problems),
            other => Some(Param {
                name: name.to_string(),
                description: None,
                schema: None,
                default: Some(head.problems.memory.value(other)),
            }),
        };
        params.extend(param);
    }
    params
}

fn read_param(name: &str, node: &Node<'_>, path: &Path<'_>, problems: &Problems) -> Option<Param> {
    let expected = "a default, or a table with `schema`, `default`, `description` (a default that is a table: { default = { ... } })";
    let fields = Fields::open(node, path, PARAM_KEYS, problems, expected)?;
    let default = fields
        .get_any("default")
        .map(|node| problems.memory.value(node));
    let schema = match fields.get("schema") {
        None => None,
        Some(node @ (Node::Table(_) | Node::Bool(_))) => {
            let schema = problems.memory.value(node);
            problems.memory.while_checking(node, || {
                check_default(&fields, &schema, default.as_ref());
            });
            Some(schema)
        }
        Some(other) => {
            super::fields::wrong_type(
                problems,
                &Path::Key(path, "schema"),
                "a JSON Schema (a table, true or false)",
                other,
            );
            None
        }
    };
    Some(Param {
        name: name.to_owned(),
        description: fields.owned("description"),
        schema,
        default,
    })
}

fn check_default(fields: &Fields<'_>, schema: &Value, default: Option<&Value>) {
    match Checker::new(schema) {
        Err(why) => fields.problem(
            "schema",
            ProblemCode::Schema,
            format!("this is no JSON Schema: {why}"),
            None,
        ),
        Ok(checker) => {
            if let Some(why) = default.and_then(|default| checker.refuse(default)) {
                fields.problem(
                    "default",
                    ProblemCode::Schema,
                    format!("the default doesn't fit its schema: {why}"),
                    None,
                );
            }
        }
    }
}

impl Dag {
    /// The parameters of a run: what is given, each checked against its
    /// schema, or its default's type where it has none, and defaults for the rest.
    ///
    /// # Errors
    /// Every problem: an unknown name, a value that doesn't fit, one that is missing.
    pub fn resolve_params(
        &self,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Vec<Problem>> {
        let problems = Problems::default();
        for name in given.keys() {
            if !self.params.iter().any(|param| param.name == *name) {
                let known = || self.params.iter().map(|param| &*param.name);
                let help = did_you_mean(name, known()).unwrap_or_else(|| match self.params.len() {
                    0 => "the DAG has no parameters".into(),
                    _ => format!(
                        "known are {}",
                        known().take(30).collect::<Vec<_>>().join(", ")
                    ),
                });
                let message = format!("the DAG {} has no parameter {}", self.id, quoted(name));
                problems.add(
                    At::Key,
                    &param_path(name),
                    ProblemCode::UnknownParam,
                    message,
                    Some(help),
                );
            }
        }
        let mut resolved = Map::new();
        for param in &self.params {
            let path = param_path(&param.name);
            match (given.get(&param.name), &param.default) {
                (Some(value), _) => {
                    if let Some(why) = refuse(param, value) {
                        let message =
                            format!("the value of {} doesn't fit: {why}", quoted(&param.name));
                        problems.add(At::Value, &path, ProblemCode::Schema, message, None);
                    }
                    resolved.insert(param.name.clone(), value.clone());
                }
                (None, Some(default)) => {
                    resolved.insert(param.name.clone(), default.clone());
                }
                (None, None) => {
                    let message = format!(
                        "the parameter {} must be given: it has no default",
                        quoted(&param.name)
                    );
                    let help = format!("--param {}=...", param.name);
                    problems.add(
                        At::Value,
                        &path,
                        ProblemCode::MissingParam,
                        message,
                        Some(help),
                    );
                }
            }
        }
        if problems.is_empty() {
            Ok(resolved)
        } else {
            Err(problems.into_list())
        }
    }
}

fn param_path(name: &str) -> Path<'_> {
    Path::Key(&Path::Key(&Path::Root, "params"), name)
}

/// Why a value doesn't fit a parameter.
fn refuse(param: &Param, value: &Value) -> Option<String> {
    if let Some(schema) = &param.schema {
        return schema_misfit(schema, value);
    }
    let default = param.default.as_ref()?;
    let same = match default {
        Value::Null => true,
        Value::Bool(_) => value.is_boolean(),
        Value::Number(_) => value.is_number(),
        Value::String(_) => value.is_string(),
        Value::Array(_) => value.is_array(),
        Value::Object(_) => value.is_object(),
    };
    if same {
        None
    } else {
        Some(format!(
            "it is {}, and the default is {}",
            kind(value),
            kind(default)
        ))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
