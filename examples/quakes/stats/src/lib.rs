//! What the example computes: a week of earthquakes, region by region.
//!
//! Nothing here knows Weft. The same functions stand behind the tasks of the
//! component (`examples/quakes`) and behind the programs
//! (`examples/quakes-programs`), so that both can be compared.

mod chart;
mod feed;
mod page;
mod quake;
mod region;
mod summary;
mod world;

pub use chart::draw;
pub use feed::{Event, FeedError, parse};
pub use page::{Notice, write};
pub use quake::{Checked, Quake, validate};
pub use region::{Region, by_region};
pub use summary::{Summary, summarise};
pub use world::{Ranked, World, aggregate};

/// The feed as the U.S. Geological Survey published it; see `data/README.md`.
pub const FEED: &str = include_str!("../../data/earthquakes.json");
