//! The tasks of several versions of a DAG as rows, upstreams first.

use super::{Code, RunLengths};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};
use weft_api::GridRow;
use weft_core::{
    digest::Digest,
    document::{Dag, TaskIndex},
    id::TaskId,
};

/// How much of the digest names a list of rows, in hexadecimal digits.
const ID_CHARS: usize = 16;

/// The rows, and where each task is among them.
pub(crate) struct Rows {
    rows: Vec<GridRow>,
    positions: HashMap<TaskId, usize>,
}

impl Rows {
    /// The rows for these versions, the newest first.
    pub(crate) fn of<'d>(versions: impl Iterator<Item = &'d Dag>) -> Self {
        let mut rows = Vec::new();
        let mut positions = HashMap::new();
        // A task of a version has no upstream that only an older one has, so each order continues the one before.
        for dag in versions {
            for index in upstreams_first(dag) {
                let task = &dag.tasks[index.as_usize()];
                if positions.contains_key(&task.id) {
                    continue;
                }
                positions.insert(task.id.clone(), rows.len());
                rows.push(GridRow {
                    task: task.id.to_string(),
                    group: group_of(task.id.as_str()).map(str::to_owned),
                    mapped: !task.expand.is_empty(),
                });
            }
        }
        Self { rows, positions }
    }

    /// Names this list of rows.
    pub(crate) fn id(&self) -> String {
        let text: Vec<String> = self
            .rows
            .iter()
            .map(|row| format!("{} {}", row.task, row.mapped))
            .collect();
        Digest::of(text.join("\n").as_bytes()).hex()[..ID_CHARS].to_owned()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many of them are mapped.
    pub(crate) fn mapped(&self) -> usize {
        self.rows.iter().filter(|row| row.mapped).count()
    }

    /// The row of a task.
    pub(crate) fn position(&self, dag: &Dag, task: TaskIndex) -> Option<usize> {
        let task = dag.tasks.get(task.as_usize())?;
        self.positions.get(&task.id).copied()
    }

    /// The states of a version's tasks, in the order of the rows.
    pub(crate) fn arrange(&self, dag: &Dag, states: &RunLengths) -> RunLengths {
        let mut cells = vec![Code::ABSENT; self.rows.len()];
        for (index, code) in (0..).zip(states.iter()) {
            if let Some(position) = self.position(dag, TaskIndex(index)) {
                cells[position] = code;
            }
        }
        let mut lengths = RunLengths::default();
        for code in cells {
            lengths.push(code, 1);
        }
        lengths
    }

    pub(crate) fn into_list(self) -> Vec<GridRow> {
        self.rows
    }
}

/// The group that an id names: what is before its last dot.
pub(crate) fn group_of(id: &str) -> Option<&str> {
    id.rsplit_once('.')
        .map(|(group, _name)| group)
        .filter(|group| !group.is_empty())
}

/// The tasks of a DAG, each after its upstreams, else in the author's order.
pub(crate) fn upstreams_first(dag: &Dag) -> Vec<TaskIndex> {
    let mut missing: Vec<usize> = dag.tasks.iter().map(|task| task.upstreams.len()).collect();
    let mut downstreams: Vec<Vec<u32>> = vec![Vec::new(); dag.tasks.len()];
    let mut free = BinaryHeap::new();
    for (index, task) in (0_u32..).zip(&dag.tasks) {
        for upstream in &task.upstreams {
            downstreams[upstream.as_usize()].push(index);
        }
        if task.upstreams.is_empty() {
            free.push(Reverse(index));
        }
    }
    let mut order = Vec::with_capacity(dag.tasks.len());
    while let Some(Reverse(index)) = free.pop() {
        order.push(TaskIndex(index));
        for downstream in &downstreams[index as usize] {
            let left = &mut missing[*downstream as usize];
            *left -= 1;
            if *left == 0 {
                free.push(Reverse(*downstream));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::parse_text;
    use serde_json::{Value, json};

    fn dag(tasks: &Value) -> Dag {
        let document = json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "tasks": tasks }] });
        parse_text(&document.to_string()).unwrap()
    }

    #[test]
    fn rows_of_several_versions_have_upstreams_first_and_the_newest_at_the_top() {
        let newest =
            dag(&json!({ "z": { "after": ["g.a"] }, "g.a": {}, "new": { "after": ["z"] } }));
        let older = dag(&json!({ "old": { "after": ["z"] }, "z": {}, "g.a": {} }));
        let rows = Rows::of([&newest, &older].into_iter());
        let mut states = RunLengths::default();
        for code in [1, 2, 3] {
            states.push(Code(code), 1);
        }
        // Of the older version, whose tasks are sorted: g.a, old, z.
        let cells = rows.arrange(&older, &states).into_pairs();
        let id = rows.id();
        let list = rows.into_list();
        let tasks: Vec<&str> = list.iter().map(|row| &*row.task).collect();
        assert_eq!(tasks, ["g.a", "z", "new", "old"]);
        assert_eq!(list[0].group.as_deref(), Some("g"));
        assert_eq!(cells, [1, 1, 3, 1, 0, 1, 2, 1]);
        assert_ne!(id, Rows::of([&older].into_iter()).id());
    }

    #[test]
    fn groups_are_what_is_before_the_last_dot() {
        for (id, group) in [("a", None), ("a.b", Some("a")), ("a.b.c", Some("a.b"))] {
            assert_eq!(group_of(id), group);
        }
    }
}
