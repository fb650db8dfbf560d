//! Which events count: the rules of validation.

use crate::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// An earthquake that passed every rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quake {
    /// Unique in the feed.
    pub id: String,
    /// In milliseconds since 1970, UTC.
    pub time_ms: i64,
    /// Where, in words; not empty.
    pub place: String,
    /// Between -2 and 10.
    pub magnitude: f64,
    /// In degrees, -180 to 180.
    pub longitude: f64,
    /// In degrees, -90 to 90.
    pub latitude: f64,
    /// Between -10 and 750; negative above sea level.
    pub depth_km: f64,
}

/// What validation leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// Those that count, in the feed's order.
    pub quakes: Vec<Quake>,
    /// How many were put aside, by reason.
    pub rejected: BTreeMap<String, u32>,
}

/// Sorts the events into earthquakes and what is none, or can't be true.
pub fn validate(events: Vec<Event>) -> Checked {
    let mut seen = HashSet::new();
    let mut checked = Checked {
        quakes: Vec::new(),
        rejected: BTreeMap::new(),
    };
    for event in events {
        match check(event, &mut seen) {
            Ok(quake) => checked.quakes.push(quake),
            Err(reason) => *checked.rejected.entry(reason).or_default() += 1,
        }
    }
    checked
}

fn check(event: Event, seen: &mut HashSet<String>) -> Result<Quake, String> {
    if event.kind != "earthquake" {
        return Err(event.kind);
    }
    let place = event
        .place
        .filter(|place| !place.trim().is_empty())
        .ok_or("no place")?;
    let magnitude = event
        .magnitude
        .filter(|m| (-2.0..=10.0).contains(m))
        .ok_or("no plausible magnitude")?;
    if !(-180.0..=180.0).contains(&event.longitude) || !(-90.0..=90.0).contains(&event.latitude) {
        return Err("not on Earth".into());
    }
    if !(-10.0..=750.0).contains(&event.depth_km) {
        return Err("no plausible depth".into());
    }
    if !seen.insert(event.id.clone()) {
        return Err("reported twice".into());
    }
    Ok(Quake {
        id: event.id,
        time_ms: event.time_ms,
        place,
        magnitude,
        longitude: event.longitude,
        latitude: event.latitude,
        depth_km: event.depth_km,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            id: "a".into(),
            kind: "earthquake".into(),
            time_ms: 0,
            place: Some("Fiji".into()),
            magnitude: Some(4.0),
            longitude: 178.0,
            latitude: -18.0,
            depth_km: 600.0,
        }
    }

    #[test]
    fn each_rule_puts_its_events_aside() {
        let cases = [
            (
                Event {
                    kind: "quarry blast".into(),
                    ..event()
                },
                "quarry blast",
            ),
            (
                Event {
                    place: None,
                    ..event()
                },
                "no place",
            ),
            (
                Event {
                    magnitude: None,
                    ..event()
                },
                "no plausible magnitude",
            ),
            (
                Event {
                    magnitude: Some(12.0),
                    ..event()
                },
                "no plausible magnitude",
            ),
            (
                Event {
                    latitude: 91.0,
                    ..event()
                },
                "not on Earth",
            ),
            (
                Event {
                    depth_km: 6371.0,
                    ..event()
                },
                "no plausible depth",
            ),
        ];
        for (bad, reason) in cases {
            let checked = validate(vec![bad]);
            assert_eq!(checked.quakes, []);
            assert_eq!(checked.rejected, BTreeMap::from([(reason.to_owned(), 1)]));
        }
    }

    #[test]
    fn an_event_counts_once() {
        let checked = validate(vec![event(), event()]);
        assert_eq!(checked.quakes.len(), 1);
        assert_eq!(
            checked.rejected,
            BTreeMap::from([("reported twice".to_owned(), 1)])
        );
    }
}
