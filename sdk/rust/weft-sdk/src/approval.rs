//! Questions to people, and their answers.

use crate::{
    error::{Error, Explain, Result},
    wait::{self, Wait},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A question to people, for [`ask`].
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is asked before `ask` is returned"]
pub struct Approval {
    pub(crate) subject: String,
    more: Map<String, Value>,
    has_default: bool,
    /// What went wrong while it was put together; said when it is asked.
    fault: Option<String>,
}

impl Approval {
    /// This question in a line, to be answered with `approve` or `reject`.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            more: Map::new(),
            has_default: false,
            fault: None,
        }
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// More of the question, in Markdown.
    pub fn body(self, text: impl Into<String>) -> Self {
        self.with("body", text.into().into())
    }

    /// What can be answered.
    pub fn options<S: Into<String>>(self, options: impl IntoIterator<Item = S>) -> Self {
        let options: Vec<String> = options.into_iter().map(Into::into).collect();
        self.with("options", options.into())
    }

    /// The answer where no one gives one within the timeout.
    pub fn default_option(mut self, option: impl Into<String>) -> Self {
        self.has_default = true;
        self.with("default", option.into().into())
    }

    /// The JSON Schema of an object to fill in.
    pub fn form(mut self, schema: impl Serialize) -> Self {
        match serde_json::to_value(schema) {
            Ok(schema) => self.with("form", schema),
            Err(error) => {
                self.fault = Some(format!("the form is no JSON: {error}"));
                self
            }
        }
    }

    /// The names of the tokens that may answer; without them all that may operate runs.
    pub fn approvers<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.with("approvers", names.into())
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut document = self.more.clone();
        document.insert("subject".to_owned(), self.subject.as_str().into());
        Value::Object(document)
    }
}

/// Like [`defer_until_event`](crate::defer_until_event), until somebody answers.
///
/// ```
/// use std::time::Duration;
/// use weft::prelude::*;
///
/// #[task]
/// fn release(ctx: Context, version: String) -> Result<String> {
///     let Some(woken) = ctx.woken() else {
///         let question = Approval::new(format!("Release {version}?")).default_option("reject");
///         return ask(question, Some(Duration::from_secs(24 * 3600)), &());
///     };
///     let decision = woken.decision()?;
///     if !decision.is_approved() {
///         return skip(decision.comment().unwrap_or("it was not approved"));
///     }
///     Ok(version)
/// }
///
/// let ending = release(Context::test(), "7".into()).unwrap_err();
/// assert_eq!(ending.asked(), Some("Release 7?"));
/// let approved = Context::test().with_decision("approve", ());
/// assert_eq!(release(approved, "7".into()).unwrap(), "7");
/// let rejected = Context::test().with_decision("reject", ());
/// assert!(release(rejected, "7".into()).unwrap_err().is_skip());
/// ```
///
/// # Errors
/// The form is no JSON, or there is a default without a timeout; both permanent.
pub fn ask<T>(question: Approval, timeout: Option<Duration>, state: &impl Serialize) -> Result<T> {
    if let Some(fault) = question.fault {
        return Err(Error::permanent(fault));
    }
    if question.has_default && timeout.is_none() {
        return Err(Error::permanent(
            "the default of an approval is the answer after the timeout: give one",
        ));
    }
    wait::defer(Wait::Approval(question), timeout, state)
}

/// The answer to what a task asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision(pub(crate) Value);

impl Decision {
    /// The option that was chosen.
    pub fn option(&self) -> &str {
        self.0["option"].as_str().unwrap_or_default()
    }

    /// Whether that is `approve`.
    pub fn is_approved(&self) -> bool {
        self.option() == "approve"
    }

    /// What who chose it wrote.
    pub fn comment(&self) -> Option<&str> {
        self.0["comment"].as_str()
    }

    /// The name of the token that chose it; none where it is the default after the timeout.
    pub fn by(&self) -> Option<&str> {
        self.0["by"].as_str()
    }

    /// The form's values.
    ///
    /// # Errors
    /// They are no `T`; permanent.
    pub fn fields<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.0["fields"])
            .explain("the values of the form")
            .permanent()
    }
}

/// The document of an answer, for tests.
#[cfg_attr(
    target_family = "wasm",
    expect(
        dead_code,
        reason = "contexts of tests are made on the author's machine"
    )
)]
pub(crate) fn decided(option: &str, fields: impl Serialize) -> Value {
    let fields = serde_json::to_value(fields).expect("fields are JSON");
    let fields = if fields.is_null() { json!({}) } else { fields };
    assert!(fields.is_object(), "fields are by name, not {fields}");
    json!({ "approval": { "option": option, "comment": null, "fields": fields, "by": "test", "at": null } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{task::Outcome, woken::Woken};

    #[test]
    fn a_question_is_written_as_the_contract_says() {
        let question = Approval::new("Ship it?")
            .body("**now**")
            .options(["ship", "wait"])
            .default_option("wait")
            .form(json!({ "type": "object" }))
            .approvers(["ada"]);
        let timeout = Some(Duration::from_secs(5));
        let Outcome::Control(text) =
            Outcome::of(|| ask::<()>(question, timeout, &1).map(|()| unreachable!("it defers")))
        else {
            panic!("it is a control document");
        };
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({
                "kind": "defer",
                "approval": {
                    "subject": "Ship it?", "body": "**now**", "options": ["ship", "wait"],
                    "default": "wait", "form": { "type": "object" }, "approvers": ["ada"],
                },
                "timeout_ms": 5000, "state": 1,
            })
        );
        let endless = ask::<()>(Approval::new("s").default_option("reject"), None, &());
        let error = endless.unwrap_err();
        assert!(
            !error.is_retryable() && error.to_string().contains("timeout"),
            "{error}"
        );
    }

    #[test]
    fn an_answer_has_what_the_form_was_filled_with() {
        let woken = Woken(decided("ship", json!({ "rows": 3 })));
        let decision = woken.decision().unwrap();
        assert_eq!((decision.option(), decision.by()), ("ship", Some("test")));
        assert!(!decision.is_approved());
        let fields: std::collections::BTreeMap<String, u32> = decision.fields().unwrap();
        assert_eq!(fields["rows"], 3);
        let late = Woken(json!({ "timeout": true })).decision().unwrap_err();
        assert_eq!(late.to_string(), "no one answered in time");
        assert!(!late.is_retryable());
    }
}
