//! How a WASI program is started: templates in its arguments filled in, inputs
//! as JSON on standard input, artifacts as files under `/in`.

use super::template::{Template, TemplateError};
use crate::{
    contract::{ArtifactRef, artifact_refs_in},
    document::{OutputFormat, Program},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

/// The most bytes that the arguments and environment variables of a program may have together.
/// Larger data belongs on its standard input.
pub const MAX_ARGUMENT_BYTES: usize = 16 << 20;
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
        inputs: &[(String, Arc<str>)],
        params: &Map<String, Value>,
    ) -> Result<Self, TemplateError> {
        let texts = program.args.iter();
        let texts = texts.chain(program.env.iter().map(|(_, value)| value));
        let templates: Vec<Template<'_>> = texts
            .map(|text| Template::parse(text))
            .collect::<Result<_, _>>()?;
        let files_in = files_in(inputs);
        let look = |what: &str| look(what, inputs, params, &files_in);
        let mut known: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
        let mut bytes = 0_usize;
        for template in &templates {
            for what in template.names() {
                if !known.contains_key(what) {
                    let value = look(what).ok_or_else(|| template.unknown(what))?;
                    known.insert(what, value);
                }
            }
            bytes = bytes.saturating_add(template.filled_bytes(&known));
        }
        if bytes > MAX_ARGUMENT_BYTES {
            return Err(TemplateError::TooLong { bytes });
        }
        let mut filled = templates.iter().map(|template| template.fill(&known));
        let args = filled.by_ref().take(program.args.len()).collect();
        let names = program.env.iter().map(|(name, _)| name.clone());
        Ok(Self {
            args,
            env: names.zip(filled).collect(),
            stdin: stdin(inputs),
            output: program.output,
            fail_on_exit: program.fail_on_exit.clone(),
            skip_on_exit: program.skip_on_exit.clone(),
            files_in,
        })
    }
}

/// Whether a JSON text may hold a reference to an artifact. Its name may be written with escapes,
/// which no usual encoder does.
fn may_hold_artifacts(text: &str) -> bool {
    let mut escapes = text
        .match_indices("\\u00")
        .map(|(at, escape)| at + escape.len());
    text.contains("$artifact") || escapes.any(|at| is_escape_of_name(&text.as_bytes()[at..]))
}

/// Whether two hexadecimal digits name a letter of `$artifact`.
fn is_escape_of_name(digits: &[u8]) -> bool {
    let digits = digits
        .get(..2)
        .and_then(|digits| str::from_utf8(digits).ok());
    let letter = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    letter.is_some_and(|letter| b"$artifact".contains(&letter))
}

fn files_in(inputs: &[(String, Arc<str>)]) -> Vec<(String, ArtifactRef)> {
    let mut files_in = Vec::new();
    for (name, text) in inputs {
        if !may_hold_artifacts(text) {
            continue;
        }
        let references = artifact_refs_in(text).unwrap_or_default();
        for (number, reference) in references.iter().enumerate() {
            let file = if references.len() == 1 {
                name.clone()
            } else {
                format!("{name}-{number}")
            };
            files_in.push((file, reference.clone()));
        }
    }
    files_in
}

/// The value of a template's name. Inputs are not parsed: a tree of one takes many times as much
/// memory as its text.
fn look<'a>(
    what: &str,
    inputs: &'a [(String, Arc<str>)],
    params: &'a Map<String, Value>,
    files_in: &[(String, ArtifactRef)],
) -> Option<Cow<'a, str>> {
    let (kind, name) = what.split_once('.')?;
    match kind {
        "inputs" => {
            let (_name, text) = inputs.iter().find(|(input, _text)| input == name)?;
            // The only artifact of an input is where programs look for files.
            if text.trim_start().starts_with('{') && files_in.iter().any(|(file, _)| file == name) {
                return Some(format!("/in/{name}").into());
            }
            let string = serde_json::from_str::<String>(text).ok();
            Some(string.unwrap_or_else(|| compact(text)).into())
        }
        "params" => Some(match params.get(name)? {
            Value::String(text) => Cow::Borrowed(text),
            other => other.to_string().into(),
        }),
        _ => None,
    }
}

/// JSON without the space between its parts.
fn compact(json: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    let is_kept = |character: char| {
        if in_string {
            in_string = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            return true;
        }
        in_string = character == '"';
        !character.is_ascii_whitespace()
    };
    let mut text = json.to_owned();
    text.retain(is_kept);
    text
}

/// All inputs as one object, without parsing them.
fn stdin(inputs: &[(String, Arc<str>)]) -> Vec<u8> {
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
            ("rows".to_owned(), "[1, 2]".into()),
            ("file".to_owned(), r#"{"$artifact": "r/1.csv"}"#.into()),
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

    #[test]
    fn arguments_are_refused_by_their_size_before_they_are_built() {
        let megabyte = format!("\"{}\"", "x".repeat(1 << 20));
        let inputs = [("x".to_owned(), megabyte.into())];
        let args = vec!["{{ inputs.x }}"; 1000];
        let refused = Invocation::new(&program(&args), &inputs, &params());
        let bytes = 1000 * (1 << 20) + "https://a b".len();
        assert_eq!(refused, Err(TemplateError::TooLong { bytes }));
        let fits = Invocation::new(&program(&args[..15]), &inputs, &params());
        assert_eq!(fits.expect("it fits").args.len(), 15);
    }

    #[test]
    fn an_input_in_a_template_is_its_json_without_space() {
        let value = |json: &str| {
            let inputs = [("x".to_owned(), json.into())];
            let started = Invocation::new(&program(&["{{ inputs.x }}"]), &inputs, &params());
            started.expect("there is such an input").args.remove(0)
        };
        assert_eq!(
            value("{\n \"a b\" : [ 1,\t\"\\\" \\\\\" , null ] }"),
            r#"{"a b":[1,"\" \\",null]}"#
        );
        assert_eq!(value(r#""two \"words\"""#), r#"two "words""#);
        assert_eq!(value(r#"{"a": {"\u0024artifact": "r"}}"#), "/in/x");
        assert_eq!(value(r#"[{"$artifact": "r"}]"#), r#"[{"$artifact":"r"}]"#);
    }
}
