//! Whether the policy allows what the tasks of a deployed file request.

use crate::problem::{Code, Problem, convert};
use weft_api::problem::ProblemDetail;
use weft_core::{document::Dag, policy::Policy};

/// Refuses the file as a whole where one task asks for more than the policy
/// allows, with every refusal and its remedy.
pub(crate) fn check<'d>(
    policy: &Policy,
    dags: impl Iterator<Item = &'d Dag>,
) -> Result<(), Problem> {
    let mut refusals: Vec<ProblemDetail> = Vec::new();
    for dag in dags {
        for task in &dag.tasks {
            if let Err(refused) = policy.evaluate(&task.request()) {
                refusals.extend(refused.iter().map(|refusal| {
                    convert::refusal_detail(dag.id.as_str(), task.id.as_str(), refusal)
                }));
            }
        }
    }
    if refusals.is_empty() {
        return Ok(());
    }
    let detail = match refusals.len() {
        1 => "the policy refuses one request".to_owned(),
        count => format!("the policy refuses {count} requests"),
    };
    Err(Problem::new(Code::RefusedByPolicy, detail).details(refusals))
}
