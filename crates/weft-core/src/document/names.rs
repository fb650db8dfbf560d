//! The names that the tasks of a DAG may use: tasks, parameters and inputs.

use super::{
    Param, ProblemCode, TaskIndex,
    collect::Problems,
    fields::{Entries, check_name, did_you_mean},
    groups::{Group, Groups},
    path::{At, Path},
};
use std::collections::{HashMap, HashSet};

/// Who wrote the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Described {
    /// A component, whose own tasks need no file.
    ByComponent,
    /// A person.
    ByHand,
}

/// The names that a DAG's tasks may use.
pub(crate) struct Names<'n> {
    tasks: HashMap<&'n str, TaskIndex>,
    order: Entries<'n>,
    params: HashSet<&'n str>,
    described: Described,
    /// Set once they are read: their lists name tasks.
    groups: Groups,
}

impl<'n> Names<'n> {
    pub(crate) fn new(tasks: Entries<'n>, params: &'n [Param], described: Described) -> Self {
        let index = |at: usize| {
            TaskIndex(u32::try_from(at).expect("the tree holds at most MAX_TASKS tasks"))
        };
        Self {
            tasks: tasks
                .iter()
                .enumerate()
                .map(|(at, (name, _))| (&**name, index(at)))
                .collect(),
            order: tasks,
            params: params.iter().map(|param| &*param.name).collect(),
            described,
            groups: Groups::default(),
        }
    }

    pub(crate) fn set_groups(&mut self, groups: Groups) {
        self.groups = groups;
    }

    pub(crate) fn into_groups(self) -> Groups {
        self.groups
    }

    /// The mapped group of a task, and its position.
    pub(crate) fn group_of(&self, task: &str) -> Option<(u32, &Group)> {
        self.groups.of_task(task)
    }

    pub(crate) fn task(&self, name: &str) -> Option<TaskIndex> {
        self.tasks.get(name).copied()
    }

    /// Whether a person wrote the document.
    pub(crate) fn by_hand(&self) -> bool {
        self.described == Described::ByHand
    }

    pub(crate) fn has_param(&self, name: &str) -> bool {
        self.params.contains(name)
    }

    /// The task with the most similar name, among a bounded number.
    pub(crate) fn suggest_task(&self, name: &str) -> Option<String> {
        did_you_mean(
            name,
            self.order
                .iter()
                .take(MAX_COMPARED)
                .map(|(name, _)| &**name),
        )
    }

    pub(crate) fn suggest_param(&self, name: &str) -> Option<String> {
        did_you_mean(name, self.params.iter().copied().take(MAX_COMPARED))
    }
}

/// How many names a wrong one is compared with.
const MAX_COMPARED: usize = 10_000;

/// Whether a name of a parameter or input can be used.
pub(crate) fn check_param_name(name: &str, path: &Path<'_>, problems: &Problems) -> bool {
    match check_name(name) {
        Ok(()) => true,
        Err(why) => {
            problems.add(At::Key, path, ProblemCode::InvalidValue, why, None);
            false
        }
    }
}
