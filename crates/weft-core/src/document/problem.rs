//! Problems of a document, each with its position, its message and the fix.
//!
//! Texts from the document are shortened before they enter a message, and
//! the number of problems is bounded; a hostile document can't make its
//! refusal large.

use std::fmt;

/// How many problems are reported; the others are counted.
pub const MAX_PROBLEMS: usize = 50;

/// A position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In bytes, from 0.
    pub offset: usize,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// The kind of a problem, under a name that stays.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ProblemCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ProblemCode {
            /// Every kind, for documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

codes! {
    /// The text is no JSON or TOML.
    Syntax = "syntax",
    /// A bound on size, depth or count.
    TooLarge = "too_large",
    /// A contract that this version doesn't read.
    Contract = "contract",
    /// A duplicate key.
    DuplicateKey = "duplicate_key",
    /// A key that the contract doesn't know.
    UnknownField = "unknown_field",
    /// A field that must be there.
    MissingField = "missing_field",
    /// A value of another type.
    WrongType = "wrong_type",
    /// A value out of its range, or of a form that can't be read.
    InvalidValue = "invalid_value",
    /// A text that is no id.
    InvalidId = "invalid_id",
    /// Two DAGs, or two entries of a list, with one name.
    Duplicate = "duplicate",
    /// Fields that exclude each other.
    Conflict = "conflict",
    /// A task that doesn't exist.
    UnknownTask = "unknown_task",
    /// A parameter that doesn't exist.
    UnknownParam = "unknown_param",
    /// A task that waits for itself, directly or through others.
    Cycle = "cycle",
    /// A schedule, time zone or date that can't be read.
    Schedule = "schedule",
    /// A value that its JSON Schema refuses.
    Schema = "schema",
    /// An output that doesn't fit the input it goes to.
    EdgeType = "edge_type",
    /// A parameter of a run that must be given and isn't.
    MissingParam = "missing_param",
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Kind of the problem, as a stable code.
    pub code: ProblemCode,
    /// The field, such as `tasks.extract.retries` or `dags[0].id`; empty for the document as a whole.
    pub path: String,
    /// Where in the text, if the problem has one position.
    pub position: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

/// A document that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.render())]
pub struct DocumentError {
    /// The name of the source.
    pub name: String,
    /// In the order of the text, at least one.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl DocumentError {
    /// One line for each problem: `name:line:column: path: message (help)`.
    fn render(&self) -> String {
        let mut lines: Vec<String> = self
            .problems
            .iter()
            .map(|problem| match problem.position {
                Some(Position { line, column, .. }) => {
                    format!("{}:{line}:{column}: {problem}", self.name)
                }
                None => format!("{}: {problem}", self.name),
            })
            .collect();
        if self.more > 0 {
            lines.push(format!("{}: and {} more", self.name, self.more));
        }
        lines.join("\n")
    }
}
