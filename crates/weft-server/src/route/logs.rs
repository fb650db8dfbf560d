//! Logs of attempts: page by page, and as they are printed.

use super::{
    instances::{self, Found, InstancePath},
    page_size,
};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    cursor::List,
    extract::{Path, Query, header_text},
    ports::{Change, Changes, Listen, LogKey, News},
    problem::{Code, Problem},
    sse::{self, LAST_EVENT_ID},
    view,
};
use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use http::HeaderMap;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::LogPage;
use weft_blob::logs::{LiveLines, LogError};
use weft_core::id::{TaskId, TenantId};

/// How long a page waits for an attempt that has printed nothing yet.
const PAGE_PATIENCE: Duration = Duration::from_millis(50);
/// A follower looks into the database so long after it looked last, where it
/// hears of nothing: a line wakes it, and so does a change of the instance, but
/// either may be lost, or be another process' to tell.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// The most lines of a page that is read by numbers.
const MAX_RANGE_LINES: u32 = 5_000;
/// The most lines of one event.
const LINES_AN_EVENT: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_log))
        .routes(routes!(follow_log))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadLog {
    /// The cursor of this page: `next` of the page before.
    cursor: Option<String>,
    /// How many lines, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The number of the attempt; the last one by default.
    attempt: Option<u32>,
    /// The number of the first line of the page, from 0 on, in place of a cursor.
    from_line: Option<u64>,
    /// How many lines, 1 to 5,000, in place of `limit`.
    #[param(minimum = 1, maximum = 5_000)]
    lines: Option<u32>,
}

