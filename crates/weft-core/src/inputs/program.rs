//! How a WASI program is started: templates in its arguments filled in, inputs
//! as JSON on standard input, artifacts as files under `/in`.

use crate::{
    contract::{ArtifactRef, artifact_refs},
    document::{OutputFormat, Program},
};
use serde_json::{Map, Value};

/// Why a program can't be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Braces that are not closed.
    #[error("{text:?} has {{{{ without }}}}")]
    Open {
        /// The argument.
        text: String,
    },
    /// A name that the task doesn't have.
    #[error("{text:?}: there is no {what:?}; write {{{{ inputs.NAME }}}} or {{{{ params.NAME }}}}")]
    Unknown {
        /// The argument.
        text: String,
        /// The text in the braces.
        what: String,
    },
}

/// One start of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Everything after the program's name.
    pub args: Vec<String>,
    /// Environment variables; there are no others.
    pub env: Vec<(String, String)>,
    /// What standard input holds: the inputs as one JSON object, and a newline.
    pub stdin: Vec<u8>,
    /// How standard output becomes the output.
    pub output: OutputFormat,
    /// Exit codes that fail the task for good.
    pub fail_on_exit: Vec<u8>,
    /// Exit codes that skip the task.
    pub skip_on_exit: Vec<u8>,
    /// Artifacts that are files under `/in`, by file name: an input with
    /// one artifact under its own name, with several numbered from 0 on.
    pub files_in: Vec<(String, ArtifactRef)>,
}

impl Invocation {
    /// The start of one attempt. `inputs` are JSON texts by name; `params` are
    /// those of the run.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn new(
        program: &Program,
        inputs: &[(String, String)],
        params: &Map<String, Value>,
    ) -> Result<Self, TemplateError> {
        let mut files_in = Vec::new();
        let values: Map<String, Value> = inputs
            .iter()
            .map(|(name, text)| {
                (
                    name.clone(),
                    serde_json::from_str(text).unwrap_or(Value::Null),
                )
            })
            .collect();
        for (name, value) in &values {
            let references = artifact_refs(value);
            for (number, reference) in references.iter().enumerate() {
                let file = if references.len() == 1 {
                    name.clone()
                } else {
                    format!("{name}-{number}")
                };
                files_in.push((file, reference.clone()));
            }
        }
        let look = |what: &str| -> Option<String> {
            let (kind, name) = what.split_once('.')?;
            let value = match kind {
                "inputs" => values.get(name)?,
                "params" => params.get(name)?,
                _ => return None,
            };
            Some(match value {
                Value::String(text) => text.clone(),
                // The only artifact of an input is where programs look for files.
                Value::Object(_)
                    if kind == "inputs" && files_in.iter().any(|(file, _)| file == name) =>
                {
                    format!("/in/{name}")
                }
                other => other.to_string(),
            })
        };
        let fill = |text: &String| fill(text, &look);
        Ok(Self {
            args: program.args.iter().map(fill).collect::<Result<_, _>>()?,
            env: program
                .env
                .iter()
                .map(|(name, value)| Ok((name.clone(), fill(value)?)))
                .collect::<Result<_, TemplateError>>()?,
            stdin: stdin(inputs),
            output: program.output,
            fail_on_exit: program.fail_on_exit.clone(),
            skip_on_exit: program.skip_on_exit.clone(),
            files_in,
        })
    }
}

/// All inputs as one object, without parsing them.
fn stdin(inputs: &[(String, String)]) -> Vec<u8> {
    let mut text = String::from("{");
    for (number, (name, value)) in inputs.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&Value::String(name.clone()).to_string());
        text.push(':');
        text.push_str(value);
    }
    text.push_str("}\n");
    text.into_bytes()
}

fn fill(text: &str, look: &impl Fn(&str) -> Option<String>) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = inner.find("}}").ok_or_else(|| TemplateError::Open {
            text: text.to_owned(),
        })?;
        let what = inner[..end].trim();
        let value = look(what).ok_or_else(|| TemplateError::Unknown {
            text: text.to_owned(),
            what: what.to_owned(),
        })?;
        out.push_str(&value);
        rest = &inner[end + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(args: &[&str]) -> Program {
        Program {
            file: "p.wasm".into(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: vec![("WHERE".into(), "{{params.url}}".into())],
            output: OutputFormat::Json,
            fail_on_exit: vec![],
            skip_on_exit: vec![],
        }
    }

    fn params() -> Map<String, Value> {
        serde_json::from_str(r#"{"url": "https://a b", "n": 3}"#).expect("an object")
    }

    #[test]
    fn templates_inputs_and_artifacts_reach_the_program() {
        let inputs = [
            ("rows".to_owned(), "[1, 2]".to_owned()),
            ("file".to_owned(), r#"{"$artifact": "r/1.csv"}"#.to_owned()),
        ];
        let entry = Invocation::new(
            &program(&["--n={{ params.n }}", "{{inputs.rows}}", "{{ inputs.file }}"]),
            &inputs,
            &params(),
        )
        .expect("all names are there");
        assert_eq!(entry.args, ["--n=3", "[1,2]", "/in/file"]);
        assert_eq!(entry.env, [("WHERE".into(), "https://a b".into())]);
        assert_eq!(
            entry.files_in,
            [("file".into(), ArtifactRef::new("r/1.csv"))]
        );
        assert_eq!(
            entry.stdin,
            b"{\"rows\":[1, 2],\"file\":{\"$artifact\": \"r/1.csv\"}}\n"
        );
    }

    #[test]
    fn a_template_that_names_nothing_is_refused() {
        let refused =
            |arg: &str| Invocation::new(&program(&[arg]), &[], &params()).expect_err("refused");
        assert_eq!(
            refused("{{ inputs.x"),
            TemplateError::Open {
                text: "{{ inputs.x".into()
            }
        );
        assert!(
            matches!(refused("{{ inputs.x }}"), TemplateError::Unknown { what, .. } if what == "inputs.x")
        );
        assert!(matches!(
            refused("{{ secrets.x }}"),
            TemplateError::Unknown { .. }
        ));
    }
}
