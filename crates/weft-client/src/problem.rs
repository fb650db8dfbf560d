//! Failed requests as problems with stable codes: what a server answered, under
//! its own code, and why there was no answer.

use reqwest::{StatusCode, Url};
use weft_api::{
    problem::{Code, Exit, Location, Problem, ProblemBody, ProblemDetail, Problems},
    text,
};

/// The most of an answer that is no problem's body and is shown, in characters.
const MAX_SHOWN: usize = 200;
/// The most of one text of a server, in characters.
const MAX_TEXT: usize = 4_000;

/// The problems of an answer that is no success.
pub fn from_response(url: &Url, status: StatusCode, body: &[u8]) -> Problems {
    match serde_json::from_slice::<ProblemBody>(body) {
        Ok(body) => from_body(&body, None),
        Err(_other) => foreign(url, status, body).into(),
    }
}

/// The problems that a stream of events ended with.
pub fn from_event(url: &Url, body: &[u8]) -> Problems {
    match serde_json::from_slice::<ProblemBody>(body) {
        Ok(body) => from_body(&body, None),
        Err(error) => invalid_response(url, &error.to_string()).into(),
    }
}

/// A text that was sent, for problems that name a line of it.
#[derive(Debug, Clone, Copy)]
pub struct SentText<'t> {
    /// The file's name, as problems show it.
    pub name: &'t str,
    /// The whole text.
    pub text: &'t str,
}

/// The problems of an answer, each with its line of the text that was sent;
/// `None` if the body is no problem of Weft's.
pub fn from_response_to(sent: SentText<'_>, body: &[u8]) -> Option<Problems> {
    serde_json::from_slice::<ProblemBody>(body)
        .ok()
        .map(|body| from_body(&body, Some(sent)))
}

fn from_body(body: &ProblemBody, sent: Option<SentText<'_>>) -> Problems {
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

/// The code, if this version knows it, or else the exit code that the server names.
fn code(body: &ProblemBody) -> Code {
    Code::of_answer(&body.code).unwrap_or(Code::NewerServer(Exit::of_answer(body.exit_code)))
}

/// The server's advice; for a missing token that of the command line, which is more concrete.
fn help(body: &ProblemBody) -> Option<String> {
    if body.code == Code::Unauthenticated.as_str() {
        return Some(advice(Code::Unauthenticated).to_owned());
    }
    body.help.as_deref().map(shown)
}

fn detailed(code: Code, detail: &ProblemDetail, sent: Option<SentText<'_>>) -> Problem {
    let message = shown(&detail.message);
    let location = sent.and_then(|sent| locate(detail, sent));
    let at = match (&detail.path, &location) {
        (Some(path), None) => format!("{}: ", shown(path)),
        _ => String::new(),
    };
    let mut problem = Problem::new(code, format!("{at}{message}"));
    problem.help = detail.help.as_deref().map(shown);
    problem.location = location.map(Box::new);
    problem
}

/// The word at the problem's line and column of the text.
fn locate(detail: &ProblemDetail, sent: SentText<'_>) -> Option<Location> {
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

/// An answer of something that is no Weft server: a proxy, or another program at that address.
fn foreign(url: &Url, status: StatusCode, body: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(body);
    let problem = Problem::new(
        Code::UnexpectedAnswer,
        format!("{url} answered with {status}, not as a Weft server does"),
    )
    .help("check the URL: wfctl config shows it and where it comes from");
    let line = text::line(text.trim(), MAX_SHOWN);
    if line.is_empty() {
        problem
    } else {
        problem.note(format!("it said: {line}"))
    }
}

/// A success whose body is not what the operation answers.
pub fn invalid_response(url: &Url, why: &str) -> Problem {
    Problem::new(
        Code::UnexpectedAnswer,
        format!("the answer of {url} can't be read: {why}"),
    )
    .help("check the URL, and that server and wfctl are of versions that fit: wfctl config")
}

/// The problem of a request without an answer.
pub fn no_response(url: &Url, error: &reqwest::Error) -> Problem {
    let cause = innermost(error);
    let refused = cause.contains("refused");
    if error.is_timeout() {
        return Problem::new(Code::ServerTimeout, format!("{url} did not answer in time"))
            .help("look at the server's log; the request may have been carried out");
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
    .help("look whether the server still runs; the request may have been carried out")
}

/// The words of the first cause; reqwest's own repeat the URL.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    shown(&cause.to_string())
}

/// A text of the server's without control characters, which could control the terminal.
fn shown(text: &str) -> String {
    text::truncated(text, MAX_TEXT).0
}

/// The problem of a refusal whose body could not be read, by its status.
pub(crate) fn from_status(url: &Url, status: StatusCode) -> Option<Problem> {
    let code = match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        _ => return None,
    };
    let problem = Problem::new(code, format!("{url} refused the request: {}", code.title()));
    Some(match advice(code) {
        "" => problem,
        help => problem.help(help),
    })
}

/// What to do, in the words of the command line if those are more concrete.
fn advice(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => {
            "wfctl login stores one; WEFT_TOKEN or --token-file give one for once"
        }
        code => code.help(),
    }
}
