//! Assets: named data that tasks update, and conditions on them that create runs.
//!
//! What a success updates needs no more than `outlets` in the task's attribute; a task that has more to
//! say of it returns an [`Update`]. Nothing here knows which outlets a task has: the host checks that.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 250;
/// The longest partition, in bytes.
const MAX_PARTITION_BYTES: usize = 250;
/// The longest metadata of an update, in bytes of JSON.
const MAX_METADATA_BYTES: usize = 4 << 10;
/// The most updates of one attempt.
const MAX_UPDATES: usize = 256;

/// When assets create a run: what `#[dag(on_assets = ..)]` makes of its value.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn report() {}
///
/// #[dag(schedule = "@daily", on_assets = all_of("orders", any_of("north", "south"), within("rates", "1d")))]
/// fn reports() { report(); }
///
/// #[dag(on_assets = ["orders", "customers"])]
/// fn both() { report(); }
///
/// #[dag(on_assets = "orders")]
/// fn one() { report(); }
///
/// let document = reports().to_json();
/// assert_eq!(document["on_assets"]["all"][1], serde_json::json!({ "any": ["north", "south"] }));
/// assert_eq!(document["on_assets"]["all"][2], serde_json::json!({ "asset": "rates", "within": "1d" }));
/// assert_eq!(both().to_json()["on_assets"], serde_json::json!({ "all": ["orders", "customers"] }));
/// assert_eq!(one().to_json()["on_assets"], "orders");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition(Value);

impl Condition {
    /// The asset was updated since the DAG's last run that assets created.
    pub fn updated(asset: impl Into<String>) -> Self {
        Self(asset.into().into())
    }

    /// The asset's last update is at most this long ago: "1d", "90m".
    pub fn within(asset: impl Into<String>, span: impl Into<String>) -> Self {
        Self(json!({ "asset": asset.into(), "within": span.into() }))
    }

    /// All of these hold.
    pub fn all_of<C: Into<Self>>(conditions: impl IntoIterator<Item = C>) -> Self {
        Self(json!({ "all": values(conditions) }))
    }

    /// One of these holds.
    pub fn any_of<C: Into<Self>>(conditions: impl IntoIterator<Item = C>) -> Self {
        Self(json!({ "any": values(conditions) }))
    }
}

fn values<C: Into<Condition>>(conditions: impl IntoIterator<Item = C>) -> Vec<Value> {
    conditions
        .into_iter()
        .map(|condition| condition.into().0)
        .collect()
}

impl From<&str> for Condition {
    fn from(asset: &str) -> Self {
        Self::updated(asset)
    }
}

impl From<String> for Condition {
    fn from(asset: String) -> Self {
        Self::updated(asset)
    }
}

/// What consumers should know of an update, for [`update`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[must_use = "nothing is reported before `update` is returned"]
pub struct AssetUpdate {
    asset: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    /// What went wrong while it was put together; said when it is reported.
    #[serde(skip)]
    fault: Option<String>,
}

impl AssetUpdate {
    /// An update of this asset, one of the task's outlets.
    pub fn new(asset: impl Into<String>) -> Self {
        Self {
            asset: asset.into(),
            partition: None,
            metadata: None,
            fault: None,
        }
    }

    /// Which part of the asset was updated, such as a date.
    pub fn partition(mut self, partition: impl Into<String>) -> Self {
        self.partition = Some(partition.into());
        self
    }

    /// What consumers should know: something that is a JSON object, of at most 4 KiB.
    pub fn metadata(mut self, metadata: impl Serialize) -> Self {
        match serde_json::to_value(metadata) {
            Ok(metadata) => self.metadata = Some(metadata),
            Err(error) => self.fault = Some(format!("it is no JSON: {error}")),
        }
        self
    }

