//! All regions together.

use crate::{Quake, Summary, summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A week on Earth, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct World {
    /// How many earthquakes.
    pub count: u32,
    /// How many events were put aside, by reason.
    pub rejected: BTreeMap<String, u32>,
    /// How many regions.
    pub regions: u32,
    /// The strongest; the earliest of equals.
    pub strongest: Quake,
    /// Of all earthquakes.
    pub energy_joules: f64,
    /// Earthquakes by magnitude rounded down.
    pub histogram: BTreeMap<i32, u32>,
    /// Every region, the one with the most earthquakes first, equals by name.
    pub ranking: Vec<Ranked>,
}

/// A region's place in the ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    /// Its name.
    pub region: String,
    /// How many earthquakes.
    pub count: u32,
    /// The magnitude of its strongest.
    pub strongest: f64,
    /// Its part of all energy, 0 to 1.
    pub energy_share: f64,
    /// See [`Summary::b_value`].
    pub b_value: Option<f64>,
}

/// Puts the summaries together; `None` where there are none.
pub fn aggregate(summaries: &[Summary], rejected: BTreeMap<String, u32>) -> Option<World> {
    let strongest = summaries
        .iter()
        .map(|one| &one.strongest)
        .reduce(summary::stronger)?
        .clone();
    let energy_joules: f64 = summaries.iter().map(|one| one.energy_joules).sum();
    let mut histogram = BTreeMap::new();
    for (magnitude, count) in summaries.iter().flat_map(|one| &one.histogram) {
        *histogram.entry(*magnitude).or_default() += count;
    }
    let mut ranking: Vec<Ranked> = summaries
        .iter()
        .map(|one| Ranked {
            region: one.region.clone(),
            count: one.count,
            strongest: one.strongest.magnitude,
            energy_share: one.energy_joules / energy_joules,
            b_value: one.b_value,
        })
        .collect();
    ranking.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.region.cmp(&b.region)));
    Some(World {
        count: summaries.iter().map(|one| one.count).sum(),
        rejected,
        regions: u32::try_from(summaries.len()).expect("there are less than four billion regions"),
        strongest,
        energy_joules,
        histogram,
        ranking,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{by_region, parse, summarise, validate};

    #[test]
    fn the_week_of_the_feed() {
        let checked = validate(parse(crate::FEED).expect("the feed is well-formed"));
        let summaries: Vec<Summary> = by_region(checked.quakes).iter().map(summarise).collect();
        let world = aggregate(&summaries, checked.rejected).expect("there were earthquakes");
        assert_eq!(world.count, 1679);
        assert_eq!(world.strongest.place, "22km NNE of Hualian, Taiwan");
        assert_eq!(world.ranking[0].region, "California");
        assert_eq!(world.histogram.values().sum::<u32>(), world.count);
        let shares: f64 = world.ranking.iter().map(|one| one.energy_share).sum();
        assert!((shares - 1.0).abs() < 1e-12, "{shares}");
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(aggregate(&[], BTreeMap::new()), None);
    }
}
