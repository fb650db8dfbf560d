//! The report, in Markdown.

use crate::{Quake, World};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// What the reader must know first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// One sentence.
    pub text: String,
    /// Whether somebody has to act.
    pub urgent: bool,
}

impl Notice {
    /// For a week with an earthquake of the threshold or more; none for any other.
    pub fn alert(world: &World, threshold: f64) -> Option<Self> {
        let Quake {
            magnitude, place, ..
        } = &world.strongest;
        (*magnitude >= threshold).then(|| Self {
            text: format!("An earthquake of magnitude {magnitude}, {place}."),
            urgent: true,
        })
    }

    /// For a week that stayed below the threshold; none for any other.
    pub fn all_clear(world: &World, threshold: f64) -> Option<Self> {
        (world.strongest.magnitude < threshold).then(|| Self {
            text: format!("No earthquake reached magnitude {threshold:.1}."),
            urgent: false,
        })
    }
}

/// Writes the report: notice, totals, the regions with the most earthquakes.
pub fn write(world: &World, notice: &Notice) -> String {
    let mut page = String::from("# A week of earthquakes\n\n");
    let mark = if notice.urgent { "**Alert:** " } else { "" };
    let strongest = &world.strongest;
    let lines = format!(
        "{mark}{notice}\n\n\
         {count} earthquakes in {regions} regions; the strongest, of magnitude {magnitude}, {place}.\n\n\
         | region | earthquakes | strongest | part of all energy | b-value |\n|---|---:|---:|---:|---:|\n",
        notice = notice.text,
        count = world.count,
        regions = world.regions,
        magnitude = strongest.magnitude,
        place = strongest.place,
    );
    page.push_str(&lines);
    for one in world.ranking.iter().take(10) {
        let b_value = one
            .b_value
            .map_or_else(|| "-".to_owned(), |b| format!("{b:.2}"));
        writeln!(
            page,
            "| {} | {} | {:.1} | {:.2} % | {b_value} |",
            one.region,
            one.count,
            one.strongest,
            one.energy_share * 100.0
        )
        .expect("writing to a text can't fail");
    }
    let aside: Vec<String> = world
        .rejected
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    if !aside.is_empty() {
        writeln!(page, "\nPut aside: {}.", aside.join(", ")).expect("writing to a text can't fail");
    }
    page
}
