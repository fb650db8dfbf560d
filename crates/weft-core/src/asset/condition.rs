//! Conditions on assets, by which a DAG's runs are created.
//!
//! A condition is evaluated when one of its assets is updated. A plain asset holds if it was updated since the DAG's last
//! run that assets created, so an `all` waits for all of them; one with `within` holds while its last update is not
//! older than that, whether a run was created of it or not.

use super::{AssetName, AssetNameError};
use crate::time::{DurationMs, Timestamp};
use std::collections::BTreeSet;

/// The most assets that a condition names.
pub const MAX_CONDITION_ASSETS: usize = 64;
/// The deepest nesting of `all` and `any`.
pub const MAX_CONDITION_DEPTH: usize = 8;

/// When assets create a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The asset was updated since the DAG's last run that assets created.
    Updated(AssetName),
    /// The asset's last update is at most this long ago.
    Within {
        /// The asset.
        asset: AssetName,
        /// How long its last update may be ago.
        span: DurationMs,
    },
    /// All of these hold; at least one.
    All(Vec<Condition>),
    /// One of these holds; at least one.
    Any(Vec<Condition>),
}

/// What is known of an asset when a condition is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AssetState {
    /// Whether it was updated since the DAG's last run that assets created.
    pub is_updated: bool,
    /// When it was updated last.
    pub last: Option<Timestamp>,
}

/// Why a condition was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// An asset's name is none.
    #[error("{0}")]
    Name(#[from] AssetNameError),
    /// An `all` or `any` of nothing.
    #[error("a condition names at least one asset")]
    Empty,
    /// Too many assets.
    #[error("a condition names at most {MAX_CONDITION_ASSETS} assets")]
    TooMany,
    /// Nested too deeply.
    #[error("conditions are nested at most {MAX_CONDITION_DEPTH} deep")]
    TooDeep,
}

impl Condition {
    /// Whether it holds, by what `state` knows of each asset.
    pub fn holds(&self, now: Timestamp, state: &impl Fn(&AssetName) -> AssetState) -> bool {
        match self {
            Self::Updated(asset) => state(asset).is_updated,
            Self::Within { asset, span } => {
                let last = state(asset).last;
                last.is_some_and(|last| last.plus(*span) >= now)
            }
            Self::All(parts) => parts.iter().all(|part| part.holds(now, state)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(now, state)),
        }
    }

    /// The assets that it names, once each.
    pub fn assets(&self) -> BTreeSet<AssetName> {
        let mut assets = BTreeSet::new();
        self.add_assets(&mut assets);
        assets
    }

    fn add_assets(&self, to: &mut BTreeSet<AssetName>) {
        match self {
            Self::Updated(asset) | Self::Within { asset, .. } => {
                to.insert(asset.clone());
            }
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.add_assets(to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AssetState, Condition};
    use crate::{
        asset::AssetName,
        time::{DurationMs, Timestamp},
    };

    #[test]
    fn a_condition_holds_by_what_was_updated_and_when() {
        let name = |text: &str| -> AssetName { text.parse().expect("a name") };
        let updated = |text: &str| Condition::Updated(name(text));
        let recent = Condition::Within {
            asset: name("rates"),
            span: DurationMs(100),
        };
        let both = Condition::All(vec![updated("orders"), updated("customers")]);
        let either = Condition::Any(vec![updated("orders"), updated("customers")]);
        let fresh = Condition::All(vec![updated("orders"), recent]);
        let state = |asset: &AssetName| match asset.as_str() {
            "orders" => AssetState {
                is_updated: true,
                last: Some(Timestamp(1_000)),
            },
            "rates" => AssetState {
                is_updated: false,
                last: Some(Timestamp(900)),
            },
            _ => AssetState::default(),
        };
        let now = Timestamp(1_000);
        assert!(!both.holds(now, &state));
        assert!(either.holds(now, &state));
        assert!(fresh.holds(now, &state));
        assert!(!fresh.holds(Timestamp(1_001), &state));
        assert_eq!(both.assets().len(), 2);
    }
}
