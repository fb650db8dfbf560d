//! `{{ inputs.x }}` and `{{ params.x }}` in a program's arguments and environment, and the latter
//! in the key of a DAG's runs: whether what they name exists. They are filled in elsewhere.

use super::{
    ProblemCode,
    collect::Problems,
    fields::did_you_mean,
    names::Names,
    path::{At, Path, quoted},
};
use std::collections::HashSet;

/// Reports what a text's braces name and the task doesn't have.
pub(crate) fn check_template(
    text: &str,
    path: &Path<'_>,
    inputs: &HashSet<&str>,
    names: &Names<'_>,
    problems: &Problems,
) {
    check(text, path, Some(inputs), names, problems);
}

/// Reports what a text's braces name, where they may name parameters of the DAG alone.
pub(crate) fn check_params_template(
    text: &str,
    path: &Path<'_>,
    names: &Names<'_>,
    problems: &Problems,
) {
    check(text, path, None, names, problems);
}

fn check(
    text: &str,
    path: &Path<'_>,
    inputs: Option<&HashSet<&str>>,
    names: &Names<'_>,
    problems: &Problems,
) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((inside, behind)) = after.split_once("}}") else {
            let help = "close it with }}".to_owned();
            problems.add(
                At::Value,
                path,
                ProblemCode::InvalidValue,
                "the braces {{ are not closed",
                Some(help),
            );
            return;
        };
        rest = behind;
        let name = inside.trim();
        let (message, help) = match (name.split_once('.'), inputs) {
            (Some(("inputs", input)), Some(inputs)) if inputs.contains(input) => continue,
            (Some(("params", param)), _) if names.has_param(param) => continue,
            (Some(("inputs", input)), Some(inputs)) => (
                format!("the task has no input {}", quoted(input)),
                did_you_mean(input, inputs.iter().copied()),
            ),
            (Some(("params", param)), _) => (
                format!("the DAG has no parameter {}", quoted(param)),
                names.suggest_param(param),
            ),
            (Some(_) | None, Some(_)) => (
                format!("there is no {}", quoted(name)),
                Some("write {{ inputs.NAME }} or {{ params.NAME }}".into()),
            ),
            (Some(_) | None, None) => (
                format!("there is no {}", quoted(name)),
                Some("write {{ params.NAME }}".into()),
            ),
        };
        problems.add(At::Value, path, ProblemCode::UnknownParam, message, help);
    }
}
