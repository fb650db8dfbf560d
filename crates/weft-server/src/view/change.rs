//! Live updates as they travel.

use super::{instance::state_of, run};
use crate::ports::Change;
use weft_api as api;

/// A change as an event's data holds it.
pub(crate) fn change(change: &Change) -> api::Change {
    match change {
        Change::Run {
            tenant: _,
            dag,
            run,
            state,
            counts,
        } => api::Change::Run(api::RunChange {
            run: run.to_string(),
            dag: dag.to_string(),
            state: run::state_of(*state),
            counts: run::counts(counts),
        }),
        Change::Instance {
            tenant: _,
            run,
            task,
            map_index,
            state,
            number,
            worker,
        } => api::Change::Instance(api::InstanceChange {
            run: run.to_string(),
            task: task.to_string(),
            index: map_index.unwrap_or(0),
            attempt: *number,
            state: state_of(*state),
            worker: worker.as_deref().map(str::to_owned),
        }),
    }
}
