//! The number of instances of mapped tasks.

use super::{
    OutputsNeeded,
    events::{RunEvents, error_json},
};
use crate::{outputs::NotInMemory, shard::queue::Expansion};
use weft_core::{
    failure_code::FailureCode,
    inputs::InputError,
    run::{Event, Instance},
};

/// Expands a mapped task, or fails it where that is impossible. Returns the outputs that are
/// missing.
pub(crate) fn expand_task(
    events: &mut RunEvents<'_>,
    expansion: Expansion,
) -> Option<OutputsNeeded> {
    let Expansion {
        run,
        task,
        generation,
    } = expansion;
    let active = events.runs.get_mut(run)?;
    let expanded = active.inputs.expand(task, &mut active.outputs);
    active.count_prepared();
    match expanded {
        Ok(instances) => {
            let event = Event::Expanded {
                task,
                generation,
                instances,
            };
            // The run rejects it if the task was cleared, marked or cancelled meanwhile.
            let _outdated = events.apply(run, event);
            None
        }
        Err(InputError::Output(NotInMemory)) => {
            Some(active.outputs_needed(Instance { task, index: 0 }))
        }
        Err(error) => {
            let code = match error {
                InputError::TooLarge { .. } => FailureCode::InputLimit,
                InputError::Pick { .. }
                | InputError::TooMany { .. }
                | InputError::Unlike { .. }
                | InputError::Output(_) => FailureCode::Expansion,
            };
            let message = format!("the task can't be mapped: {error}");
            fail_expansion(events, expansion, code.as_str(), &message);
            None
        }
    }
}

/// Fails a mapped task that can't be expanded; `message` is for the author or the operator.
pub(crate) fn fail_expansion(
    events: &mut RunEvents<'_>,
    expansion: Expansion,
    code: &str,
    message: &str,
) {
    let Expansion {
        run,
        task,
        generation,
    } = expansion;
    if let Some(active) = events.runs.get_mut(run) {
        let placeholder = Instance { task, index: 0 };
        active.record(placeholder).error = Some(error_json(code, message));
    }
    let event = Event::ExpandFailed {
        task,
        generation,
        message: String::new(),
    };
    // The run rejects it if the task was cleared, marked or cancelled meanwhile.
    let _outdated = events.apply(run, event);
}
