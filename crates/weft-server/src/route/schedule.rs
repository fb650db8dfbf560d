//! The next dates of a DAG's schedule.

use super::dags::{self, DagPath};
use crate::{
    app::App,
    auth::Reading,
    caller::By,
    extract::{Path, Query, Text},
    problem::{Code, Problem, quoted},
};
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Interval, SchedulePreview, ScheduledDate};
use weft_core::{
    time::Timestamp,
    timetable::{Timetable, local_time},
};

/// How many dates an answer has by default.
const DEFAULT_DATES: usize = 20;
/// The most dates of an answer.
const MAX_DATES: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show_schedule))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShowSchedule {
    /// How many dates, 1 to 1,000; 20 by default.
    #[param(minimum = 1, maximum = 1_000)]
    count: Option<usize>,
    /// The IANA time zone of local times; the DAG's by default.
    timezone: Option<String>,
    /// The dates after this time; after now by default.
    #[param(value_type = Option<String>)]
    after: Option<Text<Timestamp>>,
}

/// Show the next dates of a schedule
///
/// Whether the DAG is paused or not. There are none without a schedule, or with one that has no
/// dates: `@continuous`.
#[utoipa::path(get, path = "/dags/{dag}/schedule", tag = "dags", params(DagPath, ShowSchedule), responses((status = 200, description = "The dates", body = SchedulePreview)))]
async fn show_schedule(
    by: By<Reading>,
    State(app): State<App>,
    Path(path): Path<DagPath>,
    Query(query): Query<ShowSchedule>,
) -> Result<axum::Json<SchedulePreview>, Problem> {
    let count = query.count.unwrap_or(DEFAULT_DATES);
    if !(1..=MAX_DATES).contains(&count) {
        let detail = format!("an answer has 1 to {MAX_DATES} dates, not {count}");
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let id = &path.dag.0;
    let row = dags::find(&app, &by.tenant, id).await?;
    let document = dags::active_document(&app, &row).await?;
    let none_active = || {
        Problem::new(
            Code::DagNotActive,
            format!("the DAG {id} has no active version"),
        )
    };
    let dag = document.ok_or_else(none_active)?;
    let own_zone = dag.timezone.as_deref().unwrap_or("UTC");
    let timezone = query.timezone.as_deref().unwrap_or(own_zone);
    let after = query.after.map_or_else(crate::clock::now, |after| after.0);
    let due =
        Timetable::of(&dag).map_or_else(Vec::new, |timetable| timetable.upcoming(after, count));
    let dates = due.into_iter().map(|due| {
        let local = local_time(due.logical_date, timezone).ok_or_else(|| {
            let detail = format!("there is no time zone {}", quoted(timezone));
            Problem::new(Code::InvalidValue, detail)
        })?;
        Ok(ScheduledDate {
            logical_date: due.logical_date.into(),
            data_interval: Interval {
                start: due.interval.0.into(),
                end: due.interval.1.into(),
            },
            local,
        })
    });
    Ok(axum::Json(SchedulePreview {
        schedule: dag.schedule.as_ref().map(ToString::to_string),
        timezone: timezone.to_owned(),
        paused: row.paused,
        dates: dates.collect::<Result<_, Problem>>()?,
    }))
}
