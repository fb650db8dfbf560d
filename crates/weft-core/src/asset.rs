//! Assets: named data that tasks update, and conditions on them that create runs.
//!
//! A task names the assets that it updates, its *outlets*. Each success of it is an update of all of them; a task that
//! has more to say names the partition and adds metadata. Updates come from guests and from the API, so everything in
//! them is bounded.

mod condition;

pub use condition::{
    AssetState, Condition, ConditionError, MAX_CONDITION_ASSETS, MAX_CONDITION_DEPTH,
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::{borrow::Borrow, collections::HashSet, fmt, str::FromStr, sync::Arc};

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 250;
/// The longest partition key, in bytes.
pub const MAX_PARTITION_BYTES: usize = 250;
/// The longest metadata of an update, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 4 << 10;
/// The most assets that a task updates.
pub const MAX_OUTLETS: usize = 64;
/// The most updates of one attempt.
pub const MAX_UPDATES: usize = 256;

/// The name of an asset: often the URI of the data, such as `s3://lake/orders`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetName(Arc<str>);

/// Why a text is no name of an asset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetNameError {
    /// Nothing was given.
    #[error("the name of an asset can't be empty")]
    Empty,
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("the name of an asset has at most {MAX_NAME_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// A character outside the alphabet.
    #[error(
        "the name of an asset is made of letters, digits and the characters _ - . / : @ + = % ~, and starts with a letter, a digit or '_'; {0:?} doesn't fit"
    )]
    Character(char),
}

impl FromStr for AssetName {
    type Err = AssetNameError;

    fn from_str(text: &str) -> Result<Self, AssetNameError> {
        if text.len() > MAX_NAME_BYTES {
            return Err(AssetNameError::TooLong(text.len()));
        }
        let first = text.chars().next().ok_or(AssetNameError::Empty)?;
        if !(first.is_ascii_alphanumeric() || first == '_') {
            return Err(AssetNameError::Character(first));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-./:@+=%~".contains(c);
        match text.chars().find(|c| !fits(*c)) {
            Some(odd) => Err(AssetNameError::Character(odd)),
            None => Ok(Self(text.into())),
        }
    }
}

impl AssetName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AssetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AssetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Borrow<str> for AssetName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for AssetName {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// An update of an asset, as a task or a client reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetUpdate {
    /// The asset.
    pub asset: AssetName,
    /// Which part of it, if it has partitions: a date, a region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<Arc<str>>,
    /// What consumers should know: a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Arc<RawJson>>,
}

/// The text of a JSON object, which serializes as that object.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RawJson {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(to)
    }
}

/// The fields of an update as guests, workers and clients write them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateFields<'a> {
    /// Name of the asset.
    pub asset: String,
    /// See [`AssetUpdate::partition`].
    pub partition: Option<String>,
    /// See [`AssetUpdate::metadata`].
    #[serde(borrow)]
    pub metadata: Option<&'a RawValue>,
}

/// Why an update was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// The asset's name is none.
    #[error("{0}")]
    Name(#[from] AssetNameError),
    /// The partition key is none.
    #[error(
        "`partition` of {0} has 1 to {MAX_PARTITION_BYTES} bytes in one line, without control characters"
    )]
    Partition(AssetName),
    /// The metadata is no object, or too long.
    #[error("`metadata` of {0} is a JSON object of at most {MAX_METADATA_BYTES} bytes")]
    Metadata(AssetName),
    /// More than one attempt has.
    #[error("an attempt reports at most {MAX_UPDATES} updates of assets")]
    TooMany,
    /// One partition of one asset twice.
    #[error("the asset {0} is reported twice with the same partition")]
    Twice(AssetName),
}

impl AssetUpdate {
    /// An update that says nothing more.
    pub const fn plain(asset: AssetName) -> Self {
        Self {
            asset,
            partition: None,
            metadata: None,
        }
    }

    /// Checks the fields of an update.
    ///
    /// # Errors
    /// See [`UpdateError`].
    pub fn check(fields: UpdateFields<'_>) -> Result<Self, UpdateError> {
        let asset: AssetName = fields.asset.parse()?;
        let partition = match fields.partition {
            Some(text) if !is_partition(&text) => return Err(UpdateError::Partition(asset)),
            partition => partition.map(Arc::from),
        };
        let metadata = match fields.metadata.map(RawValue::get) {
            // A raw value begins with its first character.
            Some(text) if !text.starts_with('{') || text.len() > MAX_METADATA_BYTES => {
                return Err(UpdateError::Metadata(asset));
            }
            metadata => metadata.map(|text| Arc::new(RawJson(text.into()))),
        };
        Ok(Self {
            asset,
            partition,
            metadata,
        })
    }

