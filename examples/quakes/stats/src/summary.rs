//! What one region's earthquakes say.

use crate::{Quake, Region};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One region in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Its name.
    pub region: String,
    /// How many earthquakes.
    pub count: u32,
    /// The strongest; the earliest of equals.
    pub strongest: Quake,
    /// The mean of the magnitudes.
    pub mean_magnitude: f64,
    /// Half of the earthquakes are not deeper.
    pub median_depth_km: f64,
    /// Radiated energy after Gutenberg and Richter: log10 E = 1.5 M + 4.8.
    pub energy_joules: f64,
    /// How quickly numbers fall with magnitude, after Aki (1965), where there are enough earthquakes.
    pub b_value: Option<f64>,
    /// Earthquakes by magnitude rounded down.
    pub histogram: BTreeMap<i32, u32>,
}

/// Fewer than this above the completeness give no b-value that means anything.
const B_VALUE_AT_LEAST: usize = 30;

/// Computes it. The region has at least one earthquake.
pub fn summarise(region: &Region) -> Summary {
    let quakes = &region.quakes;
    let strongest = quakes
        .iter()
        .reduce(stronger)
        .expect("a region is made of its earthquakes")
        .clone();
    let mut histogram = BTreeMap::new();
    for quake in quakes {
        *histogram.entry(whole(quake.magnitude)).or_default() += 1;
    }
    let count = quakes.len();
    Summary {
        region: region.name.clone(),
        count: u32::try_from(count).expect("a feed has less than four billion events"),
        strongest,
        mean_magnitude: mean(quakes.iter().map(|quake| quake.magnitude)),
        median_depth_km: median(quakes.iter().map(|quake| quake.depth_km).collect()),
        energy_joules: quakes
            .iter()
            .map(|quake| 10f64.powf(1.5 * quake.magnitude + 4.8))
            .sum(),
        b_value: b_value(quakes),
        histogram,
    }
}

/// The stronger of two, the earlier of equals.
pub(crate) fn stronger<'a>(a: &'a Quake, b: &'a Quake) -> &'a Quake {
    let first = (a.magnitude, -a.time_ms) >= (b.magnitude, -b.time_ms);
    if first { a } else { b }
}

/// Rounded down. Magnitudes are within -2 and 10.
#[expect(
    clippy::cast_possible_truncation,
    reason = "validated magnitudes are small"
)]
fn whole(magnitude: f64) -> i32 {
    magnitude.floor() as i32
}

/// In tenths, as catalogues bin them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "validated magnitudes are small"
)]
fn tenths(magnitude: f64) -> i32 {
    (magnitude * 10.0 + 0.5).floor() as i32
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a feed are far below 2^52"
)]
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// The lower of the two middle ones where their number is even.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

/// Aki's maximum likelihood estimate over the earthquakes from the magnitude of
/// completeness up, which is taken where the binned numbers peak.
fn b_value(quakes: &[Quake]) -> Option<f64> {
    let mut bins = BTreeMap::<i32, u32>::new();
    for quake in quakes {
        *bins.entry(tenths(quake.magnitude)).or_default() += 1;
    }
    // The lowest of the fullest bins.
    let complete = bins
        .iter()
        .rev()
        .max_by_key(|(_, count)| **count)
        .map(|(bin, _)| *bin)?;
    let above: Vec<f64> = quakes
        .iter()
        .filter(|quake| tenths(quake.magnitude) >= complete)
        .map(|quake| quake.magnitude)
        .collect();
    if above.len() < B_VALUE_AT_LEAST {
        return None;
    }
    let excess = mean(above.into_iter()) - (f64::from(complete) / 10.0 - 0.05);
    Some(std::f64::consts::LOG10_E / excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quake(magnitude: f64, depth_km: f64, time_ms: i64) -> Quake {
        Quake {
            id: time_ms.to_string(),
            time_ms,
            place: "Fiji".into(),
            magnitude,
            longitude: 0.0,
            latitude: 0.0,
            depth_km,
        }
    }

    #[test]
    fn a_small_region_by_hand() {
        let quakes = vec![
            quake(2.0, 30.0, 3),
            quake(4.0, 10.0, 2),
            quake(4.0, 20.0, 1),
            quake(-0.5, 5.0, 0),
        ];
        let summary = summarise(&Region {
            name: "Fiji".into(),
            quakes,
        });
        assert_eq!((summary.count, summary.strongest.time_ms), (4, 1));
        assert_eq!(
            (summary.mean_magnitude, summary.median_depth_km),
            (2.375, 10.0)
        );
        assert_eq!(summary.histogram, BTreeMap::from([(-1, 1), (2, 1), (4, 2)]));
        assert_eq!(summary.b_value, None);
        // Two of magnitude 4 (10^10.8 J) outweigh all else.
        assert!((summary.energy_joules / (2.0 * 10f64.powf(10.8)) - 1.0).abs() < 0.01);
    }

    #[test]
    fn many_of_one_magnitude_have_the_b_value_of_their_bin() {
        let quakes: Vec<Quake> = (0..30).map(|n| quake(2.0, 1.0, n)).collect();
        let b = b_value(&quakes).expect("thirty are enough");
        assert!(
            (b - 0.05f64.recip() * std::f64::consts::LOG10_E).abs() < 1e-6,
            "{b}"
        );
    }
}
