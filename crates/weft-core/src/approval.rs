//! Approvals: questions that deferred task instances ask people, and the answers.
//!
//! A request comes from a guest, so everything in it is bounded; its form is a JSON Schema under the
//! same bounds as those of parameters.

use crate::{
    document::{schema_misfit, schema_problem},
    id::{IdError, OptionName},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The longest request, in bytes of JSON.
pub const MAX_REQUEST_BYTES: usize = 32 << 10;
/// The longest subject, in bytes.
pub const MAX_SUBJECT_BYTES: usize = 250;
/// The most options to choose from.
pub const MAX_OPTIONS: usize = 16;
/// The most names of people who may answer.
pub const MAX_APPROVERS: usize = 64;
/// The longest comment of an answer, in bytes.
pub const MAX_COMMENT_BYTES: usize = 4 << 10;
/// The longest values of a form, in bytes of JSON.
pub const MAX_FIELDS_BYTES: usize = 64 << 10;

/// The options of a request that names none.
pub const DEFAULT_OPTIONS: [&str; 2] = ["approve", "reject"];

/// What a task instance asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalRequest {
    /// The question in a line.
    pub subject: String,
    /// More of it, in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What can be answered: at least one option, each once.
    pub options: Vec<OptionName>,
    /// The answer where no one gave one within the timeout: one of the options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<OptionName>,
    /// The JSON Schema of an object to fill in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// The names of the tokens that may answer; everyone who may operate runs where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
}

/// The fields of a request as guests and the database write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    subject: String,
    body: Option<String>,
    options: Option<Vec<String>>,
    default: Option<String>,
    form: Option<Value>,
    approvers: Option<Vec<String>>,
}

/// Why a request was refused: the author's mistake.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Refused before it was parsed.
    #[error("it has {0} bytes; at most {MAX_REQUEST_BYTES} are allowed")]
    TooLarge(usize),
    /// No JSON, an unknown field, or a wrong type.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// Nothing is asked, or too much in a line.
    #[error("`subject` has 1 to {MAX_SUBJECT_BYTES} bytes in one line")]
    Subject,
    /// None, too many, or one twice.
    #[error("`options` are 1 to {MAX_OPTIONS} different names")]
    Options,
    /// An option's name is none.
    #[error("`options`: {0}")]
    Option(IdError),
    /// The default can't be chosen.
    #[error("`default` is one of the options")]
    Default,
    /// The form is no schema of an object.
    #[error("`form` is a JSON Schema of an object: {0}")]
    Form(String),
    /// Too many, or an empty one.
    #[error("`approvers` are at most {MAX_APPROVERS} names of tokens")]
    Approvers,
}

