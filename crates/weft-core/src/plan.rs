//! A validated DAG in the form that runs use: tasks and edges as indexes.
//!
//! Made once per DAG version and shared by all its runs behind an `Arc`. It
//! holds everything about the DAG that the run state machine needs and nothing
//! else: no code, no bindings, no limits of the sandbox. Always acyclic.

mod branch;
mod order;
mod step;

use crate::{
    document::{Binding, Dag, TaskIndex},
    retry::RetryPolicy,
    teardown::Teardowns,
    time::DurationMs,
};
pub(crate) use branch::NotAChoice;
use order::Adjacency;
pub use step::{Bounds, Mapping, PlanError, Step};

/// The installation's defaults for fields that a document leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// For each field of it that a task doesn't set.
    pub retry: RetryPolicy,
    /// The longest a run may take; without one it may take for ever.
    pub run_timeout: Option<DurationMs>,
    /// How often an instance is tried again after its worker was lost. Apart
    /// from the author's retries, which are for the author's errors.
    pub max_losses: u32,
    /// How often an instance may defer itself.
    pub max_deferrals: u32,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            run_timeout: None,
            max_losses: 3,
            max_deferrals: 1000,
        }
    }
}

/// A DAG as runs use it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) downstreams: Adjacency,
    /// The position of each task in one fixed topological order.
    pub(crate) ranks: Vec<u32>,
    /// The task at each position.
    pub(crate) by_rank: Vec<TaskIndex>,
    /// For branch tasks: which direct downstreams lead to which others.
    pub(crate) branches: branch::Branches,
    pub(crate) teardowns: Teardowns,
    /// Whether instances of some tasks depend on those of others one by one.
    pub(crate) has_mapped_groups: bool,
    pub(crate) bounds: Bounds,
}

impl Plan {
    /// The plan of a validated DAG.
    pub fn new(dag: &Dag, defaults: &Defaults) -> Self {
        let steps = dag
            .tasks
            .iter()
            .zip((0..).map(TaskIndex))
            .map(|(task, index)| Step {
                upstreams: task.upstreams.clone(),
                rule: task.trigger_rule,
                retry: RetryPolicy {
                    retries: task.retries.unwrap_or(defaults.retry.retries),
                    delay: task.retry_delay.unwrap_or(defaults.retry.delay),
                    backoff: task.retry_backoff.unwrap_or(defaults.retry.backoff),
                    max_delay: task.retry_max_delay.unwrap_or(defaults.retry.max_delay),
                    jitter: task.retry_jitter.unwrap_or(defaults.retry.jitter),
                },
                mapping: (!task.expand.is_empty()).then(|| Mapping {
                    sources: sources(&task.expand),
                    max_active: task.max_active,
                    by_index: task
                        .upstreams
                        .iter()
                        .copied()
                        .filter(|upstream| dag.are_mapped_together(index, *upstream))
                        .collect(),
                }),
                branch: task.branch,
                teardown: task.teardown.clone(),
                has_precondition: task.precondition.is_any(),
                stops_at_deadline: task.deadline.is_some_and(|deadline| deadline.stops),
            })
            .collect();
        let bounds = Bounds {
            run_timeout: dag.timeout.or(defaults.run_timeout),
            stops_at_deadline: dag.deadline.is_some_and(|deadline| deadline.stops),
            max_losses: defaults.max_losses,
            max_deferrals: defaults.max_deferrals,
        };
        Self::from_steps(steps, bounds)
            .expect("validation of the document refuses unknown tasks and cycles")
    }

