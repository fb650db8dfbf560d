//! Waits for a condition, inside of a task and without holding a worker.
//!
//! ```
//! use std::time::Duration;
//! use weft::{prelude::*, sensors::{Every, wait_until}};
//!
//! #[task]
//! fn wait_for_orders(ctx: Context) -> Result<usize> {
//!     let every = Every::new(Duration::from_secs(60)).timeout(Duration::from_secs(3600));
//!     wait_until(&ctx, every, || {
//!         let orders = orders()?;
//!         Ok((orders >= 10).then_some(orders))
//!     })
//! }
//! # fn orders() -> Result<usize> { Ok(3) }
//!
//! let ending = wait_for_orders(Context::test()).unwrap_err();
//! assert!(ending.wake().is_some());
//! ```
//!
//! A sensor that is not done ends the attempt with a deferral, and the next attempt runs the task from
//! its start. So a sensor comes first in its task, and a task has one of them: the state of the deferral
//! is the sensor's.

use crate::{
    asset::RecordedUpdate,
    context::Context,
    error::{Error, Result, defer_for, defer_until},
    http::Request,
    wait::{AssetWait, defer_until_asset, defer_until_dag, defer_until_dag_task},
};
use jiff::{Timestamp, ToSpan as _, civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often a condition is checked.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use = "it says how a sensor waits"]
pub struct Every {
    interval: Duration,
    backoff: f64,
    most: Duration,
    timeout: Option<Duration>,
}

/// What a sensor knows of earlier attempts.
#[derive(Serialize, Deserialize)]
struct State {
    sensor: Counters,
}

#[derive(Serialize, Deserialize)]
struct Counters {
    began_ms: u64,
    checks: u32,
    waited_ms: u64,
    next_ms: u64,
}

impl Every {
    /// With this wait between two checks, without end.
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            backoff: 1.0,
            most: Duration::MAX,
            timeout: None,
        }
    }

    /// Each further wait is this many times the one before.
    pub const fn backoff(mut self, factor: f64) -> Self {
        self.backoff = factor;
        self
    }

    /// The longest wait between two checks.
    pub const fn most(mut self, most: Duration) -> Self {
        self.most = most;
        self
    }

    /// How long the condition is waited for: the last check is then, and the task fails for good.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    fn check(&self) -> Result<()> {
        if self.interval.is_zero() {
            return Err(Error::permanent(
                "the interval of a sensor is longer than 0: one that never waits would hold its worker",
            ));
        }
        if self.backoff.is_nan() || self.backoff < 1.0 {
            return Err(Error::permanent(format_args!(
                "the backoff of a sensor is at least 1, not {}",
                self.backoff
            )));
        }
        Ok(())
    }

    /// The next wait after a check at `now` that failed, and the counters then.
    fn wait(&self, known: Option<Counters>, now: Duration) -> Result<(Duration, Counters)> {
        let mut counters = known.unwrap_or_else(|| Counters {
            began_ms: millis(now),
            checks: 0,
            waited_ms: 0,
            next_ms: millis(self.interval),
        });
        counters.checks += 1;
        // In a test nothing is waited for, so the clock alone would never end it.
        let passed = now
            .saturating_sub(Duration::from_millis(counters.began_ms))
            .max(Duration::from_millis(counters.waited_ms));
        let left = self.timeout.map(|timeout| timeout.saturating_sub(passed));
        if let (Some(timeout), Some(Duration::ZERO)) = (self.timeout, left) {
            return Err(Error::permanent(format_args!(
                "the condition does not hold after {timeout:?} and {} checks",
                counters.checks
            )));
        }
        let whole = Duration::from_millis(counters.next_ms).min(self.most);
        let next = Duration::try_from_secs_f64(whole.as_secs_f64() * self.backoff);
        counters.next_ms = millis(next.unwrap_or(Duration::MAX).min(self.most));
        let wait = left.map_or(whole, |left| left.min(whole));
        counters.waited_ms = counters.waited_ms.saturating_add(millis(wait));
        Ok((wait, counters))
    }
}

/// What `check` finds. Where that is nothing, the task is deferred and checks again.
///
/// # Errors
/// The deferral, or the check's own error; permanent: the timeout has passed, or `every` is none.
pub fn wait_until<T>(
    ctx: &Context,
    every: Every,
    check: impl FnOnce() -> Result<Option<T>>,
) -> Result<T> {
    every.check()?;
    if let Some(found) = check()? {
        return Ok(found);
    }
    // The state of another deferral of the task is not the sensor's.
    let known = ctx.resumed::<State>().ok().flatten();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let (wait, sensor) = every.wait(known.map(|state| state.sensor), now)?;
    defer_for(wait, &State { sensor })
}

