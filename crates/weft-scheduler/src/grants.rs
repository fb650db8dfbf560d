//! What the operator's policy gives each task of a version, worked out when first asked.

use std::sync::Arc;
use weft_core::{
    document::{Dag, Format, Source, TaskIndex},
    limit::Limits,
    policy::{Granted, Policy},
};

/// What a task gets.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) granted: Arc<Granted>,
    pub(crate) limits: Limits,
}

/// A tenant's policy; a new one has a new generation.
#[derive(Debug, Clone)]
pub(crate) struct TenantPolicy {
    pub(crate) generation: u64,
    /// The error of a policy that can't be read denies everything.
    pub(crate) policy: Result<Arc<Policy>, Arc<str>>,
}

impl TenantPolicy {
    /// From the policy's text; without one the default holds.
    pub(crate) fn read(text: Option<&str>, generation: u64) -> Self {
        let policy = match text {
            None => Ok(Arc::new(Policy::default())),
            Some(text) => Policy::parse(Source {
                name: "the tenant's policy",
                text,
                format: Format::Toml,
            })
            .map(Arc::new)
            .map_err(|error| Arc::from(error.to_string())),
        };
        Self { generation, policy }
    }
}

/// The grants of one run's tasks, under the policy they were worked out with.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    generation: u64,
    tasks: Vec<Option<Result<Grant, Arc<str>>>>,
}

impl Grants {
    /// What a task gets, or why it gets nothing: a policy that became
    /// stricter than the task's request.
    pub(crate) fn of(
        &mut self,
        dag: &Dag,
        task: TaskIndex,
        policy: &TenantPolicy,
    ) -> Result<Grant, Arc<str>> {
        if self.generation != policy.generation || self.tasks.is_empty() {
            self.generation = policy.generation;
            self.tasks = vec![None; dag.tasks.len()];
        }
        self.tasks[task.as_usize()]
            .get_or_insert_with(|| evaluate(dag, task, policy))
            .clone()
    }
}

fn evaluate(dag: &Dag, task: TaskIndex, policy: &TenantPolicy) -> Result<Grant, Arc<str>> {
    let allowed = policy.policy.as_ref().map_err(Arc::clone)?;
    match allowed.evaluate(&dag.tasks[task.as_usize()].request()) {
        Ok((granted, limits)) => Ok(Grant {
            granted: Arc::new(granted),
            limits,
        }),
        Err(refusals) => {
            let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            Err(refusals.join("; ").into())
        }
    }
}