    /// The plan of tasks that come from elsewhere than a document.
    pub fn from_steps(steps: Vec<Step>, bounds: Bounds) -> Result<Self, PlanError> {
        let count = steps.len();
        for (task, step) in steps.iter().enumerate() {
            let sources = step.mapping.iter().flat_map(|mapping| &mapping.sources);
            let setups = step.teardown.iter().flat_map(|teardown| &teardown.setups);
            if step
                .upstreams
                .iter()
                .chain(sources)
                .chain(setups)
                .any(|upstream| upstream.0 as usize >= count)
            {
                return Err(PlanError::Unknown(order::index(task)));
            }
        }
        let downstreams = Adjacency::reversed(&steps);
        let by_rank = order::topological(&steps, &downstreams)?;
        let mut ranks = vec![0; count];
        for (rank, task) in by_rank.iter().enumerate() {
            ranks[task.0 as usize] = order::index(rank).0;
        }
        let branches = branch::Branches::new(&steps, &downstreams, &ranks);
        let is_teardown = |task: &TaskIndex| steps[task.as_usize()].teardown.is_some();
        let teardowns = Teardowns::new(by_rank.iter().copied().filter(is_teardown).collect());
        let has_mapped_groups = steps.iter().any(|step| !step.by_index().is_empty());
        Ok(Self {
            steps,
            downstreams,
            ranks,
            by_rank,
            branches,
            teardowns,
            has_mapped_groups,
            bounds,
        })
    }

    /// How many tasks there are.
    pub fn task_count(&self) -> u32 {
        order::index(self.steps.len()).0
    }

    /// Every task, in the author's order.
    pub fn tasks(&self) -> impl Iterator<Item = TaskIndex> + use<> {
        (0..self.task_count()).map(TaskIndex)
    }

    /// What the machine knows of a task. Panics for a task of another plan.
    pub fn step(&self, task: TaskIndex) -> &Step {
        &self.steps[task.0 as usize]
    }

    /// The direct downstreams of a task, in ascending order.
    pub fn downstreams(&self, task: TaskIndex) -> &[TaskIndex] {
        self.downstreams.of(task)
    }

    /// The tasks and everything downstream of them, once each, upstreams first.
    pub fn with_downstreams(&self, tasks: &[TaskIndex]) -> Vec<TaskIndex> {
        self.reached(tasks, |task| self.downstreams(task))
    }

    /// The tasks and everything upstream of them, once each, upstreams first.
    pub fn with_upstreams(&self, tasks: &[TaskIndex]) -> Vec<TaskIndex> {
        self.reached(tasks, |task| &self.step(task).upstreams)
    }

    /// The tasks and everything that is reached from them, once each, upstreams first.
    fn reached<'p>(
        &'p self,
        tasks: &[TaskIndex],
        neighbours: impl Fn(TaskIndex) -> &'p [TaskIndex],
    ) -> Vec<TaskIndex> {
        let mut seen = vec![false; self.steps.len()];
        let mut found: Vec<TaskIndex> = Vec::new();
        let mut next: Vec<TaskIndex> = tasks.to_vec();
        while let Some(task) = next.pop() {
            if !std::mem::replace(&mut seen[task.0 as usize], true) {
                found.push(task);
                next.extend_from_slice(neighbours(task));
            }
        }
        found.sort_unstable_by_key(|task| self.ranks[task.0 as usize]);
        found
    }

    /// Flags these tasks and everything upstream of them.
    pub(crate) fn flag_upstreams(&self, tasks: &[bool]) -> Vec<bool> {
        let mut flags = tasks.to_vec();
        for task in self.by_rank.iter().rev() {
            let reached = self
                .downstreams(*task)
                .iter()
                .any(|down| flags[down.as_usize()]);
            flags[task.as_usize()] |= reached;
        }
        flags
    }

    /// Flags these tasks and everything downstream of them.
    pub(crate) fn flag_downstreams(&self, tasks: &[bool]) -> Vec<bool> {
        let mut flags = tasks.to_vec();
        for task in &self.by_rank {
            let reached = self
                .step(*task)
                .upstreams
                .iter()
                .any(|up| flags[up.as_usize()]);
            flags[task.as_usize()] |= reached;
        }
        flags
    }

    /// The bounds of its runs.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }
}

fn sources(expand: &[(String, Binding)]) -> Vec<TaskIndex> {
    let mut sources: Vec<TaskIndex> = expand
        .iter()
        .filter_map(|(_, binding)| binding.upstream())
        .collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}
