//! Kinds of blobs, which are stored and collected apart.

use std::fmt;

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A file as its author deployed it.
    Component,
    /// Code compiled from a component.
    Compiled,
    /// What a task returned, where it is large: JSON.
    Output,
    /// What a task wrote as a stream of bytes.
    Artifact,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 4] = [
        Self::Component,
        Self::Compiled,
        Self::Output,
        Self::Artifact,
    ];

    /// Its name in paths and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Compiled => "compiled",
            Self::Output => "output",
            Self::Artifact => "artifact",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