/// Read a log
///
/// Returns the log of one attempt in pages. While the attempt runs there is always a next page,
/// which may be empty.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/logs", tag = "logs", params(InstancePath, ReadLog), responses((status = 200, description = "Lines", body = LogPage)))]
async fn read_log(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
    Query(query): Query<ReadLog>,
) -> Result<axum::Json<LogPage>, Problem> {
    let size = match query.lines {
        None => page_size(query.limit)?,
        Some(lines) if (1..=MAX_RANGE_LINES).contains(&lines) => lines,
        Some(lines) => {
            let detail = format!("a page has 1 to {MAX_RANGE_LINES} lines, not {lines}");
            return Err(Problem::new(Code::InvalidValue, detail));
        }
    };
    let found = instances::find(&app, &by.tenant, &path).await?;
    let log = Log::of(&by.tenant, &found, query.attempt)?;
    let list = List::new("log", &(found.run.id, found.key, log.key.number));
    let from: Option<u64> = list.key(query.cursor.as_deref())?;
    let from = from.or(query.from_line).unwrap_or(0);
    let lines = log.lines(&app, from, size, PAGE_PATIENCE).await?;
    Ok(axum::Json(LogPage {
        attempt: log.key.number,
        first: lines.first,
        next: (!lines.ended).then(|| list.after(&lines.next)),
        incomplete: lines.incomplete,
        total: lines.total,
        lines: lines.list,
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowLog {
    /// The number of the attempt; the last one by default.
    attempt: Option<u32>,
}

/// Follow a log
///
/// Server-sent events `lines`, each with one page, from the first line until an event `end`. The id
/// of an event is the number of the following line; send it as `Last-Event-ID` to continue there.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/{index}/logs/follow", tag = "logs", params(InstancePath, FollowLog, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received")), responses((status = 200, description = "Lines as they are printed", body = LogPage, content_type = "text/event-stream")))]
async fn follow_log(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<InstancePath>,
    Query(query): Query<FollowLog>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = instances::find(&app, &by.tenant, &path).await?;
    let log = Log::of(&by.tenant, &found, query.attempt)?;
    let from = match header_text(&headers, &LAST_EVENT_ID)? {
        None | Some("") => 0,
        Some(id) => id.parse().map_err(|_odd| {
            Problem::new(
                Code::InvalidRequest,
                "Last-Event-ID is none that this stream gave out",
            )
        })?,
    };
    let following = Following {
        place: sse::Place::take(&app)?,
        changes: app.scheduler().changes(Listen::Everything),
        task: found.task().id.clone(),
        tenant: by.tenant.clone(),
        path,
        log,
        from,
        app,
        has_ended: false,
    };
    Ok(sse::respond(
        &following.app.clone(),
        following,
        Following::next,
    ))
}

/// One attempt's log: by name where it is known, else live.
pub(super) struct Log {
    key: LogKey,
    /// As the database keeps it.
    pointer: Option<String>,
    /// Nothing more will be printed.
    has_ended: bool,
}

/// Some lines, and how it goes on.
pub(super) struct Lines {
    pub(super) first: u64,
    pub(super) list: Vec<weft_api::LogLine>,
    pub(super) next: u64,
    pub(super) incomplete: bool,
    pub(super) ended: bool,
    /// Of a log that is stored.
    total: Option<u64>,
}

impl Log {
    /// The log of an attempt, the last one where none is named.
    pub(super) fn of(
        tenant: &TenantId,
        found: &Found,
        attempt: Option<u32>,
    ) -> Result<Self, Problem> {
        let none = |number: u32| {
            let detail = format!(
                "{}[{}] has no attempt {number} in the run {}",
                found.task().id,
                found.key.index,
                found.run.id
            );
            Problem::new(Code::AttemptNotFound, detail)
        };
        let Some((view, earlier)) = &found.row else {
            return Err(none(attempt.unwrap_or(1)));
        };
        let number = attempt.unwrap_or(view.number);
        let before = earlier.iter().find(|earlier| earlier.number == number);
        let (pointer, has_ended) = match before {
            Some(earlier) => (earlier.log.clone(), true),
            None if number == view.number && number > 0 => {
                (view.log.clone(), view.log.is_some() || view.ended.is_some())
            }
            None => return Err(none(number)),
        };
        Ok(Self {
            key: LogKey {
                tenant: tenant.clone(),
                run: found.run.id,
                instance: found.key,
                number,
            },
            pointer: pointer.as_deref().map(str::to_owned),
            has_ended,
        })
    }

    /// The number of its attempt.
    pub(super) const fn number(&self) -> u32 {
        self.key.number
    }

    /// At most so many lines from a number on.
    pub(super) async fn lines(
        &self,
        app: &App,
        from: u64,
        most: u32,
        patience: Duration,
    ) -> Result<Lines, Problem> {
        if let Some(pointer) = &self.pointer {
            let pointer = pointer.parse().map_err(Problem::internal)?;
            let read = app
                .logs()
                .read(&self.key.tenant, &pointer, from, most as usize)
                .await;
            let page = match read {
                Ok(page) => page,
                Err(error) => return self.not_uploaded(app, from, most, error).await,
            };
            let next = page.first + page.lines.len() as u64;
            return Ok(Lines {
                first: page.first,
                next,
                incomplete: page.is_incomplete,
                total: Some(page.total),
                // A client must not request a page again for ever that is lost altogether.
                ended: next >= page.total || (page.lines.is_empty() && page.is_incomplete),
                list: page.lines.into_iter().map(view::log::line).collect(),
            });
        }
        let nothing = Lines {
            first: from,
            list: Vec::new(),
            next: from,
            incomplete: false,
            ended: self.has_ended,
            total: None,
        };
        if self.has_ended {
            return Ok(nothing);
        }
        let live = app
            .live_logs()
            .lines(&self.key, from, most as usize, patience)
            .await;
        Ok(live.map_or(nothing, |live| Lines::live(live, from)))
    }

    /// The lines of a log whose last segment a worker elsewhere has not uploaded yet, as far as
    /// they arrived live.
    async fn not_uploaded(
        &self,
        app: &App,
        from: u64,
        most: u32,
        error: LogError,
    ) -> Result<Lines, Problem> {
        if matches!(error, LogError::Missing(_)) {
            let live = app
                .live_logs()
                .lines(&self.key, from, most as usize, Duration::ZERO)
                .await;
            if let Some(live) = live {
                return Ok(Lines::live(live, from));
            }
        }
        Err(unreadable(error))
    }
}

impl Lines {
    fn live(live: LiveLines, from: u64) -> Self {
        Self {
            first: live.first,
            next: live.first + live.lines.len() as u64,
            incomplete: live.first > from,
            total: None,
            ended: live.has_ended,
            list: live.lines.into_iter().map(view::log::line).collect(),
        }
    }
}

fn unreadable(error: LogError) -> Problem {
    match error {
        LogError::Missing(segment) => {
            let detail = format!(
                "the log is gone with its segment {segment}: it was too old, or is not uploaded yet"
            );
            Problem::new(Code::LogNotFound, detail)
        }
        LogError::Damaged { .. } => {
            tracing::error!(%error, operation = "read log", "a log is damaged; the request fails");
            Problem::new(Code::Damaged, "the log is damaged")
        }
        LogError::Store(error) => error.into(),
        error @ (LogError::Lost { .. }
        | LogError::TooMany { .. }
        | LogError::Name(_)
        | LogError::Closed
        | LogError::Forbidden
        | LogError::NoFolder) => Problem::internal(error),
    }
}

/// A stream of one attempt's lines.
struct Following {
    place: sse::Place,
    changes: Changes,
    app: App,
    task: TaskId,
    tenant: TenantId,
    path: InstancePath,
    log: Log,
    from: u64,
    has_ended: bool,
}

impl Following {
    /// The next event; `None` after the end, or when the stream's time is over.
    async fn next(mut self) -> Option<(Event, Self)> {
        if self.has_ended {
            return None;
        }
        let until = self.place.until;
        let event = tokio::time::timeout_at(until, self.event()).await.ok()?;
        Some((event, self))
    }

    async fn event(&mut self) -> Event {
        loop {
            let look_at = Instant::now() + LOOK_AGAIN;
            let lines = self
                .log
                .lines(&self.app, self.from, LINES_AN_EVENT, LOOK_AGAIN);
            let lines = tokio::select! {
                biased;
                lines = lines => Some(lines),
                () = changed(&mut self.changes, &self.log.key, &self.task) => None,
            };
            match lines {
                Some(Err(problem)) => return self.fail(&problem),
                Some(Ok(lines)) if !lines.list.is_empty() => return self.tell(lines),
                Some(Ok(lines)) if lines.ended => return self.end(),
                // Nothing is known live: it has not started, has ended, or runs elsewhere.
                Some(Ok(_nothing)) => {
                    let change = changed(&mut self.changes, &self.log.key, &self.task);
                    // A change and the timeout have the same effect: the database is read again.
                    drop(timeout_at(look_at, change).await);
                }
                None => {}
            }
            if let Err(problem) = self.look_again().await {
                return self.fail(&problem);
            }
        }
    }

    fn tell(&mut self, lines: Lines) -> Event {
        self.from = lines.next;
        let page = LogPage {
            attempt: self.log.key.number,
            first: lines.first,
            lines: lines.list,
            incomplete: lines.incomplete,
            total: lines.total,
            next: None,
        };
        let data = serde_json::to_string(&page).expect("a page of lines has no map with odd keys");
        Event::default()
            .event("lines")
            .id(self.from.to_string())
            .data(data)
    }

    fn end(&mut self) -> Event {
        self.has_ended = true;
        Event::default()
            .event("end")
            .data(format!("{{\"attempt\":{}}}", self.log.key.number))
    }

    fn fail(&mut self, problem: &Problem) -> Event {
        self.has_ended = true;
        let data =
            serde_json::to_string(&problem.body()).expect("a problem has no map with odd keys");
        Event::default().event("problem").data(data)
    }

    /// The attempt may have ended meanwhile, and the database says so.
    async fn look_again(&mut self) -> Result<(), Problem> {
        let found = instances::find(&self.app, &self.tenant, &self.path).await?;
        self.log = Log::of(&self.tenant, &found, Some(self.log.key.number))?;
        Ok(())
    }
}

/// Waits until the instance has changed, or may have; for ever if no change is reported.
async fn changed(changes: &mut Changes, key: &LogKey, of: &TaskId) {
    loop {
        match changes.next().await {
            Some(News::Change(change)) => {
                let Change::Instance {
                    run,
                    task,
                    map_index,
                    ..
                } = &*change
                else {
                    continue;
                };
                if *run == key.run && task == of && map_index.unwrap_or(0) == key.instance.index {
                    return;
                }
            }
            Some(News::Missed) => return,
            None => std::future::pending().await,
        }
    }
}
