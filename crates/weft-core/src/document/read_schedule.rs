//! The fields of a DAG that say when runs start by themselves: `schedule` and `holidays`.

use super::{
    ProblemCode, Schedule,
    fields::Fields,
    path::{At, Path, quoted},
    schedule::date,
    tree::Node,
};
use crate::{
    holidays::{Holidays, MAX_HOLIDAYS},
    time::Timestamp,
};
use jiff::tz::TimeZone;

/// The most schedules of one DAG, dates included.
pub const MAX_SCHEDULES: usize = 1_000;

/// The schedule; `None` if there is none or it is wrong. In a list, dates without an offset are read in
/// the zone.
pub(crate) fn read_schedule(head: &Fields<'_>, zone: &TimeZone) -> Option<Schedule> {
    let Some(Node::List(items)) = head.get("schedule") else {
        return match Schedule::read(head.text("schedule")?) {
            Ok(schedule) => Some(schedule),
            Err((message, help)) => {
                head.problem("schedule", ProblemCode::Schedule, message, help);
                None
            }
        };
    };
    if items.is_empty() || items.len() > MAX_SCHEDULES {
        let message = format!("a list of schedules has between 1 and {MAX_SCHEDULES} items");
        head.problem("schedule", ProblemCode::Schedule, message, None);
        return None;
    }
    let mut schedules: Vec<Schedule> = Vec::new();
    let mut dates: Vec<Timestamp> = Vec::new();
    for (at, text) in head.texts("schedule") {
        let list = Path::Key(head.path, "schedule");
        let path = Path::Index(&list, at);
        let problem = |message, help| {
            let problems = head.problems;
            problems.add(At::Value, &path, ProblemCode::Schedule, message, help);
        };
        if let Ok(date) = date(text, zone) {
            dates.push(date);
            continue;
        }
        match Schedule::read(text) {
            Ok(schedule @ (Schedule::Cron(_) | Schedule::Every(_))) => {
                if !schedules.contains(&schedule) {
                    schedules.push(schedule);
                }
            }
            Ok(_) => {
                let message = format!("{} can't be one of several schedules", quoted(text));
                let help = "write it as the only schedule".to_owned();
                problem(message, Some(help));
            }
            Err((message, help)) => problem(message, help),
        }
    }
    dates.sort_unstable();
    dates.dedup();
    if !dates.is_empty() {
        schedules.push(Schedule::Dates(dates));
    }
    if schedules.len() > 1 {
        return Some(Schedule::Several(schedules));
    }
    schedules.pop()
}

/// The days on which no scheduled run is made.
pub(crate) fn read_holidays(head: &Fields<'_>) -> Holidays {
    let mut holidays = Holidays::default();
    let texts = head.texts("holidays");
    if texts.len() > MAX_HOLIDAYS {
        let message = format!("there are at most {MAX_HOLIDAYS} holidays");
        head.problem("holidays", ProblemCode::Schedule, message, None);
        return holidays;
    }
    for (at, text) in texts {
        if holidays.add(text).is_none() {
            let list = Path::Key(head.path, "holidays");
            head.problems.add(
                At::Value,
                &Path::Index(&list, at),
                ProblemCode::Schedule,
                format!("{} is no day", quoted(text)),
                Some("write \"2026-12-25\", or \"12-25\" for that day of each year".into()),
            );
        }
    }
    if !holidays.is_empty() && !head.has("schedule") {
        let message = "there is no schedule that could leave out a day";
        let help = "add `schedule`, or remove it".to_owned();
        head.problem("holidays", ProblemCode::Conflict, message, Some(help));
    }
    holidays
}
