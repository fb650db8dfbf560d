//! Reads the feed: GeoJSON, of which it takes what the example needs.
//!
//! Nothing is judged here: what an event must look like says `quake`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One event of the feed, as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Unique in the feed.
    pub id: String,
    /// "earthquake", "quarry blast", "explosion" and more.
    pub kind: String,
    /// In milliseconds since 1970, UTC.
    pub time_ms: i64,
    /// Where, in words: "4km W of Castaic, CA".
    pub place: Option<String>,
    /// On whichever of the magnitude scales the network uses.
    pub magnitude: Option<f64>,
    /// In degrees, east is positive.
    pub longitude: f64,
    /// In degrees, north is positive.
    pub latitude: f64,
    /// Below sea level; above it, it is negative.
    pub depth_km: f64,
}

/// Why a text is not a feed.
#[derive(Debug)]
pub struct FeedError(serde_json::Error);

impl std::fmt::Display for FeedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the feed is not the GeoJSON that was expected: {}",
            self.0
        )
    }
}

impl std::error::Error for FeedError {}

#[derive(Deserialize)]
struct Collection {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    id: String,
    properties: Properties,
    geometry: Geometry,
}

#[derive(Deserialize)]
struct Properties {
    mag: Option<f64>,
    place: Option<String>,
    time: i64,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Geometry {
    coordinates: [f64; 3],
}

/// All events, in the feed's order.
pub fn parse(text: &str) -> Result<Vec<Event>, FeedError> {
    let collection: Collection = serde_json::from_str(text).map_err(FeedError)?;
    Ok(collection.features.into_iter().map(Event::from).collect())
}

impl From<Feature> for Event {
    fn from(feature: Feature) -> Self {
        let [longitude, latitude, depth_km] = feature.geometry.coordinates;
        Self {
            id: feature.id,
            kind: feature.properties.kind,
            time_ms: feature.properties.time,
            place: feature.properties.place,
            magnitude: feature.properties.mag,
            longitude,
            latitude,
            depth_km,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_the_feed_is_read() {
        let events = parse(crate::FEED).expect("the feed is well-formed");
        assert_eq!(events.len(), 1707);
        assert_eq!(events[0].place.as_deref(), Some("4km W of Castaic, CA"));
        assert_eq!(events[0].depth_km, 26.49);
    }

    #[test]
    fn what_is_not_a_feed_is_refused_with_its_place() {
        let error = parse("{\"features\": [{\"id\": 7}]}").expect_err("an id is text");
        assert!(error.to_string().contains("line 1 column"), "{error}");
    }
}
