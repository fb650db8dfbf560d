//! The list of failures, grouped by cause.

use crate::{
    app::App,
    auth::Reading,
    caller::By,
    extract::{Query, Text},
    problem::{Code, Problem},
    since::Since,
};
use axum::extract::State;
use serde::Deserialize;
use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{FailedAttempt, FailedTask, FailureGroup, Failures, FirstSeen};
use weft_core::{
    document::TaskIndex,
    id::DagId,
    time::{DurationMs, Timestamp},
};
use weft_store::VersionId;
use weft_store_sql::{FailureRow, Fingerprint, MAX_FAILURE_ROWS};

/// How many causes an answer has by default.
const DEFAULT_GROUPS: u32 = 50;
/// The most causes of an answer.
const MAX_GROUPS: u32 = 200;
/// The most tasks that are named for a cause.
const MAX_TASKS: usize = 20;
/// The longest time back: 31 days.
const MAX_SINCE: DurationMs = DurationMs(31 * 24 * 3_600_000);
const HOUR_MS: i64 = 3_600_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_failures))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListFailures {
    /// Since when: a duration such as `24h` or `7d`, or a time. 24 hours by default, at most 31 days.
    #[param(value_type = Option<String>)]
    since: Option<Since>,
    /// Only failures of this DAG.
    #[param(value_type = Option<String>)]
    dag: Option<Text<DagId>>,
    /// How many causes, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List failures by cause
///
/// Attempts that failed, with those that were retried, grouped by code and message; numbers, ids
/// and what is quoted in messages are left out of account. Counted by the hour.
#[utoipa::path(get, path = "/failures", tag = "runs", params(ListFailures), responses((status = 200, description = "The causes, newest first", body = Failures)))]
async fn list_failures(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListFailures>,
) -> Result<axum::Json<Failures>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_GROUPS);
    if !(1..=MAX_GROUPS).contains(&limit) {
        let detail = format!("an answer has 1 to {MAX_GROUPS} causes, not {limit}");
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let now = crate::clock::now();
    let since = query.since.unwrap_or(Since::DAY).at(now, MAX_SINCE)?;
    let rows = app.database().list_failures(&by.tenant, since).await?;
    let mut truncated = rows.len() >= MAX_FAILURE_ROWS as usize;
    let hours = Hours::new(since, now);
    let mut groups: HashMap<Fingerprint, Vec<FailureRow>> = HashMap::new();
    let only = query.dag.as_ref().map(|dag| &dag.0);
    for row in rows {
        if only.is_none_or(|only| row.dag == *only) {
            groups.entry(row.fingerprint).or_default().push(row);
        }
    }
    let mut groups: Vec<Vec<FailureRow>> = groups.into_values().collect();
    for rows in &mut groups {
        rows.sort_by_key(|row| std::cmp::Reverse(row.last));
    }
    groups.sort_by_key(|rows| std::cmp::Reverse((rows[0].last, rows[0].fingerprint)));
    truncated |= groups.len() > limit as usize;
    groups.truncate(limit as usize);
    let causes: Vec<Fingerprint> = groups.iter().map(|rows| rows[0].fingerprint).collect();
    let first = app.database().first_failures(&by.tenant, &causes).await?;
    let mut answer = Vec::with_capacity(groups.len());
    for rows in groups {
        let seen = first.get(&rows[0].fingerprint).map(|seen| FirstSeen {
            at: seen.at.into(),
            dag: seen.dag.to_string(),
            version: seen.version_number,
        });
        answer.push(group(&app, &rows, seen, &hours).await?);
    }
    Ok(axum::Json(Failures {
        since: hours.begin().into(),
        groups: answer,
        truncated,
    }))
}

/// A cause; its rows have the newest first.
async fn group(
    app: &App,
    rows: &[FailureRow],
    first_seen: Option<FirstSeen>,
    hours: &Hours,
) -> Result<FailureGroup, Problem> {
    let newest = &rows[0];
    let mut tasks = BTreeSet::new();
    let mut versions: BTreeSet<(&DagId, TaskIndex, VersionId)> = BTreeSet::new();
    for row in rows {
        versions.insert((&row.dag, row.task, row.version));
    }
    // Names are looked up in documents, of which a cause of many versions would need many.
    for (dag, task, version) in versions.into_iter().rev().take(MAX_TASKS * 2) {
        let name = task_name(app, version, task).await?;
        tasks.insert((dag.to_string(), name));
    }
    let mut by_hour = hours.empty();
    for row in rows {
        hours.add(&mut by_hour, row.hour, row.attempts);
    }
    let mut fingerprint = String::with_capacity(32);
    for byte in newest.fingerprint.0 {
        write!(fingerprint, "{byte:02x}").expect("a String takes every text");
    }
    let first = rows.iter().map(|row| row.first).min();
    Ok(FailureGroup {
        fingerprint,
        code: newest.code.clone(),
        message: newest.message.clone(),
        attempts: rows.iter().map(|row| row.attempts).sum(),
        first: first.unwrap_or(newest.first).into(),
        last: newest.last.into(),
        first_seen,
        task_count: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
        tasks: tasks
            .into_iter()
            .take(MAX_TASKS)
            .map(|(dag, task)| FailedTask { dag, task })
            .collect(),
        newest: FailedAttempt {
            dag: newest.dag.to_string(),
            run: newest.newest.run.to_string(),
            task: task_name(app, newest.version, newest.task).await?,
            index: newest.newest.index,
            attempt: newest.newest.number,
        },
        hours: by_hour,
    })
}

async fn task_name(app: &App, version: VersionId, task: TaskIndex) -> Result<String, Problem> {
    let dag = app.documents().of(app.database(), version).await?;
    let task = dag.tasks.get(task.as_usize());
    let task = task.ok_or_else(|| Problem::internal("a task failed that its version hasn't"))?;
    Ok(task.id.to_string())
}

/// The hours of an answer.
struct Hours {
    first: i64,
    count: usize,
}

impl Hours {
    fn new(since: Timestamp, now: Timestamp) -> Self {
        let first = since.0.div_euclid(HOUR_MS);
        let count = now.0.div_euclid(HOUR_MS) - first + 1;
        Self {
            first,
            count: usize::try_from(count).unwrap_or(0),
        }
    }

    fn begin(&self) -> Timestamp {
        Timestamp(self.first * HOUR_MS)
    }

    fn empty(&self) -> Vec<u64> {
        vec![0; self.count]
    }

    fn add(&self, counts: &mut [u64], hour: i64, attempts: u64) {
        let at = usize::try_from(hour - self.first).ok();
        if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
            *count += attempts;
        }
    }
}
