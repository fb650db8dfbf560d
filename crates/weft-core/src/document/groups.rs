//! `groups`: task groups that are mapped, so that all their tasks have one instance for each element.
//!
//! A group is the first part of its tasks' ids: `load.fetch` and `load.store` are the group `load`.

use super::{
    Binding, Elements, ProblemCode,
    binding::{Mapped, check_list, read_expansions},
    collect::Problems,
    fields::{Entries, Fields},
    names::Names,
    path::{At, Path, quoted},
    tree::Node,
};
use crate::id::TaskId;
use std::collections::{HashMap, HashSet};

/// The fields of a mapped group.
pub(crate) const GROUP_KEYS: &[&str] = &["expand", "zip"];

/// The mapped groups of a DAG.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    all: Vec<Group>,
    by_name: HashMap<String, u32>,
}

/// A mapped group: what each of its tasks is mapped over.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// The names of its lists, also of those that can't be read.
    pub(crate) lists: Vec<String>,
    pub(crate) expand: Vec<(String, Binding)>,
    pub(crate) elements: Vec<Elements>,
    pub(crate) zip: bool,
    /// What a copy of it takes, by the estimate of its reading.
    pub(crate) bytes: usize,
}

impl Groups {
    /// The group that a task is mapped with, and its position.
    pub(crate) fn of_task(&self, id: &str) -> Option<(u32, &Group)> {
        if self.all.is_empty() {
            return None;
        }
        let position = prefixes(id).find_map(|prefix| self.by_name.get(prefix))?;
        Some((*position, &self.all[*position as usize]))
    }

    pub(crate) fn into_names(self) -> Vec<String> {
        self.all.into_iter().map(|group| group.name).collect()
    }
}

/// The groups that a task or group is within, the outermost first.
fn prefixes(id: &str) -> impl Iterator<Item = &str> {
    id.match_indices('.').map(|(at, _)| &id[..at])
}

/// Reads the mapped groups of a DAG with these tasks.
pub(crate) fn read_groups(head: &Fields<'_>, tasks: Entries<'_>, names: &Names<'_>) -> Groups {
    let mut groups = Groups::default();
    let entries = head.table("groups", "a table of mapped task groups by name");
    if entries.is_empty() {
        return groups;
    }
    let memory = &head.problems.memory;
    if !memory.take_list(tasks.len(), size_of::<&str>() * 4) {
        return groups;
    }
    let with_tasks: HashSet<&str> = tasks.iter().flat_map(|(id, _)| prefixes(id)).collect();
    let given: HashSet<&str> = entries.iter().map(|(name, _)| &**name).collect();
    let table = Path::Key(head.path, "groups");
    for (name, node) in entries {
        let path = Path::Key(&table, name);
        if !memory.take_text(2 * name.len() + size_of::<Group>()) {
            break;
        }
        check_name(name, &path, &with_tasks, head.problems);
        if let Some(outer) = prefixes(name).find(|outer| given.contains(outer)) {
            let message = format!("the group is within the mapped group {}", quoted(outer));
            let help = "map one of the two; let a task of the group call another DAG for each element of an inner list".to_owned();
            head.problems
                .add(At::Key, &path, ProblemCode::Conflict, message, Some(help));
        }
        let mut group = Group {
            name: name.clone().into_owned(),
            ..Group::default()
        };
        let expected = "a table with `expand`";
        if let Some(fields) = Fields::open(node, &path, GROUP_KEYS, head.problems, expected) {
            read_group(&fields, &mut group, tasks, names);
        }
        let position = u32::try_from(groups.all.len()).expect("the tree bounds the groups");
        groups.by_name.insert(name.clone().into_owned(), position);
        groups.all.push(group);
    }
    groups
}

fn read_group(fields: &Fields<'_>, group: &mut Group, tasks: Entries<'_>, names: &Names<'_>) {
    let memory = &fields.problems.memory;
    let before = memory.left();
    (group.expand, group.elements) = read_expansions(fields, names);
    group.zip = fields.flag("zip").unwrap_or_default();
    let is_none = match fields.get("expand") {
        Some(Node::Table(lists)) => {
            let lists = lists.iter().map(|(name, _)| name.clone().into_owned());
            group.lists = lists.collect();
            group.lists.is_empty()
        }
        Some(_) => false,
        None => true,
    };
    if is_none {
        let message = "a mapped group is mapped over at least one list";
        let help =
            "add expand = { file = \"files\" }, where the task `files` returns a list".to_owned();
        fields.problem_here(ProblemCode::MissingField, message, Some(help));
    }
    group.bytes = before - memory.left();
    check_lists(fields, group, tasks);
}

fn check_name(name: &str, path: &Path<'_>, with_tasks: &HashSet<&str>, problems: &Problems) {
    let (code, message, help) = match name.parse::<TaskId>() {
        Err(error) => (ProblemCode::InvalidId, error.to_string(), None),
        Ok(_) if !with_tasks.contains(name) => {
            let message = format!("no task is in the group {}", quoted(name));
            let help = format!(
                "a task is in it whose id begins with {}, such as {}",
                quoted(&format!("{name:.60}.")),
                quoted(&format!("{name:.60}.fetch"))
            );
            (ProblemCode::UnknownTask, message, Some(help))
        }
        Ok(_) => return,
    };
    problems.add(At::Key, path, code, message, help);
}

/// Leaves out lists that come from the group's own tasks, which would wait for themselves.
fn check_lists(fields: &Fields<'_>, group: &mut Group, tasks: Entries<'_>) {
    let table = Path::Key(fields.path, "expand");
    let name = &group.name;
    let mut is_kept = Vec::with_capacity(group.expand.len());
    for (element, binding) in &group.expand {
        let path = Path::Key(&table, element);
        check_list(binding, Mapped::Group, &path, fields.problems);
        let upstream = binding
            .upstream()
            .and_then(|upstream| tasks.get(upstream.as_usize()));
        let own = upstream.filter(|(upstream, _)| prefixes(upstream).any(|of| of == name));
        if let Some((upstream, _)) = own {
            let message = format!(
                "the list comes from {}, a task of the group itself",
                quoted(upstream)
            );
            let help = "move that task out of the group".to_owned();
            fields
                .problems
                .add(At::Value, &path, ProblemCode::Cycle, message, Some(help));
        }
        is_kept.push(own.is_none());
    }
    let mut kept = is_kept.iter();
    group.expand.retain(|_| kept.next() == Some(&true));
    let mut kept = is_kept.iter();
    group.elements.retain(|_| kept.next() == Some(&true));
}
