//! The moments of a schedule, on the one line of real time.

use crate::{
    cron::Cron,
    holidays::{Holidays, MAX_HOLIDAYS},
    time::{DurationMs, Timestamp},
};
use jiff::{
    SignedDuration,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

/// More changes of a zone's clocks than lie within the span that a tick is looked for in.
const MAX_CHANGES: usize = 1_000;
/// More holidays than follow one another without any other day that has a tick: those of each year may
/// have every tick of a schedule, which then has none.
const MAX_HOLIDAYS_IN_A_ROW: usize = MAX_HOLIDAYS + 400;
/// The least step of time here.
const MS: i64 = 1;

/// Moments that come again and again.
#[expect(
    clippy::large_enum_variant,
    reason = "each timetable has one, behind a box"
)]
#[derive(Debug, Clone)]
pub(super) enum Ticks {
    /// When the clock on a zone's walls shows what the expression says.
    Cron(Cron, TimeZone),
    /// At one distance, before and after an anchor.
    Every { anchor: Timestamp, span: DurationMs },
    /// At these moments, which are in order.
    Dates(Vec<Timestamp>),
    /// At each tick of any of these.
    Several(Vec<Self>),
    /// At each tick that is on no holiday in the zone.
    Except {
        ticks: Box<Self>,
        holidays: Holidays,
        zone: TimeZone,
    },
}

impl Ticks {
    /// The first tick after a moment.
    pub(super) fn after(&self, at: Timestamp) -> Option<Timestamp> {
        self.at_or_after(Timestamp(at.0.checked_add(MS)?))
    }

    /// The last tick before a moment.
    pub(super) fn before(&self, at: Timestamp) -> Option<Timestamp> {
        self.at_or_before(Timestamp(at.0.checked_sub(MS)?))
    }

    /// The first tick at or after a moment.
    pub(super) fn at_or_after(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(cron, zone) => {
                let at = moment(at)?;
                let tick = if cron.any_hour {
                    real_from(cron, zone, at)
                } else {
                    named_from(cron, zone, at)
                };
                tick.map(timestamp)
            }
            Self::Every { anchor: _, span } => {
                let before = self.at_or_before(at)?;
                if before == at {
                    return Some(at);
                }
                let span = i64::try_from(span.0).ok()?;
                before.0.checked_add(span).map(Timestamp)
            }
            Self::Dates(dates) => dates.get(dates.partition_point(|date| *date < at)).copied(),
            Self::Several(several) => {
                let each = several.iter();
                each.filter_map(|ticks| ticks.at_or_after(at)).min()
            }
            Self::Except {
                ticks,
                holidays,
                zone,
            } => {
                let mut at = at;
                for _ in 0..MAX_HOLIDAYS_IN_A_ROW {
                    let tick = ticks.at_or_after(at)?;
                    let day = moment(tick)?.to_zoned(zone.clone()).date();
                    if !holidays.contains(day) {
                        return Some(tick);
                    }
                    // Clocks that change at midnight may have a day begin later.
                    let next = day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
                    at = timestamp(next.timestamp()).max(Timestamp(tick.0.checked_add(MS)?));
                }
                None
            }
        }
    }

    /// The last tick at or before a moment.
    pub(super) fn at_or_before(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(cron, zone) => {
                let at = moment(at)?;
                let tick = if cron.any_hour {
                    real_until(cron, zone, at)
                } else {
                    named_until(cron, zone, at)
                };
                tick.map(timestamp)
            }
            Self::Every { anchor, span } => {
                let span = i64::try_from(span.0).ok()?;
                let past = at.0.checked_sub(anchor.0)?.rem_euclid(span);
                at.0.checked_sub(past).map(Timestamp)
            }
            Self::Dates(dates) => {
                let later = dates.partition_point(|date| *date <= at);
                dates[..later].last().copied()
            }
            Self::Several(several) => {
                let each = several.iter();
                each.filter_map(|ticks| ticks.at_or_before(at)).max()
            }
            Self::Except {
                ticks,
                holidays,
                zone,
            } => {
                let mut at = at;
                for _ in 0..MAX_HOLIDAYS_IN_A_ROW {
                    let tick = ticks.at_or_before(at)?;
                    let day = moment(tick)?.to_zoned(zone.clone()).date();
                    if !holidays.contains(day) {
                        return Some(tick);
                    }
                    let begin = timestamp(day.to_zoned(zone.clone()).ok()?.timestamp());
                    at = Timestamp(begin.min(tick).0.checked_sub(MS)?);
                }
                None
            }
        }
    }
}

fn moment(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.0).ok()
}

