//! The wire form of limits.

use super::text::Text;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::fmt;
use weft_core::limit::{Limits, TABLE};

/// Every row of the table of limits, by field: what is a default here may
/// be another one there.
pub(super) struct LimitsMessage(pub(super) Limits);

impl Serialize for LimitsMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(TABLE.iter().map(|limit| (limit.field, self.0.get(limit))))
    }
}

impl<'de> Deserialize<'de> for LimitsMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;

        impl<'de> Visitor<'de> for Rows {
            type Value = LimitsMessage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("limits by their names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
                let mut limits = Limits::DEFAULT;
                while let Some(field) = rows.next_key::<Text<'de>>()? {
                    match TABLE.iter().find(|limit| *limit.field == *field) {
                        Some(limit) => limits.set(limit, rows.next_value()?),
                        // A newer version's.
                        None => drop(rows.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(LimitsMessage(limits))
            }
        }

        deserializer.deserialize_map(Rows)
    }
}
