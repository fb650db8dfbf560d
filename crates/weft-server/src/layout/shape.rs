//! The graph of a DAG before its layout: tasks, groups that are closed as one box each, edges
//! between boxes.

use super::Open;
use crate::grid::{group_of, upstreams_first};
use std::collections::{BTreeMap, HashMap, HashSet};
use weft_core::document::Dag;

/// The most edges of a drawing.
const MAX_EDGES: usize = 50_000;

/// Boxes and edges.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Boxes, upstreams first.
    pub(super) nodes: Vec<Node>,
    /// From one box to another, once each.
    pub(super) edges: Vec<(u32, u32)>,
    /// Groups that are open, outer ones first.
    pub(super) groups: Vec<Group>,
    /// There are more edges.
    pub(super) truncated: bool,
}

/// A task or a closed group.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: String,
    /// Of a closed group.
    pub(super) tasks: Option<u32>,
}

/// An open group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: String,
    /// The boxes within it, also those of inner groups.
    pub(super) members: Vec<u32>,
    /// How many groups are within one another here, itself included.
    pub(super) height: u32,
}

impl Shape {
    pub(super) fn of(dag: &Dag, open: &Open) -> Self {
        let mut shape = Self::default();
        let mut boxes: HashMap<String, u32> = HashMap::new();
        let mut box_of: Vec<u32> = vec![0; dag.tasks.len()];
        let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let order = upstreams_first(dag);
        for index in &order {
            let id = dag.tasks[index.as_usize()].id.as_str();
            let outer: Vec<&str> = outer_groups(id);
            let closed = outer.iter().find(|group| !open.is_open(dag, group));
            let name = closed.copied().unwrap_or(id);
            let key = format!("{} {name}", closed.is_some());
            let next = u32::try_from(shape.nodes.len()).expect("no more boxes than tasks");
            let node = *boxes.entry(key).or_insert_with(|| {
                shape.nodes.push(Node {
                    id: name.to_owned(),
                    tasks: closed.map(|_group| 0),
                });
                next
            });
            if let Some(count) = &mut shape.nodes[node as usize].tasks {
                *count += 1;
            }
            box_of[index.as_usize()] = node;
            for group in outer.iter().take_while(|group| Some(*group) != closed) {
                let members = groups.entry((*group).to_owned()).or_default();
                if members.last() != Some(&node) && !members.contains(&node) {
                    members.push(node);
                }
            }
        }
        shape.groups = with_heights(&groups);
        shape.add_edges(dag, &order, &box_of);
        shape
    }

    fn add_edges(&mut self, dag: &Dag, order: &[weft_core::document::TaskIndex], box_of: &[u32]) {
        let mut seen = HashSet::new();
        for index in order {
            let to = box_of[index.as_usize()];
            for upstream in &dag.tasks[index.as_usize()].upstreams {
                let from = box_of[upstream.as_usize()];
                if from == to || !seen.insert((from, to)) {
                    continue;
                }
                if self.edges.len() == MAX_EDGES {
                    self.truncated = true;
                    return;
                }
                self.edges.push((from, to));
            }
        }
    }
}

/// The groups that an id is in, the outermost first.
fn outer_groups(id: &str) -> Vec<&str> {
    let mut groups: Vec<&str> =
        std::iter::successors(group_of(id), |group| group_of(group)).collect();
    groups.reverse();
    groups
}

fn with_heights(groups: &BTreeMap<String, Vec<u32>>) -> Vec<Group> {
    let names: Vec<String> = groups.keys().cloned().collect();
    let height = |id: &str| {
        let depth = |name: &str| name.matches('.').count();
        let inner = names.iter().filter(|name| {
            name.strip_prefix(id)
                .is_some_and(|rest| rest.starts_with('.'))
        });
        let deepest = inner.map(|name| depth(name)).max().unwrap_or(depth(id));
        u32::try_from(deepest - depth(id) + 1).unwrap_or(1)
    };
    groups
        .iter()
        .map(|(id, members)| Group {
            id: id.clone(),
            members: members.clone(),
            height: height(id),
        })
        .collect()
}
