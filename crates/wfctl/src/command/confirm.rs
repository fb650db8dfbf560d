//! Asks before something is lost.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use weft_api::problem::{Code, Problem};

/// Goes on with `--yes`, or where somebody at a terminal says so.
pub(crate) fn ask(yes: bool, question: &str) -> Result<(), Problem> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Problem::new(
            Code::Usage,
            "this needs a confirmation, and standard input is no terminal",
        )
        .help("add --yes"));
    }
    let mut err = io::stderr().lock();
    let asked = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    match read {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        Ok(_) | Err(_) => Err(Problem::new(
            Code::Usage,
            "nothing was done: it was not confirmed",
        )),
    }
}