    fn mistake(&self) -> Option<String> {
        let asset = &self.asset;
        if let Some(mistake) = mistake(asset, self.partition.as_deref()) {
            return Some(mistake);
        }
        if let Some(fault) = &self.fault {
            return Some(format!("the metadata of {asset}: {fault}"));
        }
        match &self.metadata {
            Some(metadata) if !metadata.is_object() => Some(format!(
                "the metadata of {asset} is no JSON object, but {metadata}"
            )),
            Some(metadata) if metadata.to_string().len() > MAX_METADATA_BYTES => Some(format!(
                "the metadata of {asset} has at most {MAX_METADATA_BYTES} bytes of JSON"
            )),
            _ => None,
        }
    }

    fn is_same_part(&self, other: &Self) -> bool {
        self.asset == other.asset && self.partition == other.partition
    }
}

/// Why an asset or a partition can't have this name.
pub(crate) fn mistake(asset: &str, partition: Option<&str>) -> Option<String> {
    if !is_name(asset) {
        return Some(format!(
            "{asset:?} is no asset: its name has letters, digits and the characters _ - . / : @ + = % ~, starts with \
             a letter, a digit or '_', and has at most {MAX_NAME_BYTES} bytes"
        ));
    }
    if partition.is_some_and(is_no_partition) {
        return Some(format!(
            "the partition of {asset} has 1 to {MAX_PARTITION_BYTES} bytes in one line, without control characters"
        ));
    }
    None
}

fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-./:@+=%~".contains(c);
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(fits)
}

fn is_no_partition(text: &str) -> bool {
    text.is_empty() || text.len() > MAX_PARTITION_BYTES || text.chars().any(char::is_control)
}

/// What a task with `outlets` returns that has more to say of its updates: its output, and the updates. Made by
/// [`update`].
#[derive(Debug, Clone, PartialEq)]
pub struct Update<T> {
    pub(crate) output: T,
    pub(crate) assets: Vec<AssetUpdate>,
}

impl<T> Update<T> {
    /// The task's output, which its downstreams take.
    pub const fn output(&self) -> &T {
        &self.output
    }

    /// The updates.
    pub fn assets(&self) -> &[AssetUpdate] {
        &self.assets
    }
}

/// Succeeds with an output, and says what consumers of the task's outlets should know. Outlets that are not named are
/// updated as well, without a partition.
///
/// ```
/// use weft::prelude::*;
///
/// #[task(outlets = ["s3://lake/orders", "s3://lake/rejected"])]
/// fn load(day: String) -> Result<Update<u64>> {
///     let orders = AssetUpdate::new("s3://lake/orders");
///     update(3, [orders.partition(day).metadata(serde_json::json!({ "rows": 3 }))])
/// }
///
/// #[task]
/// fn double(rows: u64) -> u64 { 2 * rows }
///
/// #[dag]
/// fn orders(day: Param<String>) { double(load(day)); }
///
/// let loaded = load("2026-11-26".into()).unwrap();
/// assert_eq!(*loaded.output(), 3);
/// assert_eq!(loaded.assets().len(), 1);
/// # assert_eq!(orders().to_json()["tasks"]["load"]["outlets"][1], "s3://lake/rejected");
/// # assert_eq!(orders().to_json()["tasks"]["load"]["types"]["output"]["type"], "integer");
/// ```
///
/// # Errors
/// A name, a partition or metadata that is none, one part of an asset twice, or too many of them; all permanent.
pub fn update<T>(output: T, assets: impl IntoIterator<Item = AssetUpdate>) -> Result<Update<T>> {
    let assets: Vec<AssetUpdate> = assets.into_iter().collect();
    if assets.len() > MAX_UPDATES {
        return Err(Error::permanent(format_args!(
            "an attempt reports at most {MAX_UPDATES} updates of assets, not {}",
            assets.len()
        )));
    }
    for (at, one) in assets.iter().enumerate() {
        if let Some(mistake) = one.mistake() {
            return Err(Error::permanent(mistake));
        }
        if assets[..at].iter().any(|earlier| earlier.is_same_part(one)) {
            return Err(Error::permanent(format_args!(
                "the asset {} is reported twice with the same partition",
                one.asset
            )));
        }
    }
    Ok(Update { output, assets })
}

