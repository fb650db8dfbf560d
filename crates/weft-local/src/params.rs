//! Values on the command line: `--param name=value` and `--input task.name=json`.
//!
//! A value is JSON, or a plain text where the parameter is a text; `@file`
//! reads it from a file. What a parameter is, its JSON Schema says, or else the
//! type of its default.

use serde_json::{Map, Value};
use std::fs;
use weft_api::problem::{Code, Problem, Problems};
use weft_core::document::{self, Dag, Param, ProblemCode};

/// The parameters of a run: what was given, each held to its schema, defaults for the rest.
pub(crate) fn resolve(dag: &Dag, given: &[String]) -> Result<Map<String, Value>, Problems> {
    let values = self::given(&dag.params, given)?;
    dag.resolve_params(&values).map_err(|found| {
        let problems = found.into_iter().map(|found| refused(dag, found)).collect();
        Problems::from_list(problems)
            .unwrap_or_else(|| Problem::new(Code::Usage, "the parameters are refused").into())
    })
}

/// What was given, each read by what its parameter is; nothing is checked against schemas.
pub fn given(params: &[Param], given: &[String]) -> Result<Map<String, Value>, Problems> {
    let mut problems = Vec::new();
    let mut values = Map::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            problems.push(
                Problem::new(Code::Usage, format!("--param {text:?} has no '='"))
                    .help("write --param NAME=VALUE"),
            );
            continue;
        };
        let read = read(value).and_then(|value| {
            match params.iter().find(|param| param.name == name) {
                Some(param) => param_value(param, &value),
                // The name is refused later, with the names that there are.
                None => Ok(Value::Null),
            }
        });
        match read {
            Ok(value) => {
                values.insert(name.to_owned(), value);
            }
            Err(problem) => problems.push(problem),
        }
    }
    Problems::from_list(problems).map_or(Ok(values), Err)
}

/// A problem of the document's own check, in the words of the command line.
fn refused(dag: &Dag, found: document::Problem) -> Problem {
    let code = match found.code {
        ProblemCode::UnknownParam => Code::UnknownParam,
        ProblemCode::MissingParam => Code::MissingParam,
        _ => Code::WrongType,
    };
    let param = dag
        .params
        .iter()
        .find(|param| found.path.ends_with(&param.name));
    let mut problem = Problem::new(code, found.message);
    problem.help = match (found.help, param, code) {
        (_, Some(param), Code::MissingParam) => Some(format!(
            "add --param {}={}",
            param.name,
            wanted(param).placeholder()
        )),
        (Some(help), _, _) => Some(help),
        (None, Some(param), _) => Some(format!(
            "for example --param {}={}",
            param.name,
            example(param)
        )),
        (None, None, _) => None,
    };
    match param.and_then(|param| Some((&param.name, param.description.as_ref()?))) {
        Some((name, description)) => problem.note(format!("{name}: {description}")),
        None => problem,
    }
}

/// The text itself, or the file's behind `@`.
pub(crate) fn read(text: &str) -> Result<String, Problem> {
    match text.strip_prefix('@') {
        None => Ok(text.to_owned()),
        Some(path) => fs::read_to_string(path)
            .map(|text| text.strip_suffix('\n').map_or(text.clone(), str::to_owned))
            .map_err(|error| {
                Problem::io("read", path.as_ref(), &error).note("named by '@' in a value")
            }),
    }
}

/// What kind of value a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Nothing is known: JSON where it parses, else a text.
    Anything,
    /// A text, unchanged.
    Text,
    /// JSON.
    Json,
}

impl Wanted {
    const fn placeholder(self) -> &'static str {
        match self {
            Self::Anything | Self::Text => "TEXT",
            Self::Json => "JSON",
        }
    }
}

fn wanted(param: &Param) -> Wanted {
    let kind = param.schema.as_ref().and_then(|schema| schema.get("type"));
    match (kind, &param.default) {
        (Some(Value::String(kind)), _) if kind == "string" => Wanted::Text,
        (Some(Value::String(_)), _) => Wanted::Json,
        (_, Some(Value::String(_))) => Wanted::Text,
        (None, Some(Value::Null) | None) | (Some(_), _) => Wanted::Anything,
        (None, Some(_)) => Wanted::Json,
    }
}

fn param_value(param: &Param, text: &str) -> Result<Value, Problem> {
    let value = match wanted(param) {
        // A quoted text is taken as JSON, so that scripts can always quote.
        Wanted::Text if text.len() >= 2 && text.starts_with('"') => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        }
        Wanted::Text => Value::String(text.to_owned()),
        Wanted::Anything => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        }
        Wanted::Json => serde_json::from_str(text).map_err(|error| {
            Problem::new(
                Code::WrongType,
                format!(
                    "the parameter {:?} has to be {}, and {:?} is no JSON",
                    param.name,
                    expected(param),
                    shown(text)
                ),
            )
            .note(error.to_string())
            .help(format!(
                "for example --param {}={}",
                param.name,
                example(param)
            ))
        })?,
    };
    Ok(value)
}

fn expected(param: &Param) -> String {
    param
        .schema
        .as_ref()
        .and_then(|schema| schema.get("type"))
        .map(|kind| match kind.as_str() {
            Some(kind @ ("integer" | "array" | "object")) => format!("an {kind}"),
            Some(kind @ ("number" | "boolean")) => format!("a {kind}"),
            Some(kind) => kind.to_owned(),
            None => kind.to_string(),
        })
        .or_else(|| {
            param
                .default
                .as_ref()
                .map(|default| type_name(default).to_owned())
        })
        .unwrap_or_else(|| "JSON".to_owned())
}

fn example(param: &Param) -> String {
    let value = param
        .default
        .clone()
        .or_else(|| param.schema.as_ref()?.get("examples")?.get(0).cloned());
    match value {
        Some(Value::String(text)) => text,
        Some(value) => quoted_for_a_shell(&value.to_string()),
        None => match expected(param).as_str() {
            "an integer" => "3".to_owned(),
            "a number" => "2.5".to_owned(),
            "a boolean" => "true".to_owned(),
            "an array" => "'[1, 2]'".to_owned(),
            "an object" => "'{\"key\": 1}'".to_owned(),
            _ => "VALUE".to_owned(),
        },
    }
}

fn quoted_for_a_shell(text: &str) -> String {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(text: &str) -> String {
    weft_api::text::truncated(text, 60).0
}

/// JSON that was given for something, with the place where it does not parse.
pub(crate) fn json(what: &str, text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let offset = offset_of(text, error.line(), error.column());
        Problem::new(Code::InvalidJson, format!("{what} is not JSON: {error}"))
            .at(weft_api::problem::Location {
                path: what.to_owned(),
                source: text.into(),
                span: offset..(offset + 1).min(text.len()).max(offset),
                label: "here".to_owned(),
            })
            .help("a text needs double quotes, and the shell needs single ones around them: '\"text\"'")
    })
}

fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
