//! Texts with names in double braces: a program's arguments, the key of a run.

use super::MAX_ARGUMENT_BYTES;
use crate::failure_code::FailureCode;
use std::{borrow::Cow, collections::BTreeMap};

/// Why a template can't be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Braces that are not closed.
    #[error("{text:?} has {{{{ without }}}}")]
    Open {
        /// The argument.
        text: String,
    },
    /// A name that the task doesn't have.
    #[error("{text:?}: there is no {what:?}; write {{{{ inputs.NAME }}}} or {{{{ params.NAME }}}}")]
    Unknown {
        /// The argument.
        text: String,
        /// The text in the braces.
        what: String,
    },
    /// More than [`MAX_ARGUMENT_BYTES`].
    #[error(
        "the program's arguments and environment variables would have {bytes} bytes, and {MAX_ARGUMENT_BYTES} are allowed; read large inputs from standard input"
    )]
    TooLong {
        /// How many bytes they would have.
        bytes: usize,
    },
}

impl TemplateError {
    /// The code of the failure of an attempt whose program can't be started.
    pub const fn code(&self) -> FailureCode {
        match self {
            Self::Open { .. } | Self::Unknown { .. } => FailureCode::InvalidEntry,
            Self::TooLong { .. } => FailureCode::InputLimit,
        }
    }
}

/// A text with names in double braces.
pub(crate) struct Template<'a> {
    text: &'a str,
    parts: Vec<Part<'a>>,
}

enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
}

impl<'a> Template<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            parts.push(Part::Text(&rest[..at]));
            let inner = &rest[at + 2..];
            let end = inner.find("}}").ok_or_else(|| TemplateError::Open {
                text: text.to_owned(),
            })?;
            parts.push(Part::Name(inner[..end].trim()));
            rest = &inner[end + 2..];
        }
        parts.push(Part::Text(rest));
        Ok(Self { text, parts })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(what) => Some(*what),
            Part::Text(_) => None,
        })
    }

    pub(crate) fn unknown(&self, what: &str) -> TemplateError {
        TemplateError::Unknown {
            text: self.text.to_owned(),
            what: what.to_owned(),
        }
    }

    /// The parts, filled in.
    fn filled<'b>(
        &'b self,
        known: &'b BTreeMap<&str, Cow<'_, str>>,
    ) -> impl Iterator<Item = &'b str> {
        self.parts.iter().map(|part| match part {
            Part::Text(text) => *text,
            Part::Name(what) => known.get(what).map_or("", |value| &**value),
        })
    }

    pub(super) fn filled_bytes(&self, known: &BTreeMap<&str, Cow<'_, str>>) -> usize {
        let bytes = self.filled(known).map(str::len);
        bytes.fold(0, usize::saturating_add)
    }

    pub(crate) fn fill(&self, known: &BTreeMap<&str, Cow<'_, str>>) -> String {
        self.filled(known).collect()
    }
}