fn timestamp(at: jiff::Timestamp) -> Timestamp {
    Timestamp(at.as_millisecond())
}

/// The clock's last whole second.
fn floor(clock: DateTime) -> Option<DateTime> {
    clock.with().subsec_nanosecond(0).build().ok()
}

/// The clock's next whole second, or the one that it shows.
fn ceil(clock: DateTime) -> Option<DateTime> {
    let floor = floor(clock)?;
    if floor == clock {
        Some(clock)
    } else {
        floor.checked_add(SignedDuration::from_secs(1)).ok()
    }
}

/// A schedule of every hour: the ticks of each stretch of time between two changes
/// of the clocks, as its clock shows them.
fn real_from(cron: &Cron, zone: &TimeZone, from: jiff::Timestamp) -> Option<jiff::Timestamp> {
    let mut from = from;
    for _ in 0..MAX_CHANGES {
        let offset = zone.to_offset(from);
        let clock = cron.at_or_after(ceil(offset.to_datetime(from))?)?;
        let tick = offset.to_timestamp(clock).ok()?;
        match zone.following(from).next() {
            Some(change) if change.timestamp() <= tick => from = change.timestamp(),
            Some(_) | None => return Some(tick),
        }
    }
    None
}

fn real_until(cron: &Cron, zone: &TimeZone, until: jiff::Timestamp) -> Option<jiff::Timestamp> {
    let mut until = until;
    for _ in 0..MAX_CHANGES {
        let offset = zone.to_offset(until);
        let clock = cron.at_or_before(floor(offset.to_datetime(until))?)?;
        let tick = offset.to_timestamp(clock).ok()?;
        match change_at_or_before(zone, until) {
            Some(change) if tick < change => {
                until = change.checked_sub(SignedDuration::from_millis(MS)).ok()?;
            }
            Some(_) | None => return Some(tick),
        }
    }
    None
}

/// Hours are named: each tick that the clock could show is one moment, and a
/// later tick is never an earlier moment.
fn named_from(cron: &Cron, zone: &TimeZone, from: jiff::Timestamp) -> Option<jiff::Timestamp> {
    let shown = zone.to_offset(from).to_datetime(from);
    let mut clock = match repeated(zone, from, shown) {
        // All that the clock shows a second time has happened.
        Some(end) => end,
        None => ceil(shown)?,
    };
    // The first moment after a skipped hour also represents the ticks in it.
    if let Some(change) = change_at_or_before(zone, from)
        && change == from
    {
        let before = change.checked_sub(SignedDuration::from_millis(MS)).ok()?;
        let begin = zone.to_offset(before).to_datetime(change);
        clock = clock.min(ceil(begin)?);
    }
    once(zone, cron.at_or_after(clock)?)
}

fn named_until(cron: &Cron, zone: &TimeZone, until: jiff::Timestamp) -> Option<jiff::Timestamp> {
    let shown = zone.to_offset(until).to_datetime(until);
    let clock = match repeated(zone, until, shown) {
        Some(end) => end.checked_sub(SignedDuration::from_secs(1)).ok()?,
        None => floor(shown)?,
    };
    once(zone, cron.at_or_before(clock)?)
}

/// Where the clock shows a stretch for the second time: what it showed when it
/// was set back.
fn repeated(zone: &TimeZone, at: jiff::Timestamp, shown: DateTime) -> Option<DateTime> {
    match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Fold { before, after: _ } if zone.to_offset(at) != before => {
            Some(before.to_datetime(change_at_or_before(zone, at)?))
        }
        AmbiguousOffset::Fold { .. }
        | AmbiguousOffset::Gap { .. }
        | AmbiguousOffset::Unambiguous { .. } => None,
    }
}

/// The one moment of what a clock shows: the first of two; where it never shows
/// it, the first moment after what it skips.
fn once(zone: &TimeZone, clock: DateTime) -> Option<jiff::Timestamp> {
    match zone.to_ambiguous_timestamp(clock).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(clock).ok(),
        AmbiguousOffset::Fold { before, after: _ } => before.to_timestamp(clock).ok(),
        AmbiguousOffset::Gap { before: _, after } => {
            // Read with the later offset it lies before the change.
            let earlier = after.to_timestamp(clock).ok()?;
            Some(zone.following(earlier).next()?.timestamp())
        }
    }
}

/// The last change of the zone's clocks at or before a moment.
fn change_at_or_before(zone: &TimeZone, at: jiff::Timestamp) -> Option<jiff::Timestamp> {
    let next = at.checked_add(SignedDuration::from_nanos(1)).ok()?;
    Some(zone.preceding(next).next()?.timestamp())
}
