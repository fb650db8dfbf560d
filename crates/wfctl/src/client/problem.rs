//! What a server refused, and what kept a request from it, as problems with
//! stable codes. A server's own code and its exit code are kept as they are.

use reqwest::{StatusCode, Url};
use weft_api::problem::{Code, Exit, Location, Problem, ProblemBody, ProblemDetail, Problems};

/// The most of an answer that is no problem's body and is shown, in characters.
const MAX_SHOWN: usize = 200;

/// What an answer other than success says.
pub(crate) fn refused(url: &Url, status: StatusCode, body: &[u8]) -> Problems {
    match serde_json::from_slice::<ProblemBody>(body) {
        Ok(body) => told(&body, None),
        Err(_other) => foreign(url, status, body).into(),
    }
}

/// What a stream ended with.
pub(crate) fn in_stream(url: &Url, body: &[u8]) -> Problems {
    match serde_json::from_slice::<ProblemBody>(body) {
        Ok(body) => told(&body, None),
        Err(error) => unreadable(url, &error.to_string()).into(),
    }
}

/// A text that the user sent, for problems that name a line of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent<'t> {
    pub(crate) name: &'t str,
    pub(crate) text: &'t str,
}

/// Draws a server's problems into the text that they are about.
pub(crate) fn placed(body: &[u8], sent: Sent<'_>) -> Option<Problems> {
    serde_json::from_slice::<ProblemBody>(body)
        .ok()
        .map(|body| told(&body, Some(sent)))
}

fn told(body: &ProblemBody, sent: Option<Sent<'_>>) -> Problems {
    let code = code(body);
    let mut problems: Vec<Problem> = body
        .problems
        .iter()
        .map(|detail| detailed(code, detail, sent))
        .collect();
    if problems.is_empty() {
        let mut problem = Problem::new(code, shown(&body.detail));
        problem.help = help(body);
        problems.push(problem);
    } else {
        let first = problems.remove(0).note(shown(&body.detail));
        problems.insert(0, first);
    }
    if body.status >= 500
        && let Some(request) = &body.request
    {
        let last = problems
            .pop()
            .expect("there is at least the problem itself");
        problems.push(last.note(format!(
            "the server's log has more under the request {}",
            shown(request)
        )));
    }
    Problems::from_list(problems).expect("there is at least the problem itself")
}

/// The code that this program knows, or else what the server says it ends with.
fn code(body: &ProblemBody) -> Code {
    Code::of_answer(&body.code).unwrap_or(Code::NewerServer(Exit::of_answer(body.exit_code)))
}

/// The server's advice, in the words of the command line where those differ.
fn help(body: &ProblemBody) -> Option<String> {
    if body.code == Code::Unauthenticated.as_str() {
        return Some(
            "wfctl login stores one; WEFT_TOKEN or --token-file give one for once".to_owned(),
        );
    }
    body.help.as_deref().map(shown)
}

fn detailed(code: Code, detail: &ProblemDetail, sent: Option<Sent<'_>>) -> Problem {
    let message = shown(&detail.message);
    let place = sent.and_then(|sent| place(detail, sent));
    let at = match (&detail.path, &place) {
        (Some(path), None) => format!("{}: ", shown(path)),
        _ => String::new(),
    };
    let mut problem = Problem::new(code, format!("{at}{message}"));
    problem.help = detail.help.as_deref().map(shown);
    problem.location = place.map(Box::new);
    problem
}

/// The name at a line and a column of the text.
fn place(detail: &ProblemDetail, sent: Sent<'_>) -> Option<Location> {
    let line = usize::try_from(detail.line?).ok()?.checked_sub(1)?;
    let column = usize::try_from(detail.column.unwrap_or(1))
        .ok()?
        .saturating_sub(1);
    let start: usize = sent
        .text
        .split_inclusive('\n')
        .take(line)
        .map(str::len)
        .sum();
    let rest = sent.text.get(start..)?.lines().next().unwrap_or_default();
    let skipped: usize = rest.chars().take(column).map(char::len_utf8).sum();
    let length = rest[skipped..]
        .char_indices()
        .find(|(_, letter)| !letter.is_alphanumeric() && *letter != '_')
        .map_or(rest.len() - skipped, |(at, letter)| {
            at.max(letter.len_utf8())
        });
    Some(Location {
        path: sent.name.to_owned(),
        source: sent.text.into(),
        span: start + skipped..start + skipped + length,
        label: "here".to_owned(),
    })
}

/// An answer that is none of Weft's: a proxy, or another program at that address.
fn foreign(url: &Url, status: StatusCode, body: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(body);
    let problem = Problem::new(
        Code::UnexpectedAnswer,
        format!("{url} answered with {status}, not as a Weft server does"),
    )
    .help("check the URL: wfctl config shows it and where it comes from");
    let line = weft_api::text::line(text.trim(), MAX_SHOWN);
    if line.is_empty() {
        problem
    } else {
        problem.note(format!("it said: {line}"))
    }
}

/// An answer of success whose body is another than the one that was asked for.
pub(crate) fn unreadable(url: &Url, why: &str) -> Problem {
    Problem::new(
        Code::UnexpectedAnswer,
        format!("the answer of {url} can't be read: {why}"),
    )
    .help("check the URL, and that server and wfctl are of versions that fit: wfctl config")
}

/// Why there was no answer.
pub(crate) fn unanswered(url: &Url, error: &reqwest::Error) -> Problem {
    let cause = innermost(error);
    let refused = cause.contains("refused");
    if error.is_timeout() {
        return Problem::new(Code::ServerTimeout, format!("{url} did not answer in time"))
            .help("look at the server's log; what was asked for may have been done");
    }
    if error.is_connect() {
        let problem = Problem::new(
            Code::Unreachable,
            format!("no server can be reached at {url}"),
        );
        let problem = if refused {
            problem
        } else {
            problem.note(cause)
        };
        return problem.help(
            "start one with wfctl up, or name another with --url, WEFT_URL or wfctl context use",
        );
    }
    Problem::new(
        Code::Unreachable,
        format!("the connection to {url} broke off"),
    )
    .note(cause)
    .help("look whether the server still runs; what was asked for may have been done")
}

/// The words of the first cause; reqwest's own repeat the URL.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    shown(&cause.to_string())
}

/// A text of the server's, which must not steer the terminal.
fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 4_000;
    weft_api::text::truncated(text, MAX_CHARS).0
}
