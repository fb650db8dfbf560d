//! Bounds of a DAG by key: `concurrency_key`, `max_active_runs_per_key` and `rate_limit`.

use super::{
    ProblemCode,
    fields::Fields,
    names::Names,
    path::{Path, quoted},
    template::check_params_template,
};
use crate::concurrency::{Concurrency, MAX_RATE_RUNS, MAX_RATE_SPAN, RateLimit};

/// The fields of `rate_limit`.
pub(crate) const RATE_KEYS: &[&str] = &["runs", "per"];

/// The most bytes of a key's template.
const MAX_TEMPLATE_BYTES: usize = 1_000;

/// The bounds that are there and right.
pub(crate) fn read_concurrency(head: &Fields<'_>, names: &Names<'_>) -> Concurrency {
    let max_active_runs_per_key = head.count("max_active_runs_per_key", 1, u32::MAX);
    if max_active_runs_per_key.is_some() && !head.has("concurrency_key") {
        let help = "add `concurrency_key`, such as \"{{ params.customer }}\", or bound the whole DAG with `max_active_runs`".to_owned();
        let message = "the runs of this DAG have no key";
        head.problem(
            "max_active_runs_per_key",
            ProblemCode::Conflict,
            message,
            Some(help),
        );
    }
    Concurrency {
        key: read_key(head, names),
        max_active_runs_per_key,
        rate_limit: read_rate_limit(head),
    }
}

fn read_key(head: &Fields<'_>, names: &Names<'_>) -> Option<String> {
    let text = head.text("concurrency_key")?;
    let refuse = |message: String, help: &str| {
        let code = ProblemCode::InvalidValue;
        head.problem("concurrency_key", code, message, Some(help.to_owned()));
    };
    if text.is_empty() {
        let message = "this must not be empty".to_owned();
        refuse(
            message,
            "name what runs have in common, such as \"{{ params.customer }}\"",
        );
        return None;
    }
    if text.len() > MAX_TEMPLATE_BYTES {
        let message = format!(
            "this has {} bytes, and {MAX_TEMPLATE_BYTES} are allowed",
            text.len()
        );
        refuse(message, "make it of few parameters");
        return None;
    }
    let path = Path::Key(head.path, "concurrency_key");
    check_params_template(text, &path, names, head.problems);
    Some(text.to_owned())
}

fn read_rate_limit(head: &Fields<'_>) -> Option<RateLimit> {
    let path = Path::Key(head.path, "rate_limit");
    let expected = "a table with `runs` and `per`, such as { runs = 100, per = \"1m\" }";
    let limit = Fields::open(
        head.get("rate_limit")?,
        &path,
        RATE_KEYS,
        head.problems,
        expected,
    )?;
    for key in RATE_KEYS {
        if !limit.has(key) {
            let message = format!("{} is missing", quoted(key));
            let help = format!("write {expected}");
            limit.problem_here(ProblemCode::MissingField, message, Some(help));
        }
    }
    let runs = limit.count("runs", 1, MAX_RATE_RUNS);
    let per = limit.timeout("per");
    if per.is_some_and(|per| per > MAX_RATE_SPAN) {
        let message = format!("a rate is counted over at most {MAX_RATE_SPAN}");
        limit.problem("per", ProblemCode::InvalidValue, message, None);
    }
    Some(RateLimit {
        runs: runs?,
        per: per?,
    })
}
