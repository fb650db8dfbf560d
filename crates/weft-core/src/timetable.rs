//! The dates of a DAG's schedule: which run is made next, and when.
//!
//! A run is made *at* its tick, and its logical date is the tick: what Airflow 3
//! does by default (`CronTriggerTimetable`), not Airflow 2's runs that are made
//! at the end of the interval that they are named after. The data interval is
//! what lies between the tick before and the tick.
//!
//! Ticks of a cron expression are read in the DAG's zone, as vixie cron treats
//! the days on which clocks change, decided by the hour field:
//!
//! - Hours are named (`30 2 * * *`, `0 2,14 * * *`): each tick runs once. One
//!   that falls into the skipped hour runs at the first moment after it,
//!   several that do run once; one that falls into the repeated hour runs the
//!   first time.
//! - Every hour (`*` in the field: `0 * * * *`, `*/15 */2 * * *`): every hour
//!   that there really is. A skipped hour has no ticks, a repeated one has them
//!   twice.
//!
//! (croner, which reads the expressions, counts `0 2,14 * * *` among the latter
//! and so loses a run a year; therefore only its reading is used, not its search.)
//!
//! Several schedules, and dates, make one line of ticks; two that tick at the same moment make one run. Holidays
//! are days of the DAG's zone, and take away the ticks on them, also from the intervals of the others.
//!
//! Intervals (`every 15m`) are spans of real time, anchored at the DAG's `start`,
//! or at the Unix epoch. Zones come from the database that is compiled in.
//! Every search is bounded: an expression that never holds has no ticks.

mod ticks;

use crate::{
    cron::Cron,
    document::{Dag, Schedule, zone},
    holidays::Holidays,
    time::{DurationMs, Timestamp},
};
use jiff::tz::TimeZone;
use ticks::Ticks;

/// The most dates that [`Timetable::between`] lists.
pub const MAX_DATES: usize = 100_000;

/// When a DAG's runs are made.
#[derive(Debug, Clone)]
pub struct Timetable {
    kind: Kind,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    catchup: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Ticks(Box<Ticks>),
    Once,
    Continuous,
}

/// A run to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The date that it is for.
    pub logical_date: Timestamp,
    /// The span of data that it is for: from the tick before to its own.
    pub interval: (Timestamp, Timestamp),
    /// When it is to be made; may lie in the past or in the future.
    pub due: Timestamp,
}

impl Timetable {
    /// The timetable of a validated DAG; `None` where no run starts by itself.
    /// Runs that were missed are only made up for where the DAG says so: an
    /// absent `catchup` means no.
    pub fn of(dag: &Dag) -> Option<Self> {
        let zone = dag.timezone.as_deref().map_or(TimeZone::UTC, |name| {
            zone(name).expect("validation of the document refuses unknown zones")
        });
        let kind = match dag.schedule.as_ref()? {
            Schedule::Once => Kind::Once,
            Schedule::Continuous => Kind::Continuous,
            schedule => {
                let anchor = dag.start.unwrap_or_default();
                let ticks = ticks_of(schedule, &zone, anchor)?;
                Kind::Ticks(Box::new(without(ticks, &dag.holidays, &zone)))
            }
        };
        Some(Self {
            kind,
            start: dag.start,
            end: dag.end,
            catchup: dag.catchup.unwrap_or(false),
        })
    }

    /// Whether each run is made when the one before has ended: [`Self::next`]
    /// must then be called only while no run is active.
    pub fn is_continuous(&self) -> bool {
        match self.kind {
            Kind::Continuous => true,
            Kind::Ticks(_) | Kind::Once => false,
        }
    }

    /// The run to be made next, after the one with the logical date `after`
    /// (the last scheduled one, if there was any); `None` where there is none
    /// any more. `since` is when the DAG became active, `now` is now.
    ///
    /// Never before the DAG's start, nor after its end, both included. With
    /// catchup every tick from the start on (from `since` on where it has no
    /// start); without, nothing before `since`, and of those that are due
    /// already only the latest. `@once` is for the start, or for `since`. Of a
    /// continuous timetable always now.
    pub fn next(&self, after: Option<Timestamp>, since: Timestamp, now: Timestamp) -> Option<Due> {
        let due = match &self.kind {
            Kind::Ticks(ticks) => {
                let begin = match (self.start, self.catchup) {
                    (Some(start), true) => start,
                    (Some(start), false) => start.max(since),
                    (None, _) => since,
                };
                let first = match after {
                    Some(after) if after >= begin => ticks.after(after)?,
                    Some(_) | None => ticks.at_or_after(begin)?,
                };
                let last = self.end.map_or(now, |end| end.min(now));
                let tick = if self.catchup || first > last {
                    first
                } else {
                    // There is one: `first` is.
                    ticks.at_or_before(last).unwrap_or(first)
                };
                Due::of_tick(ticks, tick)
            }
            Kind::Once => {
                if after.is_some() {
                    return None;
                }
                let date = self.start.unwrap_or(since);
                Due::at(date, date)
            }
            Kind::Continuous => {
                let earliest = after.map_or(since, |after| after.plus(DurationMs(1)));
                let date = now.max(earliest).max(self.start.unwrap_or(earliest));
                Due::at(after.unwrap_or(date), date)
            }
        };
        let ended = self.end.is_some_and(|end| due.logical_date > end);
        (!ended).then_some(due)
    }

