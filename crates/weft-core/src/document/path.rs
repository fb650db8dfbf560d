//! Paths within a document, as keys and indexes from the root.
//!
//! While reading, a path is a chain of borrowed links on the stack, so that
//! the way through a good document allocates nothing.

use std::fmt::{self, Write as _};

/// A chain of links up to the root.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'p> {
    /// The document.
    Root,
    /// A key of a table.
    Key(&'p Path<'p>, &'p str),
    /// A position in a list.
    Index(&'p Path<'p>, usize),
}

/// One step down from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

impl Path<'_> {
    /// The steps from the root.
    pub(crate) fn segments(&self) -> Vec<Segment> {
        let mut segments = Vec::new();
        let mut here = self;
        loop {
            match here {
                Path::Root => break,
                Path::Key(up, key) => {
                    segments.push(Segment::Key((*key).to_owned()));
                    here = up;
                }
                Path::Index(up, index) => {
                    segments.push(Segment::Index(*index));
                    here = up;
                }
            }
        }
        segments.reverse();
        segments
    }
}

/// The longest key shown in a path, in characters.
const MAX_SHOWN_KEY: usize = 100;

/// The steps as people write them: `tasks.extract.retries`, `dags[0].tasks."odd key"`.
pub(crate) fn show(segments: &[Segment]) -> String {
    let mut text = String::new();
    for segment in segments {
        match segment {
            Segment::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
                if !key.is_empty() && key.len() <= MAX_SHOWN_KEY && key.chars().all(plain) {
                    text.push_str(key);
                } else {
                    text.push_str(&quoted(key));
                }
            }
            Segment::Index(index) => write!(text, "[{index}]").expect("a String takes every text"),
        }
    }
    text
}

/// A text of the document in quotes, escaped and short enough for a message.
pub(crate) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN_KEY).collect();
    if short.len() < text.len() {
        format!("{short:?}…")
    } else {
        format!("{short:?}")
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(&self.segments()))
    }
}

/// The part of a path that a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The last key.
    Key,
    /// The second occurrence of the last key.
    SecondKey,
    /// The value.
    Value,
}
