//! Values that must not be seen: read from standard input, from a file, or
//! from a terminal without showing what is typed. Never from an argument, which
//! every user of the machine can read and which the shell remembers.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
};
use weft_api::problem::{Code, Problem};

/// The longest value, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// The value behind `@FILE`, or of standard input where there is none or `-`.
pub(crate) fn read(given: Option<&str>, what: &str) -> Result<String, Problem> {
    let value = match given {
        None | Some("-") => standard_input(what)?,
        Some(text) => {
            let Some(path) = text.strip_prefix('@') else {
                return Err(Problem::new(
                    Code::Usage,
                    format!("{what} can't stand on the command line, where others can read it"),
                )
                .help("name a file with @FILE, or leave it out and give it on standard input"));
            };
            fs::read_to_string(path).map_err(|error| Problem::io("read", path.as_ref(), &error))?
        }
    };
    Ok(without_line_end(value))
}

fn standard_input(what: &str) -> Result<String, Problem> {
    let fault = |error: io::Error| {
        Problem::new(
            Code::Usage,
            format!("can't read {what} from standard input: {error}"),
        )
    };
    if io::stdin().is_terminal() {
        let terminal = console::Term::stderr();
        terminal
            .write_str(&format!("{what} (not shown): "))
            .map_err(fault)?;
        return terminal.read_secure_line().map_err(fault);
    }
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(fault)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Problem::new(
            Code::Usage,
            format!("{what} has more than {MAX_BYTES} bytes"),
        ));
    }
    Ok(text)
}

/// The end of the last line is an editor's, not the value's.
fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_from_a_file_and_never_from_an_argument() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "a\nb\r\n").unwrap();
        assert_eq!(
            read(Some(&format!("@{}", file.path().display())), "the value").unwrap(),
            "a\nb"
        );
        let problem = read(Some("hunter2"), "the value").unwrap_err();
        assert_eq!(problem.code, Code::Usage);
        assert!(!problem.message.contains("hunter2"));
    }
}