    /// Whether no date after this one is due by `now`.
    pub fn is_latest(&self, date: Timestamp, now: Timestamp) -> bool {
        let moment = DurationMs(1);
        self.between(date.plus(moment), now.plus(moment), 1)
            .is_empty()
    }

    /// The next dates after `after`, in order, for people: within the DAG's start and end, and regardless of pauses.
    /// At most `limit`, and at most [`MAX_DATES`]. A continuous timetable has no dates.
    pub fn upcoming(&self, after: Timestamp, limit: usize) -> Vec<Due> {
        let limit = limit.min(MAX_DATES);
        let from = after.plus(DurationMs(1));
        let from = self.start.map_or(from, |start| start.max(from));
        let end = self.end.unwrap_or(Timestamp(i64::MAX));
        let mut dates = self.between(from, Timestamp(i64::MAX), limit);
        dates.retain(|due| due.logical_date <= end);
        dates
    }

    /// The runs of the dates from `from` on and before `to`, in order, for a
    /// backfill, regardless of the DAG's own start, end and catchup, since an
    /// operator requested these dates. At most `limit`, and at most
    /// [`MAX_DATES`]. `@once` has its start; a continuous timetable has no dates.
    pub fn between(&self, from: Timestamp, to: Timestamp, limit: usize) -> Vec<Due> {
        let limit = limit.min(MAX_DATES);
        match &self.kind {
            Kind::Ticks(ticks) => {
                let mut previous = ticks.before(from);
                std::iter::successors(ticks.at_or_after(from), |tick| ticks.after(*tick))
                    .take_while(|tick| *tick < to)
                    .take(limit)
                    .map(|tick| {
                        let before = previous.replace(tick);
                        Due::at(before.unwrap_or(tick), tick)
                    })
                    .collect()
            }
            Kind::Once => self
                .start
                .filter(|date| from <= *date && *date < to)
                .map(|date| Due::at(date, date))
                .into_iter()
                .take(limit)
                .collect(),
            Kind::Continuous => Vec::new(),
        }
    }
}

/// Whether a schedule has a date that is on no holiday.
pub(crate) fn has_dates(schedule: &Schedule, holidays: &Holidays, zone: &TimeZone) -> bool {
    let Some(ticks) = ticks_of(schedule, zone, Timestamp::default()) else {
        return true;
    };
    let ticks = without(ticks, holidays, zone);
    !holidays.leave_no_day() && ticks.at_or_after(Timestamp::default()).is_some()
}

/// The moments of a schedule; `None` for one without any.
fn ticks_of(schedule: &Schedule, zone: &TimeZone, anchor: Timestamp) -> Option<Ticks> {
    Some(match schedule {
        Schedule::Cron(text) => {
            let cron = Cron::read(text)
                .expect("validation of the document refuses expressions that can't be read");
            Ticks::Cron(cron, zone.clone())
        }
        Schedule::Every(span) => Ticks::Every {
            anchor,
            span: DurationMs(span.0.max(1)),
        },
        Schedule::Dates(dates) => Ticks::Dates(dates.clone()),
        Schedule::Several(several) => {
            let several = several.iter();
            let ticks = several.filter_map(|schedule| ticks_of(schedule, zone, anchor));
            Ticks::Several(ticks.collect())
        }
        Schedule::Once | Schedule::Continuous => return None,
    })
}

fn without(ticks: Ticks, holidays: &Holidays, zone: &TimeZone) -> Ticks {
    if holidays.is_empty() {
        return ticks;
    }
    Ticks::Except {
        ticks: Box::new(ticks),
        holidays: holidays.clone(),
        zone: zone.clone(),
    }
}

/// A time in a zone of the IANA database, as `2026-11-25T06:00:00+01:00`; none where there is no such zone.
pub fn local_time(at: Timestamp, zone_name: &str) -> Option<String> {
    let zone = zone(zone_name).ok()?;
    let at = jiff::Timestamp::from_millisecond(at.0).ok()?;
    let local = at.to_zoned(zone);
    Some(local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

impl Due {
    fn at(begin: Timestamp, date: Timestamp) -> Self {
        Self {
            logical_date: date,
            interval: (begin, date),
            due: date,
        }
    }

    /// The first tick that there ever is has an empty interval.
    fn of_tick(ticks: &Ticks, tick: Timestamp) -> Self {
        Self::at(ticks.before(tick).unwrap_or(tick), tick)
    }
}
