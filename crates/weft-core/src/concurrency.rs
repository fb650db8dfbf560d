//! Bounds on the runs of a DAG by key: how many of one key are active at once, and how many start
//! in a span of time.
//!
//! The key of a run is made of its parameters when the run is created, and stored with it.

use crate::{
    digest::Digest,
    inputs::{Template, TemplateError},
    time::DurationMs,
};
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

/// The most bytes of a key. A longer one is replaced by its SHA-256.
pub const MAX_KEY_BYTES: usize = 250;

/// The most starts of a [`RateLimit`].
pub const MAX_RATE_RUNS: u32 = 100_000;

/// The longest span of a [`RateLimit`].
pub const MAX_RATE_SPAN: DurationMs = DurationMs(31 * 24 * 3_600_000);

/// At most so many runs start within any span of this length.
///
/// It counts the starts of the last span, so that no burst exceeds it. A token bucket of that size
/// would allow up to twice as many in one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// From 1 to [`MAX_RATE_RUNS`].
    pub runs: u32,
    /// Up to [`MAX_RATE_SPAN`].
    pub per: DurationMs,
}

/// Which runs of a DAG count together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Concurrency {
    /// A text that may hold `{{ params.NAME }}`: runs whose texts are equal count together.
    pub key: Option<String>,
    /// How many runs of one key are active at once. Without it, one is.
    pub max_active_runs_per_key: Option<u32>,
    /// How many start: of each key if there is one, else of the DAG.
    pub rate_limit: Option<RateLimit>,
}

impl Concurrency {
    /// How many runs of one key are active at once; unbounded for a DAG without a key.
    pub fn max_per_key(&self) -> Option<u32> {
        let has_key = self.key.is_some();
        has_key.then(|| self.max_active_runs_per_key.unwrap_or(1))
    }

    /// The key of a run with these parameters, a JSON object: empty for a DAG whose rate is limited
    /// as a whole, `None` for one without these bounds.
    ///
    /// # Errors
    /// See [`TemplateError`]; none occurs for a DAG that was read and parameters that were resolved.
    pub fn key_of(&self, params: &str) -> Result<Option<Arc<str>>, TemplateError> {
        let Some(text) = &self.key else {
            return Ok(self.rate_limit.map(|_| "".into()));
        };
        let template = Template::parse(text)?;
        // They were resolved, and so are an object.
        let params: Map<String, Value> = serde_json::from_str(params).unwrap_or_default();
        let mut known: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
        for what in template.names() {
            let value = what
                .strip_prefix("params.")
                .and_then(|name| params.get(name));
            let value = match value.ok_or_else(|| template.unknown(what))? {
                Value::String(text) => Cow::Borrowed(&**text),
                other => other.to_string().into(),
            };
            known.insert(what, value);
        }
        let key = template.fill(&known);
        let is_stored_as_it_is =
            key.len() <= MAX_KEY_BYTES && !key.contains(|at: char| at.is_control());
        if is_stored_as_it_is {
            return Ok(Some(key.into()));
        }
        Ok(Some(Digest::of(key.as_bytes()).to_string().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(key: Option<&str>, rate_limit: Option<RateLimit>) -> Concurrency {
        Concurrency {
            key: key.map(ToOwned::to_owned),
            max_active_runs_per_key: None,
            rate_limit,
        }
    }

    #[test]
    fn the_key_of_a_run_is_made_of_its_parameters() {
        let params = r#"{ "customer": "a b", "n": 3, "list": [1, "x"] }"#;
        let key = |text: &str| {
            of(Some(text), None)
                .key_of(params)
                .map(|key| key.expect("a key"))
        };
        assert_eq!(
            key("{{ params.customer }}/{{params.n}}").as_deref(),
            Ok("a b/3")
        );
        assert_eq!(key("{{ params.list }}").as_deref(), Ok(r#"[1,"x"]"#));
        assert_eq!(key("all").as_deref(), Ok("all"));
        assert!(matches!(
            key("{{ params.none }}"),
            Err(TemplateError::Unknown { .. })
        ));
        assert!(matches!(
            key("{{ inputs.n }}"),
            Err(TemplateError::Unknown { .. })
        ));
    }

    #[test]
    fn long_keys_and_control_characters_are_replaced_by_a_digest() {
        for customer in ["x".repeat(MAX_KEY_BYTES + 1), "a\0b".into(), "a\nb".into()] {
            let params = json!({ "c": customer }).to_string();
            let key = of(Some("{{ params.c }}"), None).key_of(&params);
            let key = key.expect("the parameter is there").expect("a key");
            assert_eq!(*key, Digest::of(customer.as_bytes()).to_string());
            assert!(key.len() <= MAX_KEY_BYTES);
        }
    }

    #[test]
    fn a_dag_without_a_key_counts_as_a_whole_if_its_rate_is_limited() {
        let rate = RateLimit {
            runs: 1,
            per: DurationMs(1),
        };
        assert_eq!(of(None, None).key_of("{}"), Ok(None));
        assert_eq!(of(None, Some(rate)).key_of("{}"), Ok(Some("".into())));
        assert_eq!(of(None, Some(rate)).max_per_key(), None);
        assert_eq!(of(Some("k"), None).max_per_key(), Some(1));
    }
}
