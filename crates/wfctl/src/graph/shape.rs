//! The graph that all drawings of a DAG share: its tasks, their kinds, and the edges.

use weft_core::{
    document::{Code, Dag, Task, TaskIndex},
    trigger_rule::TriggerRule,
};

/// A DAG reduced to what is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) id: String,
    pub(crate) description: Option<String>,
    /// In the author's order.
    pub(crate) nodes: Vec<Node>,
    /// Sorted by their upstream, then their downstream; each pair once.
    pub(crate) edges: Vec<Edge>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) description: Option<String>,
    pub(crate) kind: Kind,
    /// One instance for each element of a list.
    pub(crate) mapped: bool,
    pub(crate) branch: bool,
    /// Named only where it is not the usual one.
    pub(crate) rule: Option<&'static str>,
}

/// What a task executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    Program,
}

/// One task before another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Whether an output travels along it, or only order.
    pub(crate) data: bool,
}

impl Shape {
    /// The shape of a DAG.
    pub(crate) fn of(dag: &Dag) -> Self {
        let mut edges: Vec<Edge> = dag
            .tasks
            .iter()
            .enumerate()
            .flat_map(|(to, task)| {
                task.upstreams.iter().map(move |from| Edge {
                    from: from.0 as usize,
                    to,
                    data: reads(task, from.0),
                })
            })
            .collect();
        edges.sort();
        Self {
            id: dag.id.to_string(),
            description: dag.description.clone(),
            nodes: dag.tasks.iter().map(Node::of).collect(),
            edges,
        }
    }

    /// The edges without those that a longer way implies, for drawings that have
    /// no room for them. Costs nodes times edges, so it is for small shapes.
    pub(crate) fn essential_edges(&self) -> Vec<&Edge> {
        let mut down = vec![Vec::new(); self.nodes.len()];
        for edge in &self.edges {
            down[edge.from].push(edge.to);
        }
        let reaches = |from: usize, to: usize| {
            let mut seen = vec![false; self.nodes.len()];
            let mut open: Vec<usize> = down[from]
                .iter()
                .copied()
                .filter(|next| *next != to)
                .collect();
            while let Some(node) = open.pop() {
                if node == to {
                    return true;
                }
                if !std::mem::replace(&mut seen[node], true) {
                    open.extend(&down[node]);
                }
            }
            false
        };
        self.edges
            .iter()
            .filter(|edge| !reaches(edge.from, edge.to))
            .collect()
    }

    /// How many edges lead to each node at most from a root: the layer it is drawn in.
    pub(crate) fn layers(&self) -> Vec<Vec<usize>> {
        let mut depth = vec![0_usize; self.nodes.len()];
        let mut waiting = vec![0_usize; self.nodes.len()];
        let mut down = vec![Vec::new(); self.nodes.len()];
        for edge in &self.edges {
            waiting[edge.to] += 1;
            down[edge.from].push(edge.to);
        }
        let mut open: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| waiting[node] == 0)
            .collect();
        while let Some(node) = open.pop() {
            for &next in &down[node] {
                depth[next] = depth[next].max(depth[node] + 1);
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    open.push(next);
                }
            }
        }
        let mut layers = vec![Vec::new(); depth.iter().max().map_or(0, |most| most + 1)];
        for (node, depth) in depth.into_iter().enumerate() {
            layers[depth].push(node);
        }
        layers
    }
}

impl Node {
    fn of(task: &Task) -> Self {
        Self {
            id: task.id.to_string(),
            description: task.description.clone(),
            kind: match task.code {
                Code::Own { .. } | Code::Component { .. } => Kind::Task,
                Code::Program(_) => Kind::Program,
            },
            mapped: !task.expand.is_empty(),
            branch: task.branch,
            rule: (task.rule_name() != TriggerRule::AllSuccess.name()).then(|| task.rule_name()),
        }
    }

    /// Words below the id.
    pub(crate) fn tags(&self) -> Vec<&'static str> {
        let mut tags = Vec::new();
        if self.mapped {
            tags.push("mapped");
        }
        if self.branch {
            tags.push("branch");
        }
        if self.kind == Kind::Program {
            tags.push("program");
        }
        tags.extend(self.rule);
        tags
    }
}

fn reads(task: &Task, upstream: u32) -> bool {
    task.inputs
        .iter()
        .chain(&task.expand)
        .any(|(_, binding)| binding.upstream() == Some(TaskIndex(upstream)))
}