    /// About what it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let partition = self.partition.as_ref().map_or(0, |text| text.len());
        let metadata = self.metadata.as_ref().map_or(0, |text| text.as_str().len());
        self.asset.as_str().len() + partition + metadata
    }

    /// The metadata as a tree; it is bounded.
    pub fn metadata_value(&self) -> Option<Value> {
        let text = self.metadata.as_ref()?;
        serde_json::from_str(text.as_str()).ok()
    }
}

/// The updates of an attempt, or the first mistake in the list. Whatever its length, it takes little memory to read.
pub struct Updates(pub Result<Vec<AssetUpdate>, UpdateError>);

impl<'de> Deserialize<'de> for Updates {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(UpdatesVisitor)
    }
}

struct UpdatesVisitor;

impl<'de> Visitor<'de> for UpdatesVisitor {
    type Value = Updates;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of updates of assets")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Updates, A::Error> {
        let (mut updates, mut seen) = (Vec::new(), HashSet::new());
        let mut mistake = None;
        while let Some(fields) = list.next_element::<UpdateFields<'de>>()? {
            let update = AssetUpdate::check(fields).and_then(|update| {
                let key = (update.asset.clone(), update.partition.clone());
                if updates.len() == MAX_UPDATES {
                    Err(UpdateError::TooMany)
                } else if seen.insert(key) {
                    Ok(update)
                } else {
                    Err(UpdateError::Twice(update.asset))
                }
            });
            match update {
                Ok(update) => updates.push(update),
                Err(error) => {
                    mistake = Some(error);
                    break;
                }
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Updates(mistake.map_or(Ok(updates), Err)))
    }
}

/// Whether a text can be a partition key.
pub fn is_partition(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_PARTITION_BYTES && !text.chars().any(char::is_control)
}

/// What a success updates: what the task reported, and plainly all other outlets. `Err` names what was reported and is no
/// outlet.
pub fn updates_of(
    outlets: &[AssetName],
    reported: Vec<AssetUpdate>,
) -> Result<Vec<AssetUpdate>, AssetName> {
    if let Some(other) = reported.iter().find(|up| !outlets.contains(&up.asset)) {
        return Err(other.asset.clone());
    }
    let named: HashSet<AssetName> = reported.iter().map(|up| up.asset.clone()).collect();
    let others = outlets.iter().filter(|outlet| !named.contains(*outlet));
    let others: Vec<AssetUpdate> = others.cloned().map(AssetUpdate::plain).collect();
    Ok(reported.into_iter().chain(others).collect())
}

/// Why an attempt fails that says something of an asset which is no outlet of its task.
pub fn no_outlet(asset: &AssetName) -> String {
    format!(
        "the task says that it updated {asset}, which is none of its outlets: add it to `outlets`"
    )
}

#[cfg(test)]
mod tests {
    use super::{AssetName, AssetUpdate, UpdateFields, updates_of};

    fn name(text: &str) -> AssetName {
        text.parse().expect("a name")
    }

    fn check(json: &str) -> Result<AssetUpdate, String> {
        let fields: UpdateFields<'_> = serde_json::from_str(json).map_err(|e| e.to_string())?;
        AssetUpdate::check(fields).map_err(|error| error.to_string())
    }

    #[test]
    fn names_may_be_uris() {
        for good in [
            "orders",
            "s3://lake/orders/v=1",
            "a",
            "_x",
            "postgres://db:5432/shop.orders",
        ] {
            assert_eq!(name(good).as_str(), good);
        }
        for bad in ["", "/orders", "a b", "a\nb", "å", "a\"b", &"x".repeat(251)] {
            assert!(bad.parse::<AssetName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_update_is_bounded() {
        let long = format!(
            r#"{{"asset":"a","metadata":{{"x":"{}"}}}}"#,
            "y".repeat(5_000)
        );
        for bad in [
            r#"{"asset":""}"#,
            r#"{"asset":"a","partition":""}"#,
            r#"{"asset":"a","partition":"x\ny"}"#,
            r#"{"asset":"a","metadata":[]}"#,
            r#"{"asset":"a","rows":1}"#,
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let good = r#"{"asset":"a","partition":"2026-11-26","metadata":{"rows":3}}"#;
        let update = check(good).expect("good");
        assert_eq!(serde_json::to_string(&update).expect("JSON"), good);
    }

    #[test]
    fn a_success_updates_every_outlet() {
        let outlets = [name("a"), name("b")];
        let reported = vec![check(r#"{"asset":"b","partition":"1"}"#).expect("good")];
        let all = updates_of(&outlets, reported).expect("both are outlets");
        let names: Vec<&str> = all.iter().map(|update| update.asset.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        let other = vec![AssetUpdate::plain(name("c"))];
        assert_eq!(updates_of(&outlets, other), Err(name("c")));
    }
}
