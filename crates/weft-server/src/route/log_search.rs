//! Searching a log as a whole, and downloading it.

use super::{
    instances::{self, InstancePath},
    log_level::{self, Level, LevelCounts, Levels},
    logs::{Lines, Log},
};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    extract::{Path, Query},
    problem::{Code, Problem},
};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, header};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write as _,
    time::{Duration, Instant},
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{LogHit, LogLine, LogSearch, LogSource};

/// The longest expression, in bytes.
const MAX_QUERY_BYTES: usize = 1_000;
/// The most memory of a compiled expression, in bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;
/// How many hits an answer has by default.
const DEFAULT_HITS: usize = 1_000;
/// The most hits of an answer; the total is exact in any case.
const MAX_HITS: usize = 10_000;
/// The most positions of an answer: 2 bytes each where every line matches.
const MAX_POSITIONS: usize = 2_000_000;
/// The most places that are shown of one line.
const MAX_SPANS: usize = 20;
/// How long a search may take; what it found until then is answered.
const WITHIN: Duration = Duration::from_secs(10);
/// The lines that are read at once.
const LINES_AT_ONCE: u32 = 10_000;
/// How long is waited for lines of an attempt that has printed nothing yet.
const PATIENCE: Duration = Duration::from_millis(50);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(search_log))
        .routes(routes!(download_log))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchLog {
    /// What is searched for: a text, in any case of letters. Everything matches without it.
    q: Option<String>,
    /// Whether `q` is a regular expression without look-around and back-references. False by default.
    regex: Option<bool>,
    /// The number of the attempt; the last one by default.
    attempt: Option<u32>,
    /// The number of the first line that is searched, from 0 on; 0 by default.
    from_line: Option<u64>,
    /// How many hits, 1 to 10,000; 1,000 by default.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// Only lines of these levels, separated by commas: `error`, `warn`, `info`, `debug`.
    level: Option<String>,
    /// Whether the answer has the numbers of all lines that match, at most 2,000,000, in place of
    /// `hits`. False by default.
    positions: Option<bool>,
}

/// Search a log
///
/// Searches the messages of all lines of one attempt, without their colours. The number of hits is exact, unless the search took
/// too long, which `complete` says.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/logs/search", tag = "logs", params(InstancePath, SearchLog), responses((status = 200, description = "The hits", body = LogSearch)))]
async fn search_log(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
    Query(query): Query<SearchLog>,
) -> Result<axum::Json<LogSearch>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_HITS);
    if !(1..=MAX_HITS).contains(&limit) {
        let detail = format!("an answer has 1 to {MAX_HITS} hits, not {limit}");
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let regex = match &query.q {
        Some(text) => Some(compile(text, query.regex.unwrap_or(false))?),
        None => None,
    };
    let levels = query.level.as_deref().map(log_level::read_list);
    let levels = levels.transpose()?;
    let found = instances::find(&app, &by.tenant, &path).await?;
    let log = Log::of(&by.tenant, &found, query.attempt)?;
    let began = Instant::now();
    let mut from = query.from_line.unwrap_or(0);
    let mut search = Search {
        regex,
        levels,
        by_level: LevelCounts::default(),
        positions: query.positions.unwrap_or(false).then_some(0),
        limit,
        answer: LogSearch {
            attempt: log.number(),
            total: 0,
            lines: 0,
            complete: true,
            sources: BTreeMap::new(),
            levels: BTreeMap::new(),
            next: from,
            hits: Vec::new(),
            positions: Vec::new(),
        },
    };
    loop {
        let lines = log.lines(&app, from, LINES_AT_ONCE, PATIENCE).await?;
        let (is_last, next) = (lines.ended || lines.list.is_empty(), lines.next);
        search.answer.complete &= !lines.incomplete;
        // An expression takes linear time, which is long enough for a page of lines.
        let searched = tokio::task::spawn_blocking(move || {
            search.add(&lines);
            search
        });
        search = searched.await.map_err(Problem::internal)?;
        if is_last {
            break;
        }
        if began.elapsed() > WITHIN {
            search.answer.complete = false;
            break;
        }
        from = next;
    }
    search.answer.levels = search.by_level.named();
    Ok(axum::Json(search.answer))
}

fn compile(text: &str, is_regex: bool) -> Result<Regex, Problem> {
    if text.is_empty() || text.len() > MAX_QUERY_BYTES {
        let detail = format!("`q` has 1 to {MAX_QUERY_BYTES} bytes");
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let escaped = regex::escape(text);
    RegexBuilder::new(if is_regex { text } else { &escaped })
        .case_insensitive(!is_regex)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|_error| {
            let detail = "`q` is no regular expression, or one that takes too much memory";
            Problem::new(Code::InvalidValue, detail)
        })
}

