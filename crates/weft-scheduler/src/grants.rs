//! Grants of a version's tasks under the operator's policy, evaluated when first needed.

use std::sync::Arc;
use weft_core::{
    document::{Dag, Format, Source, TaskIndex},
    limit::Limits,
    policy::{Granted, Policy},
};

/// What a task may use.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) granted: Arc<Granted>,
    pub(crate) limits: Limits,
}

/// A tenant's policy; each text that is read has a generation of its own.
#[derive(Debug, Clone)]
pub(crate) struct TenantPolicy {
    generation: u64,
    /// A policy that can't be parsed denies everything, with its error.
    policy: Result<Arc<Policy>, Arc<str>>,
}

impl TenantPolicy {
    /// Parses the policy's text; without a text the default policy holds.
    pub(crate) fn parse(text: Option<&str>, generation: u64) -> Self {
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

    /// The error of a policy that can't be parsed.
    pub(crate) fn error(&self) -> Option<&str> {
        self.policy.as_ref().err().map(|error| &**error)
    }
}

/// The grants of one run's tasks, with the policy that they were evaluated under.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    generation: u64,
    tasks: Vec<Option<Result<Grant, Arc<str>>>>,
}

impl Grants {
    /// What a task is granted.
    ///
    /// # Errors
    /// The refusals of a policy that became stricter than the task's request.
    pub(crate) fn evaluate(
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
