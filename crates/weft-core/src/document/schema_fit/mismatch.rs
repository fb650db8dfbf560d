//! Where and how two types differ.

use std::fmt;

/// Where two types differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The path within the type, such as `[].place`; empty for the whole.
    pub(crate) path: String,
    /// What the producer gives there.
    pub(crate) gives: String,
    /// What the consumer wants there.
    pub(crate) wants: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`, ", self.path.trim_start_matches('.'))?;
        }
        write!(f, "it gives {}, and {} is wanted", self.gives, self.wants)
    }
}

impl Mismatch {
    pub(super) fn below(mut self, step: &str) -> Self {
        // Deep paths are cut at the front; the last steps say most.
        if self.path.len() < 500 {
            self.path.insert_str(0, step);
        }
        self
    }
}
