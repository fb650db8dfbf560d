//! What a branching task decides: which of its direct downstreams go on.

use crate::task::TaskDef;

/// The choice of a task with `#[task(branch)]`. Direct downstreams that are
/// not chosen are skipped, and what hangs on them follows its trigger rule.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn small(n: u64) -> u64 { n }
/// #[task]
/// fn large(n: u64) -> u64 { n }
///
/// #[task(branch)]
/// fn by_size(n: u64) -> Result<Branch> {
///     Ok(if n < 10 { Branch::to::<small>() } else { Branch::to::<large>() })
/// }
///
/// assert_eq!(by_size(3).unwrap().tasks(), ["small"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch<T = ()> {
    pub(crate) tasks: Vec<String>,
    pub(crate) output: T,
}

impl Branch {
    /// No downstream goes on.
    pub const fn none() -> Self {
        Self {
            tasks: Vec::new(),
            output: (),
        }
    }

    /// The task of this function goes on, by the id that it has unless a call gives it another.
    pub fn to<D: TaskDef>() -> Self {
        Self::to_id(D::NAME)
    }

    /// The task of this id goes on.
    pub fn to_id(id: impl Into<String>) -> Self {
        Self {
            tasks: vec![id.into()],
            output: (),
        }
    }

    /// Gives the branching task an output besides its choice.
    pub fn with_output<T>(self, output: T) -> Branch<T> {
        Branch {
            tasks: self.tasks,
            output,
        }
    }
}

impl<T> Branch<T> {
    /// This task goes on as well.
    #[must_use]
    pub fn and<D: TaskDef>(self) -> Self {
        self.and_id(D::NAME)
    }

    /// The task of this id goes on as well.
    #[must_use]
    pub fn and_id(mut self, id: impl Into<String>) -> Self {
        let id = id.into();
        if !self.tasks.contains(&id) {
            self.tasks.push(id);
        }
        self
    }

    /// The ids that go on, once each.
    pub fn tasks(&self) -> &[String] {
        &self.tasks
    }

    /// The output besides the choice.
    pub fn output(&self) -> &T {
        &self.output
    }
}