/// A search under way.
struct Search {
    /// Everything matches without one.
    regex: Option<Regex>,
    /// Lines of other levels do not match.
    levels: Option<Levels>,
    by_level: LevelCounts,
    /// The last position, if positions are requested.
    positions: Option<u64>,
    limit: usize,
    answer: LogSearch,
}

impl Search {
    fn add(&mut self, lines: &Lines) {
        for (number, line) in (lines.first..).zip(&lines.list) {
            self.answer.lines += 1;
            let source = source_name(line.source);
            match self.answer.sources.get_mut(source) {
                Some(count) => *count += 1,
                None => {
                    self.answer.sources.insert(source.to_owned(), 1);
                }
            }
            let message = log_level::without_colours(&line.message);
            let level = Level::of(line.source, &message);
            self.by_level.count(level);
            let is_level = self.levels.is_none_or(|levels| levels.has(level));
            let is_match = |regex: &Regex| regex.is_match(&message);
            if is_level && self.regex.as_ref().is_none_or(is_match) {
                self.add_hit(number, line.source, &message);
            }
        }
        self.answer.next = lines.next;
    }

    fn add_hit(&mut self, line: u64, source: LogSource, message: &str) {
        self.answer.total += 1;
        if let Some(last) = &mut self.positions {
            if self.answer.positions.len() < MAX_POSITIONS {
                self.answer.positions.push(line - *last);
                *last = line;
            }
        } else if self.answer.hits.len() < self.limit {
            let units = |end: usize| message[..end].encode_utf16().count() as u64;
            let found = self.regex.iter().flat_map(|regex| regex.find_iter(message));
            self.answer.hits.push(LogHit {
                line,
                source,
                spans: found
                    .take(MAX_SPANS)
                    .map(|hit| [units(hit.start()), units(hit.end())])
                    .collect(),
            });
        }
    }
}

const fn source_name(source: LogSource) -> &'static str {
    match source {
        LogSource::Stdout => "stdout",
        LogSource::Stderr => "stderr",
        LogSource::Trace => "trace",
        LogSource::Debug => "debug",
        LogSource::Info => "info",
        LogSource::Warn => "warn",
        LogSource::Error => "error",
        LogSource::Weft => "weft",
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DownloadLog {
    /// The number of the attempt; the last one by default.
    attempt: Option<u32>,
}

/// Download a log
///
/// All lines of one attempt as text, as far as they were printed.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/logs/download", tag = "logs", params(InstancePath, DownloadLog), responses((status = 200, description = "The lines", body = String, content_type = "text/plain")))]
async fn download_log(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
    Query(query): Query<DownloadLog>,
) -> Result<Response, Problem> {
    let found = instances::find(&app, &by.tenant, &path).await?;
    let log = Log::of(&by.tenant, &found, query.attempt)?;
    let name = format!(
        "{}-{}-{}-{}.log",
        found.run.id,
        found.task().id,
        found.key.index,
        log.number()
    );
    // Whether it can be read at all is said before anything is sent.
    let first = log.lines(&app, 0, LINES_AT_ONCE, PATIENCE).await?;
    let pages = stream::unfold(Some((app, log, Some(first), 0)), |state| async move {
        let (app, log, read, from) = state?;
        let lines = match read {
            Some(lines) => Ok(lines),
            None => log.lines(&app, from, LINES_AT_ONCE, PATIENCE).await,
        };
        let (text, next) = match lines {
            Ok(lines) => {
                let goes_on = !lines.ended && !lines.list.is_empty();
                (text_of(&lines), goes_on.then_some(lines.next))
            }
            Err(problem) => (format!("(the log ends here: {})\n", problem.detail()), None),
        };
        let state = next.map(|next| (app, log, None, next));
        Some((Ok::<_, Infallible>(Bytes::from(text)), state))
    });
    let mut response = Body::from_stream(pages).into_response();
    let fields = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (
            HeaderName::from_static("content-security-policy"),
            "sandbox",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::from_str(&disposition).map_err(Problem::internal)?;
    fields.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

fn text_of(lines: &Lines) -> String {
    let mut text = String::new();
    for line in &lines.list {
        write_line(&mut text, line);
    }
    text
}

fn write_line(text: &mut String, line: &LogLine) {
    let source = source_name(line.source);
    write!(text, "{} {source:6} {}", line.at.0, line.message).expect("a String takes every text");
    for field in &line.fields {
        write!(text, " {}={}", field.name, field.value).expect("a String takes every text");
    }
    text.push('\n');
}
