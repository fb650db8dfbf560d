//! How a program's end becomes an outcome.

use super::links::linked;
use crate::{
    ArtifactRef, AttemptFailure, AttemptOutcome, FailureKind, ProgramEntry,
    artifacts::references_in,
};
use serde_json::{Map, Value};
use wasmtime_wasi::I32Exit;
use weft_core::document::OutputFormat;

/// The prefix of a file's name in a program's own output.
pub(super) const OUT: &str = "/out/";

/// The exit code of a program that returned, ended itself, or did neither: that error
/// is returned. A code beyond 255 counts as 255.
pub(super) fn exit_code(ended: wasmtime::Result<Result<(), ()>>) -> wasmtime::Result<u8> {
    match ended {
        Ok(Ok(())) => Ok(0),
        Ok(Err(())) => Ok(1),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(code)) => Ok(u8::try_from(*code).unwrap_or(u8::MAX)),
            None => Err(error),
        },
    }
}

/// The outcome of an exit code other than 0, or of one that skips.
pub(super) fn of_code(entry: &ProgramEntry, code: u8) -> Option<AttemptOutcome> {
    if entry.skip_on_exit.contains(&code) {
        let reason = Some(format!(
            "the program ended with exit code {code}, which `skip_on_exit` names"
        ));
        return Some(AttemptOutcome::Skipped { reason });
    }
    if code == 0 {
        return None;
    }
    let is_final = entry.fail_on_exit.contains(&code);
    let why = if is_final {
        ", which `fail_on_exit` names: it is not retried"
    } else {
        ""
    };
    let message = format!("the program ended with exit code {code}{why}");
    Some(AttemptOutcome::Failed(AttemptFailure {
        retryable: !is_final,
        ..AttemptFailure::new(FailureKind::Exit(code), message)
    }))
}

/// The output of a program that succeeded: JSON text.
///
/// As JSON, standard output stays as the program wrote it, but that
/// `{"$artifact": "/out/<name>"}` becomes a reference to that file; where nothing was
/// written, the output names every file under `/out`, or is `null`.
pub(super) fn output(
    format: OutputFormat,
    stdout: Vec<u8>,
    files: &[(String, ArtifactRef)],
) -> Result<String, AttemptFailure> {
    let invalid = |problem: String| AttemptFailure::new(FailureKind::InvalidOutput, problem);
    let text = String::from_utf8(stdout).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        invalid(format!("standard output is not UTF-8 text (at byte {at})"))
    })?;
    match format {
        OutputFormat::Text => Ok(Value::String(text).to_string()),
        OutputFormat::Json if text.trim().is_empty() => Ok(names(files)),
        OutputFormat::Json => {
            let is_plain = references_in(&text)
                .iter()
                .all(|found| !found.as_str().starts_with(OUT));
            if is_plain {
                serde_json::from_str::<&serde_json::value::RawValue>(text.trim())
                    .map(|_checked| text.trim().to_owned())
                    .map_err(|error| invalid(not_json(&error)))
            } else {
                linked(&text, files).map_err(invalid)
            }
        }
    }
}

pub(super) fn not_json(error: &serde_json::Error) -> String {
    format!(
        "standard output is not JSON: {error}; write one JSON value and nothing else, or set output = \"text\""
    )
}

fn names(files: &[(String, ArtifactRef)]) -> String {
    if files.is_empty() {
        return "null".to_owned();
    }
    let named: Map<String, Value> = files
        .iter()
        .map(|(name, reference)| (name.clone(), reference.to_value()))
        .collect();
    Value::Object(named).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> ProgramEntry {
        ProgramEntry {
            args: Vec::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            output: OutputFormat::Json,
            fail_on_exit: vec![64],
            skip_on_exit: vec![99],
            files_in: Vec::new(),
        }
    }

    #[test]
    fn exit_codes_follow_the_entry() {
        let kind = |code| match of_code(&entry(), code) {
            None => "success".to_owned(),
            Some(AttemptOutcome::Skipped { .. }) => "skipped".to_owned(),
            Some(AttemptOutcome::Failed(failure)) => {
                format!("{:?} retryable {}", failure.kind, failure.retryable)
            }
            Some(other) => format!("{other:?}"),
        };
        assert_eq!(kind(0), "success");
        assert_eq!(kind(1), "Exit(1) retryable true");
        assert_eq!(kind(64), "Exit(64) retryable false");
        assert_eq!(kind(99), "skipped");
    }

    #[test]
    fn an_exit_is_read_out_of_the_error() {
        assert_eq!(exit_code(Ok(Ok(()))).unwrap(), 0);
        assert_eq!(exit_code(Ok(Err(()))).unwrap(), 1);
        assert_eq!(exit_code(Err(I32Exit(7).into())).unwrap(), 7);
        assert_eq!(exit_code(Err(I32Exit(4096).into())).unwrap(), 255);
        assert!(exit_code(Err(wasmtime::Error::msg("a trap"))).is_err());
    }

    #[test]
    fn standard_output_becomes_the_output() {
        let files = [("a/b.svg".to_owned(), ArtifactRef::new("ref-1"))];
        for (format, stdout, files, output_) in [
            (
                OutputFormat::Json,
                " {\"a\": 1.0}\n",
                &files[..],
                "{\"a\": 1.0}",
            ),
            (OutputFormat::Json, "\n", &files[..0], "null"),
            (
                OutputFormat::Json,
                "",
                &files[..],
                r#"{"a/b.svg":{"$artifact":"ref-1"}}"#,
            ),
            (
                OutputFormat::Json,
                r#"{"chart": [{"$artifact": "/out/a/b.svg"}], "n": 1}"#,
                &files[..],
                r#"{"chart":[{"$artifact":"ref-1"}],"n":1}"#,
            ),
            (
                OutputFormat::Text,
                "two\nlines\n",
                &files[..],
                r#""two\nlines\n""#,
            ),
            (OutputFormat::Text, "", &files[..], r#""""#),
        ] {
            assert_eq!(
                output(format, stdout.into(), files).unwrap(),
                output_,
                "{stdout:?}"
            );
        }
    }

    #[test]
    fn what_is_no_output_says_why() {
        let problem = |stdout: &[u8]| {
            output(OutputFormat::Json, stdout.into(), &[])
                .unwrap_err()
                .message
        };
        assert!(problem(b"hello").contains("output = \"text\""));
        assert!(problem(b"{} {}").contains("not JSON"));
        assert!(problem(b"ab\xff").contains("at byte 2"));
        assert!(problem(br#"{"$artifact": "/out/x"}"#).contains("/out/x, which is not there"));
    }
}
