//! Groups earthquakes by region: the text after the last comma of the place.

use crate::Quake;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One region and its earthquakes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// "California", "Taiwan"
    pub name: String,
    /// In the feed's order; at least one.
    pub quakes: Vec<Quake>,
}

/// The networks don't agree on how to write these.
const SHORT: [(&str, &str); 3] = [("CA", "California"), ("NV", "Nevada"), ("MX", "Mexico")];

/// All regions, by name.
pub fn by_region(quakes: Vec<Quake>) -> Vec<Region> {
    let mut regions = BTreeMap::<String, Vec<Quake>>::new();
    for quake in quakes {
        regions
            .entry(name(&quake.place).to_owned())
            .or_default()
            .push(quake);
    }
    regions
        .into_iter()
        .map(|(name, quakes)| Region { name, quakes })
        .collect()
}

fn name(place: &str) -> &str {
    let last = place.rsplit(", ").next().unwrap_or(place).trim();
    SHORT
        .iter()
        .find(|(short, _)| *short == last)
        .map_or(last, |(_, long)| long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_its_region() {
        assert_eq!(name("4km W of Castaic, CA"), "California");
        assert_eq!(name("22km NNE of Hualian, Taiwan"), "Taiwan");
        assert_eq!(
            name("Southern Mid-Atlantic Ridge"),
            "Southern Mid-Atlantic Ridge"
        );
        assert_eq!(name("5km S of X, Y, Puerto Rico"), "Puerto Rico");
    }
}
