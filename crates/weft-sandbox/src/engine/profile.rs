//! The profiles of engines.

/// The kind of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Profile {
    /// Bounded by CPU time; the default.
    Fast,
    /// The same instructions give the same results and cost the same fuel on
    /// every machine.
    Deterministic,
    /// Bounded by CPU time, for guests whose `run` is async: several of their
    /// calls may run at once.
    Concurrent,
}

impl Profile {
    /// Every profile.
    pub(crate) const ALL: [Self; 3] = [Self::Fast, Self::Deterministic, Self::Concurrent];

    /// A stable name, for arguments and for the cache's keys.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Deterministic => "deterministic",
            Self::Concurrent => "concurrent",
        }
    }

    /// The profile of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}
