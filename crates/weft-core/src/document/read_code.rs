//! From the tree to what a task runs: a task of a component, or a program
//! with its arguments, environment and exit codes.

use super::{
    Binding, Code, OutputFormat, ProblemCode, Program,
    fields::{Fields, did_you_mean, wrong_type},
    names::Names,
    path::At,
    path::{Path, quoted},
    template::check_template,
    tree::Node,
};
use crate::id::TaskId;
use std::collections::HashSet;

/// The fields that only a program has.
const PROGRAM_KEYS: [&str; 5] = ["args", "env", "output", "fail_on_exit", "skip_on_exit"];

/// What the task runs.
pub(crate) fn read_code(
    fields: &Fields<'_>,
    id: &TaskId,
    names: &Names<'_>,
    inputs: &[(String, Binding)],
    expand: &[(String, Binding)],
) -> Code {
    let task = fields.name("task").unwrap_or_else(|| id.to_string());
    let component = fields.name("component");
    if fields.has("program") {
        for key in ["component", "task"] {
            if fields.has(key) {
                let help =
                    "a program is one task; one with several is named by `component` and `task`"
                        .to_owned();
                fields.problem(
                    key,
                    ProblemCode::Conflict,
                    format!("a task has either `program` or `{key}`"),
                    Some(help),
                );
            }
        }
        return Code::Program(read_program(fields, names, inputs, expand));
    }
    for key in PROGRAM_KEYS {
        if fields.has(key) {
            fields.problem(
                key,
                ProblemCode::Conflict,
                format!("`{key}` is for a `program` only"),
                Some("add program = \"file.wasm\", or remove it".into()),
            );
        }
    }
    if let Some(file) = component {
        return Code::Component { file, task };
    }
    if names.by_hand() && !fields.has("component") {
        let help = "add program = \"file.wasm\" for a WASI program, or component = \"file.wasm\""
            .to_owned();
        fields.problem_here(
            ProblemCode::MissingField,
            "the task names no code",
            Some(help),
        );
    }
    Code::Own { task }
}

fn read_program(
    fields: &Fields<'_>,
    names: &Names<'_>,
    inputs: &[(String, Binding)],
    expand: &[(String, Binding)],
) -> Program {
    let inputs: HashSet<&str> = inputs
        .iter()
        .chain(expand)
        .map(|(name, _)| &**name)
        .collect();
    let args = read_args(fields, names, &inputs);
    let env = read_env(fields, names, &inputs);
    let output = read_output_format(fields);
    let fail_on_exit = read_codes(fields, "fail_on_exit");
    let skip_on_exit = read_codes(fields, "skip_on_exit");
    if let Some(both) = fail_on_exit.iter().find(|code| skip_on_exit.contains(code)) {
        fields.problem(
            "skip_on_exit",
            ProblemCode::Conflict,
            format!("the exit code {both} is in `fail_on_exit` as well"),
            None,
        );
    }
    Program {
        file: fields.name("program").unwrap_or_default(),
        args,
        env,
        output,
        fail_on_exit,
        skip_on_exit,
    }
}

fn read_args(fields: &Fields<'_>, names: &Names<'_>, inputs: &HashSet<&str>) -> Vec<String> {
    let list = Path::Key(fields.path, "args");
    let mut args = Vec::new();
    for (at, text) in fields.texts("args") {
        let path = Path::Index(&list, at);
        check_template(text, &path, inputs, names, fields.problems);
        args.push(text.to_owned());
    }
    args
}

/// The environment; it ends early if the memory for problems and values is used up.
fn read_env(
    fields: &Fields<'_>,
    names: &Names<'_>,
    inputs: &HashSet<&str>,
) -> Vec<(String, String)> {
    let table = Path::Key(fields.path, "env");
    let mut env = Vec::new();
    for (name, node) in fields.table("env", "a table of texts") {
        let path = Path::Key(&table, name);
        if name.is_empty() || name.contains(['=', '\0']) {
            let message = format!(
                "{} can't be the name of an environment variable",
                quoted(name)
            );
            fields
                .problems
                .add(At::Key, &path, ProblemCode::InvalidValue, message, None);
        }
        match node {
            Node::Text(text) => {
                if !fields.problems.memory.take_text(name.len() + text.len())
                    || !fields.problems.memory.take_text(0)
                {
                    break;
                }
                check_template(text, &path, inputs, names, fields.problems);
                env.push((name.clone().into_owned(), text.clone().into_owned()));
            }
            other => wrong_type(fields.problems, &path, "a text", other),
        }
    }
    env
}

fn read_output_format(fields: &Fields<'_>) -> OutputFormat {
    match fields.text("output") {
        None | Some("json") => OutputFormat::Json,
        Some("text") => OutputFormat::Text,
        Some(other) => {
            let help = did_you_mean(other, ["json", "text"])
                .or_else(|| Some("known are json and text".into()));
            fields.problem(
                "output",
                ProblemCode::InvalidValue,
                format!("there is no output {}", quoted(other)),
                help,
            );
            OutputFormat::Json
        }
    }
}

fn read_codes(fields: &Fields<'_>, key: &'static str) -> Vec<u8> {
    let list = Path::Key(fields.path, key);
    let mut codes = Vec::new();
    for (at, node) in fields.list(key, "a list of exit codes").iter().enumerate() {
        let code = match node {
            Node::Number(number) => number
                .as_u64()
                .and_then(|number| u8::try_from(number).ok())
                .filter(|code| *code != 0),
            Node::Null
            | Node::Bool(_)
            | Node::Text(_)
            | Node::Date(_)
            | Node::List(_)
            | Node::Table(_) => None,
        };
        match code {
            Some(code) => codes.push(code),
            None => wrong_type(
                fields.problems,
                &Path::Index(&list, at),
                "an exit code from 1 to 255",
                node,
            ),
        }
    }
    codes
}