/// How long the connection, the head of an answer and a part of its body are waited for.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits until a request is answered with a status from 200 to 299. Any other answer, redirects among
/// them, and a connection that fails are tried again.
///
/// ```
/// use std::time::Duration;
/// use weft::{http, prelude::*, sensors::{Every, http_ready}};
///
/// #[task(grant(http = "api.example.org"))]
/// fn wait_for_api(ctx: Context) -> Result<()> {
///     let every = Every::new(Duration::from_secs(5)).backoff(2.0).most(Duration::from_secs(300));
///     http_ready(&ctx, http::get("https://api.example.org/ready"), every)
/// }
///
/// let down = Context::test().with_response("https://api.example.org/ready", 503, "");
/// assert!(wait_for_api(down).unwrap_err().wake().is_some());
/// let ready = Context::test().with_response("https://api.example.org/ready", 204, "");
/// wait_for_api(ready).unwrap();
/// ```
///
/// # Errors
/// As of [`wait_until`]; permanent: the host was not granted.
pub fn http_ready(ctx: &Context, request: Request, every: Every) -> Result<()> {
    let request = match request.timeout {
        Some(_) => request,
        None => request.timeout(PROBE_TIMEOUT),
    };
    wait_until(ctx, every, || match request.send() {
        Ok(answer) if (200..300).contains(&answer.status()) => Ok(Some(())),
        Ok(answer) => {
            log::info!("not ready: status {}", answer.status());
            Ok(None)
        }
        Err(error) if error.is_retryable() => {
            log::info!("not ready: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    })
}

/// Waits until an object store has an object: [`http_ready`] with HEAD requests. The URL is public, or
/// presigned for HEAD.
///
/// # Errors
/// As of [`http_ready`].
pub fn object_exists(ctx: &Context, url: impl Into<String>, every: Every) -> Result<()> {
    http_ready(ctx, Request::new("HEAD", url), every)
}

/// Goes on between two times of day in UTC, such as `"22:00"` and `"06:00"`, and waits for the first of
/// them otherwise. The SDK has no other zones.
///
/// # Errors
/// The deferral; permanent: a text is no time of day, or the window is empty.
pub fn time_window(_ctx: &Context, start: &str, end: &str) -> Result<()> {
    match opening(Timestamp::now(), start, end)? {
        None => Ok(()),
        Some(at) => defer_until(at, &()),
    }
}

/// When the window opens next, unless it is open.
fn opening(now: Timestamp, start: &str, end: &str) -> Result<Option<Timestamp>> {
    let clock = |text: &str| {
        text.parse::<Time>().map_err(|_| {
            Error::permanent(format_args!(
                "a time of day is such as \"22:00\", not {text:?}"
            ))
        })
    };
    let (opens, closes) = (clock(start)?, clock(end)?);
    if opens == closes {
        return Err(Error::permanent(format_args!(
            "a window from {start} to {end} is empty"
        )));
    }
    let today = now.to_zoned(TimeZone::UTC).datetime();
    let time = today.time();
    let is_open = if opens < closes {
        (opens..closes).contains(&time)
    } else {
        time >= opens || time < closes
    };
    if is_open {
        return Ok(None);
    }
    let days = i64::from(time >= opens);
    let at = today.date().to_datetime(opens).checked_add(days.days())?;
    Ok(Some(TimeZone::UTC.to_timestamp(at)?))
}

/// Waits until the scheduled or backfilled run of another DAG has succeeded, and returns its id. The run
/// is the one for `logical_date`, or for the date of the task's own run.
///
/// # Errors
/// The deferral; permanent: the run did not succeed, or did not end within `timeout`.
pub fn other_dag(
    ctx: &Context,
    dag: &str,
    logical_date: Option<Timestamp>,
    timeout: Option<Duration>,
) -> Result<String> {
    match ctx.woken() {
        // A task that a person resumed looks again; the run may have ended.
        Some(woken) if !woken.by_command() => {
            woken.succeeded()?;
            Ok(woken.run().unwrap_or_default().to_owned())
        }
        _ => {
            let date = logical_date.unwrap_or_else(|| ctx.logical_date());
            defer_until_dag(dag, date, timeout, &())
        }
    }
}

/// As [`other_dag`], for a task of that run: returns the id of the run once the task has succeeded.
///
/// # Errors
/// The deferral; permanent: the task did not succeed, or did not end within `timeout`.
pub fn other_dag_task(
    ctx: &Context,
    dag: &str,
    logical_date: Option<Timestamp>,
    task: &str,
    timeout: Option<Duration>,
) -> Result<String> {
    match ctx.woken() {
        Some(woken) if woken.timed_out() => Err(Error::permanent(format_args!(
            "task {task} of DAG {dag} did not end in time"
        ))),
        // A task that a person resumed looks again; the other task may have ended.
        Some(woken) if !woken.by_command() => {
            woken.succeeded()?;
            Ok(woken.run().unwrap_or_default().to_owned())
        }
        _ => {
            let date = logical_date.unwrap_or_else(|| ctx.logical_date());
            defer_until_dag_task(dag, date, task, timeout, &())
        }
    }
}

/// Waits until an asset is updated, and returns the update. A name alone is for any update of the asset
/// since the attempt started.
///
/// ```
/// use std::time::Duration;
/// use weft::{prelude::*, sensors::asset_updated};
///
/// #[task]
/// fn wait_for_orders(ctx: Context) -> Result<String> {
///     let north = AssetWait::new("orders").partition("north").since(ctx.logical_date());
///     Ok(asset_updated(&ctx, north, Some(Duration::from_secs(3600)))?.at)
/// }
///
/// assert_eq!(wait_for_orders(Context::test()).unwrap_err().awaited_asset(), Some("orders"));
/// let updated = Context::test().with_update("orders", Some("north"), ());
/// assert_eq!(wait_for_orders(updated).unwrap(), "2026-01-01T00:00:00Z");
/// ```
///
/// # Errors
/// The deferral; permanent: the asset was not updated within `timeout`, or an asset or a partition can't
/// have such a name.
pub fn asset_updated(
    ctx: &Context,
    asset: impl Into<AssetWait>,
    timeout: Option<Duration>,
) -> Result<RecordedUpdate> {
    let asset = asset.into();
    match ctx.woken() {
        Some(woken) if woken.timed_out() => Err(Error::permanent(format_args!(
            "{} was not updated in time",
            asset.describe()
        ))),
        // A task that a person resumed waits again.
        Some(woken) if !woken.by_command() => woken.updated(),
        _ => defer_until_asset(asset, timeout, &()),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Wake;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_condition_that_holds_ends_the_wait_with_its_value() {
        let every = Every::new(seconds(60));
        let found = wait_until(&Context::test(), every, || Ok(Some("found")));
        assert_eq!(found.unwrap(), "found");
        let down = wait_until::<()>(&Context::test(), every, || Err(Error::retryable("down")));
        assert_eq!(down.unwrap_err().to_string(), "down");
        let other = Context::test().with_resumed("the state of another deferral");
        let waits = wait_until::<()>(&other, every, || Ok(None)).unwrap_err();
        assert_eq!(waits.wake(), Some(Wake::After(seconds(60))));
    }

    #[test]
    fn each_wait_is_longer_than_the_one_before_and_the_last_ends_with_the_timeout() {
        let every = Every::new(seconds(10))
            .backoff(2.0)
            .most(seconds(35))
            .timeout(seconds(100));
        let mut state = None;
        for wait in [10, 20, 35, 35] {
            let ctx = match state.take() {
                None => Context::test(),
                Some(state) => Context::test().with_resumed(state),
            };
            let ending = wait_until::<()>(&ctx, every, || Ok(None)).unwrap_err();
            assert_eq!(ending.wake(), Some(Wake::After(seconds(wait))));
            state = ending.state().cloned();
        }
        let ctx = Context::test().with_resumed(state);
        let ending = wait_until::<()>(&ctx, every, || Ok(None)).unwrap_err();
        assert!(!ending.is_retryable());
        assert_eq!(
            ending.to_string(),
            "the condition does not hold after 100s and 5 checks"
        );
    }

    #[test]
    fn the_time_that_passed_counts_whatever_the_waits_were() {
        let every = Every::new(seconds(120)).timeout(seconds(3600));
        let began = seconds(1_772_000_000);
        let (wait, counters) = every.wait(None, began).unwrap();
        assert_eq!(wait, seconds(120));
        let (wait, counters) = every.wait(Some(counters), began + seconds(3540)).unwrap();
        assert_eq!(wait, seconds(60));
        assert!(every.wait(Some(counters), began + seconds(3600)).is_err());
    }

    #[test]
    fn intervals_that_are_none_are_refused_before_the_check() {
        for (every, words) in [
            (Every::new(Duration::ZERO), "is longer than 0"),
            (Every::new(seconds(1)).backoff(0.5), "at least 1, not 0.5"),
            (
                Every::new(seconds(1)).backoff(f64::NAN),
                "at least 1, not NaN",
            ),
        ] {
            let checked = || -> Result<Option<()>> { panic!("it was checked") };
            let error = wait_until(&Context::test(), every, checked).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        let longest = Every::new(Duration::MAX).backoff(f64::MAX);
        let waits = wait_until::<()>(&Context::test(), longest, || Ok(None)).unwrap_err();
        assert!(waits.wake().is_some());
    }

    #[test]
    fn a_url_is_asked_until_it_answers_with_success() {
        let every = Every::new(seconds(5));
        let ask = |status| {
            let ctx = Context::test().with_response("https://store.example.org/o", status, "");
            object_exists(&ctx, "https://store.example.org/o", every)
        };
        ask(200).unwrap();
        for status in [404, 403, 302, 503] {
            let ending = ask(status).unwrap_err();
            assert_eq!(ending.wake(), Some(Wake::After(seconds(5))));
        }
        let bad = object_exists(&Context::test(), "store.example.org", every).unwrap_err();
        assert!(bad.to_string().contains("is no URL"), "{bad}");
    }

    #[test]
    fn a_window_of_the_day_is_waited_for() {
        let next = |now: &str, start, end| {
            let now = format!("2026-03-05T{now}:00Z").parse().unwrap();
            opening(now, start, end)
                .map(|at| at.map(|at| at.to_string()))
                .map_err(|error| error.to_string())
        };
        let at = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(next("12:00", "09:00", "17:00"), Ok(None));
        assert_eq!(next("09:00", "09:00", "17:00"), Ok(None));
        assert_eq!(next("17:00", "09:00", "17:00"), at("2026-03-06T09:00:00Z"));
        assert_eq!(next("03:00", "09:00", "17:00"), at("2026-03-05T09:00:00Z"));
        assert_eq!(next("23:00", "22:00", "06:00"), Ok(None));
        assert_eq!(next("05:59", "22:00", "06:00"), Ok(None));
        assert_eq!(next("06:00", "22:00", "06:00"), at("2026-03-05T22:00:00Z"));
        assert_eq!(
            next("12:00", "9 am", "17:00"),
            Err("a time of day is such as \"22:00\", not \"9 am\"".into())
        );
        assert_eq!(
            next("12:00", "09:00", "09:00"),
            Err("a window from 09:00 to 09:00 is empty".into())
        );
    }

    #[test]
    fn the_run_of_another_dag_is_waited_for() {
        let date = |ending: &Error| {
            ending
                .awaited_dag()
                .map(|(dag, date)| format!("{dag} {date}"))
        };
        let waits = other_dag(&Context::test(), "daily", None, Some(seconds(60))).unwrap_err();
        assert_eq!(date(&waits).unwrap(), "daily 2026-01-01T00:00:00Z");
        assert_eq!(waits.wake(), Some(Wake::After(seconds(60))));
        let other = Some("2026-02-01T00:00:00Z".parse().unwrap());
        let waits = other_dag(&Context::test(), "daily", other, None).unwrap_err();
        assert_eq!(date(&waits).unwrap(), "daily 2026-02-01T00:00:00Z");
        let ended = |state| {
            let ctx = Context::test().with_run("daily", state, ());
            other_dag(&ctx, "daily", None, None)
        };
        assert_eq!(ended("success").unwrap(), "test");
        let failed = ended("cancelled").unwrap_err();
        assert_eq!(
            failed.to_string(),
            "run test of DAG daily ended as cancelled"
        );
    }

    #[test]
    fn a_task_of_the_run_of_another_dag_is_waited_for() {
        let wait = |ctx: &Context| other_dag_task(ctx, "daily", None, "load", Some(seconds(60)));
        let waits = wait(&Context::test()).unwrap_err();
        assert_eq!(waits.awaited_dag(), Some(("daily", "2026-01-01T00:00:00Z")));
        assert_eq!(waits.awaited_task(), Some("load"));
        assert_eq!(waits.wake(), Some(Wake::After(seconds(60))));
        let ended = |state| wait(&Context::test().with_task("daily", "load", state));
        assert_eq!(ended("success").unwrap(), "test");
        assert_eq!(
            ended("failed").unwrap_err().to_string(),
            "task load of run test of DAG daily ended as failed"
        );
        let late = wait(&Context::test().with_timeout()).unwrap_err();
        assert_eq!(
            late.to_string(),
            "task load of DAG daily did not end in time"
        );
    }

    #[test]
    fn an_update_of_an_asset_is_waited_for() {
        let north = || AssetWait::new("orders").partition("north");
        let waits = asset_updated(&Context::test(), "orders", Some(seconds(60))).unwrap_err();
        assert_eq!(waits.awaited_asset(), Some("orders"));
        assert_eq!(waits.wake(), Some(Wake::After(seconds(60))));
        let ctx = Context::test().with_update("orders", Some("north"), ());
        let update = asset_updated(&ctx, north(), None).unwrap();
        assert_eq!(update.partition.as_deref(), Some("north"));
        assert_eq!((update.metadata, update.run), (None, None));
        let late = Context::test().with_timeout();
        let error = asset_updated(&late, north(), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the partition north of the asset orders was not updated in time"
        );
        let other = Context::test().with_event("paid", 1);
        let error = asset_updated(&other, "orders", None).unwrap_err();
        assert!(!error.is_retryable(), "{error}");
    }
}
