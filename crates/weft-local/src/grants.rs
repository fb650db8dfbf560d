//! The policy that holds for a run here, and what it gives each task.

use std::path::Path;
use weft_api::problem::{Code, Problem, Problems};
use weft_core::{
    document::{Dag, Format, Source},
    limit::Limits,
    policy::{Granted, Policy},
};
use weft_dagfile::document_problems;

/// What the policy gives a task.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What it may use.
    pub granted: Granted,
    /// What bounds its attempts.
    pub limits: Limits,
}

/// The policy of `--policy`, else the built-in one: exact public HTTPS hosts,
/// scratch space, clock, randomness.
pub fn policy(file: Option<&Path>) -> Result<Policy, Problems> {
    let Some(path) = file else {
        return Ok(Policy::default());
    };
    let text = std::fs::read_to_string(path).map_err(|error| Problem::io("read", path, &error))?;
    let name = path.display().to_string();
    Policy::parse(Source {
        name: &name,
        text: &text,
        format: Format::Toml,
    })
    .map_err(|error| document_problems(&error, &text, Code::InvalidPolicy))
}

/// What each task gets; every refusal is reported, not only the first.
pub fn grants(dag: &Dag, policy: &Policy) -> Result<Vec<Grant>, Problems> {
    let mut grants = Vec::with_capacity(dag.tasks.len());
    let mut problems = Vec::new();
    for task in &dag.tasks {
        match policy.evaluate(&task.request()) {
            Ok((granted, limits)) => grants.push(Grant { granted, limits }),
            Err(refusals) => problems.extend(refusals.into_iter().map(|refusal| {
                Problem::new(
                    Code::RefusedByPolicy,
                    format!(
                        "the task {} asks for more than the policy allows: {}",
                        task.id,
                        without_remedy(&refusal.to_string())
                    ),
                )
                .help(format!(
                    "add to a policy file and name it with --policy policy.toml: {}",
                    refusal.remedy()
                ))
            })),
        }
    }
    match Problems::from_list(problems) {
        Some(problems) => Err(problems),
        None => Ok(grants),
    }
}

/// A refusal without the remedy, which the help has.
fn without_remedy(refusal: &str) -> &str {
    refusal.split("; to allow it").next().unwrap_or(refusal)
}
