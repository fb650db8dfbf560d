//! Problems: one table of stable codes ([`Code`]), each with its HTTP status and its exit code
//! ([`Exit`]), and the messages that carry one.
//!
//! A server answers with a [`ProblemBody`]. The command line ends with
//! [`Problems`]: what happened, where (a file, and in it a line where there is
//! one) and what to do next. They hold no rendering; `wfctl` draws them.

mod body;
mod code;
mod exit;

pub use {
    body::{ProblemBody, ProblemDetail},
    code::Code,
    exit::Exit,
};

use std::{fmt, ops::Range, path::Path, sync::Arc};

/// The media type of a [`ProblemBody`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Where in a file the problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file's name as the user wrote it.
    pub path: String,
    /// The whole text of the file.
    pub source: Arc<str>,
    /// The bytes that are wrong.
    pub span: Range<usize>,
    /// Shown beside the caret.
    pub label: String,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem.
    pub code: Code,
    /// What happened, in one sentence without a full stop.
    pub message: String,
    /// Where, if it is about a line of a file. Boxed, since most problems have none and a
    /// result should stay small.
    pub location: Option<Box<Location>>,
    /// Facts that explain the message.
    pub notes: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without a location and without help.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            location: None,
            notes: Vec::new(),
            help: None,
        }
    }

    /// With what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With one more fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With its location.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(Box::new(location));
        self
    }

    /// A failed operation (`read`, `write`) on a file.
    pub fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        let shown = path.display();
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                Self::new(Code::FileNotFound, format!("there is no file {shown}"))
            }
            std::io::ErrorKind::PermissionDenied => Self::new(
                Code::Unreadable,
                format!("no permission to {doing} {shown}"),
            )
            .help("check the owner and the mode of the file and of the folders above it"),
            _ => Self::new(Code::Unreadable, format!("can't {doing} {shown}: {error}")),
        }
    }
}

/// The problems that a failed command ends with: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `None` for an empty list.
    pub fn from_list(list: Vec<Problem>) -> Option<Self> {
        (!list.is_empty()).then_some(Self(list))
    }

    /// In the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// The exit of the first problem, which is the one that people read first.
    pub fn exit(&self) -> Exit {
        self.0
            .first()
            .map_or(Exit::Failed, |first| first.code.exit())
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}