impl ApprovalRequest {
    /// Reads a request and checks it.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        if text.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLarge(text.len()));
        }
        let fields: Fields = serde_json::from_str(text)?;
        let is_line = !fields.subject.trim().is_empty() && !fields.subject.contains(['\n', '\r']);
        if !is_line || fields.subject.len() > MAX_SUBJECT_BYTES {
            return Err(RequestError::Subject);
        }
        let options = fields
            .options
            .unwrap_or_else(|| DEFAULT_OPTIONS.map(str::to_owned).into());
        let distinct: HashSet<&String> = options.iter().collect();
        if options.is_empty() || options.len() > MAX_OPTIONS || distinct.len() < options.len() {
            return Err(RequestError::Options);
        }
        let options = options.iter().map(|option| option.parse());
        let options: Vec<OptionName> = options
            .collect::<Result<_, _>>()
            .map_err(RequestError::Option)?;
        let default = fields.default.map(|default| {
            let mut options = options.iter();
            let chosen = options.find(|option| option.as_str() == default);
            chosen.cloned().ok_or(RequestError::Default)
        });
        if let Some(form) = &fields.form {
            let is_object = form.get("type").is_none_or(|of| of == "object");
            let problem = match form {
                Value::Object(_) if is_object => schema_problem(form),
                _ => Some("its type is not \"object\"".into()),
            };
            if let Some(problem) = problem {
                return Err(RequestError::Form(problem));
            }
        }
        let approvers = fields.approvers.unwrap_or_default();
        if approvers.len() > MAX_APPROVERS || approvers.iter().any(String::is_empty) {
            return Err(RequestError::Approvers);
        }
        Ok(Self {
            subject: fields.subject,
            body: fields.body,
            options,
            default: default.transpose()?,
            form: fields.form,
            approvers,
        })
    }

    /// The request as JSON text.
    pub fn to_json(&self) -> String {
        json!(self).to_string()
    }

    /// Whether a token of this name may answer, of those that may operate runs.
    pub fn may_answer(&self, name: &str) -> bool {
        self.approvers.is_empty() || self.approvers.iter().any(|approver| approver == name)
    }

    /// Checks an answer against the options and the form.
    ///
    /// # Errors
    /// What is wrong, for who answered.
    pub fn check(&self, answer: &Answer) -> Result<OptionName, AnswerError> {
        let mut options = self.options.iter();
        let option = options.find(|option| option.as_str() == answer.option);
        let option = option.ok_or_else(|| AnswerError::Option {
            option: answer.option.clone(),
            known: self
                .options
                .iter()
                .map(OptionName::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        let comment = answer.comment.as_deref().unwrap_or_default();
        if comment.len() > MAX_COMMENT_BYTES {
            return Err(AnswerError::Comment(comment.len()));
        }
        let fields = Value::Object(answer.fields.clone());
        let bytes = fields.to_string().len();
        if bytes > MAX_FIELDS_BYTES {
            return Err(AnswerError::Fields(bytes));
        }
        match &self.form {
            None if answer.fields.is_empty() => Ok(option.clone()),
            None => Err(AnswerError::NoForm),
            Some(form) => match schema_misfit(form, &fields) {
                None => Ok(option.clone()),
                Some(why) => Err(AnswerError::Form(why)),
            },
        }
    }
}

/// What somebody answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// One of the options.
    pub option: String,
    /// For the task and readers of the run.
    pub comment: Option<String>,
    /// The form's values.
    pub fields: Map<String, Value>,
}

/// Why an answer does not fit the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is none of the options.
    #[error("{option:?} can't be chosen: the options are {known}")]
    Option {
        /// What was answered.
        option: String,
        /// The options.
        known: String,
    },
    /// The comment is too long.
    #[error("a comment has at most {MAX_COMMENT_BYTES} bytes, and this one has {0}")]
    Comment(usize),
    /// The values are too long.
    #[error(
        "the values of a form have at most {MAX_FIELDS_BYTES} bytes of JSON, and these have {0}"
    )]
    Fields(usize),
    /// Values without a form.
    #[error("the request has no form to fill in: leave out `fields`")]
    NoForm,
    /// The values don't fit the form.
    #[error("the values don't fit the form: {0}")]
    Form(String),
}

/// The answer that an instance gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The option that was chosen.
    pub option: OptionName,
    /// Of who chose it.
    pub comment: Option<String>,
    /// The form's values.
    pub fields: Map<String, Value>,
    /// Who chose it, and when; no one where it is the default after the timeout.
    pub by: Option<(String, Timestamp)>,
}

impl Decision {
    /// What follows from a timeout.
    pub fn by_timeout(default: OptionName) -> Self {
        Self {
            option: default,
            comment: None,
            fields: Map::new(),
            by: None,
        }
    }

