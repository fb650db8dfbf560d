//! Collects problems while a document is read. Positions are found afterwards, and
//! only if there are problems.

use super::{
    DocumentError, MAX_PROBLEMS, Position, Problem, ProblemCode, Source,
    lines::Lines,
    locate::locate,
    memory::Memory,
    path::{At, Path, Segment, show},
};
use std::cell::RefCell;

/// A problem whose position isn't known yet.
#[derive(Debug)]
struct Found {
    problem: Problem,
    place: Option<(Vec<Segment>, At)>,
}

/// The problems found so far; shared by reference among the readers of one document,
/// and with it the memory that they may take.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) memory: Memory,
    found: RefCell<Vec<Found>>,
    more: RefCell<usize>,
}

impl Problems {
    /// Adds a problem about a path.
    pub(crate) fn add(
        &self,
        at: At,
        path: &Path<'_>,
        code: ProblemCode,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        let segments = path.segments();
        let problem = Problem {
            code,
            path: show(&segments),
            position: None,
            message: message.into(),
            help,
        };
        self.found.borrow_mut().push(Found {
            problem,
            place: Some((segments, at)),
        });
    }

    /// Adds a problem whose position is known, or that has none.
    pub(crate) fn add_at(
        &self,
        position: Option<Position>,
        code: ProblemCode,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        let problem = Problem {
            code,
            path: String::new(),
            position,
            message: message.into(),
            help,
        };
        self.found.borrow_mut().push(Found {
            problem,
            place: None,
        });
    }

    /// Whether enough are stored: further ones are only counted, and need no message.
    pub(crate) fn has_enough(&self) -> bool {
        self.found.borrow().len() >= MAX_PROBLEMS
    }

    /// Counts a problem beyond those that are stored.
    fn is_full(&self) -> bool {
        let full = self.has_enough();
        if full {
            *self.more.borrow_mut() += 1;
        }
        full
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The problems without positions, for values that come from no text.
    pub(crate) fn into_list(self) -> Vec<Problem> {
        self.found
            .into_inner()
            .into_iter()
            .map(|found| found.problem)
            .collect()
    }

    /// The refusal, with positions, in the order of the text.
    pub(crate) fn into_error(self, source: Source<'_>) -> DocumentError {
        let mut found = self.found.into_inner();
        let wanted: Vec<_> = found
            .iter()
            .map(|found| {
                found
                    .place
                    .as_ref()
                    .map(|(path, at)| (path.as_slice(), *at))
            })
            .collect();
        let offsets = locate(source, &wanted);
        let lines = Lines(source.text);
        for (found, offset) in found.iter_mut().zip(offsets) {
            if let Some(offset) = offset {
                found.problem.position = Some(lines.position(offset));
            }
        }
        let mut problems: Vec<_> = found.into_iter().map(|found| found.problem).collect();
        // Stable: problems without a position come first, then the order of the text.
        problems.sort_by_key(|problem| problem.position);
        DocumentError {
            name: source.name.to_owned(),
            problems,
            more: self.more.into_inner(),
        }
    }
}
