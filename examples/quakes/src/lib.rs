//! A week of earthquakes, region by region.
//!
//! Reads a feed (whose server is down at first, so that a retry really
//! happens), puts aside what can't be true, computes each region in a task of
//! its own, puts the regions together, decides whether somebody has to act, and
//! writes a page and a chart. The computations are in `quake_stats`; here
//! are only the tasks and their dependencies.

use quake_stats::{Checked, Event, Notice, Quake, Region, Summary, World};
use std::{collections::BTreeMap, time::Duration};
use weft::prelude::*;

/// What the report leaves behind.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Report {
    /// What the reader must know first.
    notice: Notice,
    /// Markdown.
    page: Artifact,
    /// SVG.
    chart: Artifact,
}

/// Read the feed, whose server is down for the first attempts.
#[task(retries = 3, retry_delay = "200ms", timeout = "30s")]
fn feed(ctx: Context, outage: u32) -> Result<Vec<Event>> {
    // The feed comes with the component, so that the example needs no network;
    // the outage is made up, and what Weft does about it is not.
    if ctx.number() <= outage {
        return Err(Error::retryable("the feed's server answered 503")
            .retry_after(Duration::from_millis(100)));
    }
    let events = quake_stats::parse(quake_stats::FEED).map_err(Error::permanent)?;
    info!("{} events in the feed", events.len());
    Ok(events)
}

/// Put aside what is no earthquake, or can't be true.
#[task]
fn validate(events: Vec<Event>) -> Checked {
    let checked = quake_stats::validate(events);
    for (reason, count) in &checked.rejected {
        warn!("put aside: {count} {reason}");
    }
    checked
}

/// Group by region.
#[task]
fn regions(quakes: Vec<Quake>) -> Vec<Region> {
    quake_stats::by_region(quakes)
}

/// One region in numbers.
#[task]
fn summarise(region: Region) -> Summary {
    quake_stats::summarise(&region)
}

/// All regions together.
#[task]
fn world(summaries: Vec<Summary>, rejected: BTreeMap<String, u32>) -> Result<World> {
    quake_stats::aggregate(&summaries, rejected)
        .ok_or_else(|| Error::permanent("there was no earthquake"))
}

/// Decide which notice the week needs.
#[task(branch)]
fn judge(world: World, threshold: f64) -> Branch {
    if world.strongest.magnitude >= threshold {
        Branch::to::<alert>()
    } else {
        Branch::to::<all_clear>()
    }
}

/// Somebody has to act.
#[task]
fn alert(world: World, threshold: f64) -> Option<Notice> {
    Notice::alert(&world, threshold)
}

/// No action is needed.
#[task]
fn all_clear(world: World, threshold: f64) -> Option<Notice> {
    Notice::all_clear(&world, threshold)
}

/// Write the page and draw the chart.
#[task(trigger_rule = "none_failed_min_one_success")]
fn report(
    ctx: Context,
    world: World,
    quakes: Vec<Quake>,
    alert: Option<Notice>,
    all_clear: Option<Notice>,
) -> Result<Report> {
    let notice = alert
        .or(all_clear)
        .ok_or_else(|| Error::permanent("neither notice was written"))?;
    ctx.progress(0.1, "drawing");
    let chart = quake_stats::draw(&world, &quakes).map_err(Error::permanent)?;
    ctx.progress(0.8, "writing");
    Ok(Report {
        page: Artifact::write("text/markdown", quake_stats::write(&world, &notice))?,
        chart: Artifact::write("image/svg+xml", chart)?,
        notice,
    })
}

/// A week of earthquakes, region by region.
///
/// Each Wednesday, for the week before; of this feed there is one week.
#[dag(
    schedule = "0 2 * * wed",
    start = "2018-02-07",
    end = "2018-02-07T12:00:00Z",
    catchup
)]
fn quakes(
    /// From this magnitude on somebody has to act.
    #[param(default = 7.0)]
    threshold: Param<f64>,
    /// How many attempts to read the feed find its server down.
    #[param(default = 1)]
    outage: Param<u32>,
) {
    let checked = validate(feed(outage));
    let earthquakes = checked.part::<Vec<Quake>>("/quakes");
    let summaries = summarise(each(regions(earthquakes)));
    let earth = world(
        summaries,
        checked.part::<BTreeMap<String, u32>>("/rejected"),
    );
    let judged = judge(earth, threshold);
    let alarm = alert(earth, threshold).after(judged);
    let calm = all_clear(earth, threshold).after(judged);
    report(earth, earthquakes, alarm, calm);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_down_is_tried_again() {
        let down =
            feed(Context::test().with_number(1), 1).expect_err("the first attempt finds it down");
        assert!(down.is_retryable());
        assert_eq!(
            feed(Context::test().with_number(2), 1)
                .expect("the second finds it up")
                .len(),
            1707
        );
    }

    #[test]
    fn the_threshold_decides_which_notice_is_written() {
        let checked = validate(feed(Context::test(), 0).expect("the feed is there"));
        let summaries = regions(checked.quakes).into_iter().map(summarise).collect();
        let earth = world(summaries, checked.rejected).expect("there were earthquakes");
        assert_eq!(judge(earth.clone(), 6.4).tasks(), ["alert"]);
        assert_eq!(judge(earth, 6.5).tasks(), ["all_clear"]);
    }
}