    /// The decision as [`crate::wait::Woken`] writes it.
    pub fn to_value(&self) -> Value {
        let (by, at) = self.by.as_ref().map_or((None, None), |(by, at)| {
            (Some(by.as_str()), Some(at.to_string()))
        });
        json!({
            "option": self.option.as_str(),
            "comment": self.comment,
            "fields": self.fields,
            "by": by,
            "at": at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &Value) -> Result<ApprovalRequest, String> {
        ApprovalRequest::parse(&text.to_string()).map_err(|error| error.to_string())
    }

    fn answer(option: &str, fields: &Value) -> Answer {
        Answer {
            option: option.into(),
            comment: None,
            fields: fields.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn a_request_is_written_and_read_back() {
        let plain = request(&json!({ "subject": "Ship it?" })).unwrap();
        let options: Vec<_> = plain.options.iter().map(OptionName::as_str).collect();
        assert_eq!(options, DEFAULT_OPTIONS);
        assert!(plain.may_answer("anybody"));
        let full = request(&json!({
            "subject": "Which region?",
            "body": "**Costs** differ.",
            "options": ["north", "south"],
            "default": "north",
            "form": { "type": "object", "properties": { "rows": { "type": "integer" } }, "required": ["rows"] },
            "approvers": ["ada"],
        }))
        .unwrap();
        assert!(full.may_answer("ada") && !full.may_answer("bob"));
        for request in [plain, full] {
            assert_eq!(ApprovalRequest::parse(&request.to_json()).unwrap(), request);
        }
    }

    #[test]
    fn what_is_wrong_with_a_request_is_named() {
        let refused = |text: Value| request(&text).unwrap_err();
        assert!(refused(json!({})).contains("subject"));
        assert!(refused(json!({ "subject": " " })).contains("`subject`"));
        assert!(refused(json!({ "subject": "a\nb" })).contains("`subject`"));
        assert!(refused(json!({ "subject": "x".repeat(251) })).contains("`subject`"));
        assert!(refused(json!({ "subject": "s", "to": 1 })).contains("unknown field `to`"));
        for options in [json!([]), json!(["a", "a"]), json!(vec!["x"; 17])] {
            assert!(refused(json!({ "subject": "s", "options": options })).contains("`options`"));
        }
        assert!(refused(json!({ "subject": "s", "options": ["a b"] })).contains("' '"));
        assert!(refused(json!({ "subject": "s", "default": "maybe" })).contains("`default`"));
        for form in [
            json!(1),
            json!({ "type": "string" }),
            json!({ "type": "object", "properties": { "x": { "type": "moon" } } }),
            json!({ "type": "object", "$ref": "https://example.org/schema" }),
        ] {
            let text = refused(json!({ "subject": "s", "form": form }));
            assert!(text.contains("`form`"), "{text}");
        }
        assert!(refused(json!({ "subject": "s", "approvers": [""] })).contains("`approvers`"));
        let long = json!({ "subject": "s", "body": "x".repeat(MAX_REQUEST_BYTES) });
        assert!(refused(long).contains("bytes"));
    }

    #[test]
    fn an_answer_is_checked_against_options_and_form() {
        let plain = request(&json!({ "subject": "s" })).unwrap();
        assert_eq!(
            plain
                .check(&answer("approve", &json!({})))
                .unwrap()
                .as_str(),
            "approve"
        );
        let unknown = plain.check(&answer("maybe", &json!({}))).unwrap_err();
        assert!(unknown.to_string().contains("approve, reject"), "{unknown}");
        let without_form = plain.check(&answer("approve", &json!({ "rows": 1 })));
        assert_eq!(without_form, Err(AnswerError::NoForm));
        let long = Answer {
            comment: Some("x".repeat(MAX_COMMENT_BYTES + 1)),
            ..answer("approve", &json!({}))
        };
        assert!(matches!(plain.check(&long), Err(AnswerError::Comment(_))));
        let form = json!({ "properties": { "rows": { "type": "integer" } }, "required": ["rows"] });
        let asked = request(&json!({ "subject": "s", "form": form })).unwrap();
        assert!(
            asked
                .check(&answer("approve", &json!({ "rows": 1 })))
                .is_ok()
        );
        for fields in [json!({}), json!({ "rows": "many" })] {
            let refused = asked.check(&answer("approve", &fields));
            assert!(matches!(refused, Err(AnswerError::Form(_))), "{refused:?}");
        }
        let large = json!({ "rows": 1, "more": "x".repeat(MAX_FIELDS_BYTES) });
        let refused = asked.check(&answer("approve", &large));
        assert!(matches!(refused, Err(AnswerError::Fields(_))));
    }
}