/// What a task with `outlets` returns whose type is named `Update`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a task with `outlets` returns a `weft::Update`, not `{Self}`",
    label = "return its output, `Update<..>` or `Result<Update<..>>`",
    note = "a type of your own needs another name than `Update` there"
)]
pub trait Reported {
    /// The output besides the updates.
    type Output;
    /// The output and the updates.
    fn reported(self) -> Update<Self::Output>;
}

impl<T> Reported for Update<T> {
    type Output = T;

    fn reported(self) -> Self {
        self
    }
}

/// An update as a run that assets created has it: an entry of its parameter `assets`.
///
/// ```
/// use std::collections::BTreeMap;
/// use weft::prelude::*;
///
/// #[task]
/// fn count(assets: BTreeMap<String, Vec<RecordedUpdate>>) -> usize {
///     assets["orders"].len()
/// }
///
/// #[dag(on_assets = "orders")]
/// fn counts(assets: Param<BTreeMap<String, Vec<RecordedUpdate>>>) { count(assets); }
/// # assert_eq!(counts().to_json()["tasks"]["count"]["inputs"]["assets"]["param"], "assets");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedUpdate {
    /// Which part of the asset was updated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// What the update said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// When it was recorded, in RFC 3339.
    pub at: String,
    /// The run whose task updated it; none where a client did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Outcome;

    fn orders() -> AssetUpdate {
        AssetUpdate::new("orders")
    }

    #[test]
    fn an_update_is_written_as_the_contract_says() {
        let reported = [
            orders()
                .partition("2026-11-26")
                .metadata(json!({ "rows": 3 })),
            AssetUpdate::new("s3://lake/rejected"),
        ];
        let Outcome::Control(text) = Outcome::of(|| Outcome::update(update(7, reported)?)) else {
            panic!("it is a control document");
        };
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({
                "kind": "update",
                "assets": [
                    { "asset": "orders", "partition": "2026-11-26", "metadata": { "rows": 3 } },
                    { "asset": "s3://lake/rejected" },
                ],
                "output": 7,
            })
        );
    }

    #[test]
    fn an_update_that_is_none_fails_for_good() {
        let fails = |assets: Vec<AssetUpdate>| {
            let error = update((), assets).unwrap_err();
            assert!(!error.is_retryable());
            error.to_string()
        };
        let keys = std::collections::BTreeMap::from([(vec![1], 2)]);
        for (assets, words) in [
            (vec![AssetUpdate::new("")], "\"\" is no asset"),
            (vec![AssetUpdate::new("/orders")], "\"/orders\" is no asset"),
            (vec![AssetUpdate::new("x".repeat(251))], "at most 250 bytes"),
            (vec![orders().partition("")], "has 1 to 250 bytes"),
            (
                vec![orders().partition("x\ny")],
                "without control characters",
            ),
            (vec![orders().metadata([7])], "is no JSON object, but [7]"),
            (
                vec![orders().metadata(keys)],
                "the metadata of orders: it is no JSON: key must be",
            ),
            (
                vec![orders().metadata(json!({ "x": "y".repeat(5000) }))],
                "at most 4096 bytes of JSON",
            ),
            (vec![orders(), orders()], "orders is reported twice"),
            (
                vec![orders(); 257],
                "at most 256 updates of assets, not 257",
            ),
        ] {
            let message = fails(assets);
            assert!(message.contains(words), "{message} and should say {words}");
        }
        assert!(update((), [orders(), orders().partition("1")]).is_ok());
    }

    #[test]
    fn a_recorded_update_lacks_what_was_not_said() {
        let text = r#"{"at":"2026-11-26T06:00:00.000Z"}"#;
        let recorded: RecordedUpdate = serde_json::from_str(text).unwrap();
        assert_eq!((&recorded.partition, &recorded.run), (&None, &None));
        assert_eq!(serde_json::to_string(&recorded).unwrap(), text);
    }
}
