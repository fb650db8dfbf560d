//! Commands: what people ask of runs.

use super::{events::RunEvents, recovery};
use crate::{
    active_run::ActiveRun,
    shard::{batch::Batch, runs::Runs},
    versions::Version,
};
use std::sync::Arc;
use weft_broker::AttemptKey;
use weft_core::{
    document::TaskIndex,
    id::TaskId,
    run::{Event, Instance, Rejection},
    run_id::RunId,
    time::Timestamp,
    wait::Woken,
};
use weft_store::{Command, CommandDone, CommandId, CommandKind, StoredRun};

/// Brings a run into memory for a command, whatever its state; the error says why it can't be
/// replayed.
pub(crate) fn load_run(
    runs: &mut Runs,
    stored: StoredRun,
    version: Arc<Version>,
) -> Result<(), String> {
    let run = recovery::replay_events(&stored, &version)?;
    runs.insert(ActiveRun::recovered(stored, version, run));
    Ok(())
}

/// Records that a command is refused.
pub(crate) fn refuse_command(batch: &mut Batch, id: CommandId, run: RunId, refusal: String) {
    batch.add_command(CommandDone {
        id,
        run,
        refused: Some(refusal),
    });
}

/// Records that a run which can't be continued ends as failed, and revokes these attempts of it.
pub(crate) fn fail_run(
    batch: &mut Batch,
    command: &Command,
    attempts: impl Iterator<Item = AttemptKey>,
    now: Timestamp,
) {
    batch.fail_run(command.run, now);
    for attempt in attempts {
        batch.revoke(attempt);
    }
    batch.add_command(CommandDone {
        id: command.id,
        run: command.run,
        refused: None,
    });
}

/// Applies a command and records its result. A run that is not in memory does not exist.
pub(crate) fn apply_command(events: &mut RunEvents<'_>, command: &Command) {
    let refused = refusal_of(events, command);
    events.batch.add_command(CommandDone {
        id: command.id,
        run: command.run,
        refused,
    });
}

/// Applies a command; why it was refused, if it was.
fn refusal_of(events: &mut RunEvents<'_>, command: &Command) -> Option<String> {
    let Some(active) = events.runs.get(command.run) else {
        return Some("there is no such run".into());
    };
    let refusal = match event_of(active, &command.kind) {
        Err(refusal) => refusal,
        Ok(event) => match events.apply(command.run, event) {
            Ok(()) => {
                end_wait(events, command);
                return None;
            }
            Err(Rejection::RunEnded) => "the run has ended".into(),
            Err(Rejection::WrongState) => {
                "the task instance or run is not in a state for that".into()
            }
            Err(Rejection::NothingSelected) => {
                "nothing of the selection failed, could not run or was cancelled".into()
            }
            Err(Rejection::Unknown) => "the run has no such task instance".into(),
            Err(rejection @ (Rejection::Duplicate | Rejection::Stale)) => rejection.to_string(),
        },
    };
    unload_unchanged(events.runs, command.run);
    Some(refusal)
}

/// The event that a command is; the error says why it is none.
fn event_of(active: &ActiveRun, kind: &CommandKind) -> Result<Event, String> {
    let task = |id: &TaskId| -> Result<TaskIndex, String> {
        let unknown = || format!("the run has no task {id}");
        active.version.task(id).ok_or_else(unknown)
    };
    Ok(match kind {
        // The turn gives the runs that it called the same command.
        CommandKind::Cancel | CommandKind::CancelTree => Event::Cancel,
        // The state machine ends it, with everything that belongs to its end.
        CommandKind::Fail => {
            return Err("the scheduler can continue the run: cancel it instead".into());
        }
        CommandKind::Clear(selection) => Event::Clear(selection.try_map(task)?),
        CommandKind::Mark {
            task: id,
            index,
            as_state,
        } => Event::Mark {
            instance: Instance {
                task: task(id)?,
                index: *index,
            },
            as_state: *as_state,
        },
        CommandKind::Wake { .. } | CommandKind::EndWait { .. } => {
            let unknown = || "the run has no such task".to_owned();
            let instance = woken_instance(active, kind).ok_or_else(unknown)?;
            if let CommandKind::EndWait { by, .. } = kind
                && active.run.next_number(instance) != by.number.checked_add(1)
            {
                return Err("the task instance no longer waits for it".into());
            }
            Event::Woken { instance }
        }
    })
}

/// Records what woke an instance that a command woke.
fn end_wait(events: &mut RunEvents<'_>, command: &Command) {
    let active = events.runs.get(command.run);
    let Some(instance) = active.and_then(|active| woken_instance(active, &command.kind)) else {
        return;
    };
    let woken = match &command.kind {
        CommandKind::EndWait { by, .. } if events.cx.faults.keeps_event() => Arc::clone(&by.woken),
        _ => Woken::Command.to_json().into(),
    };
    events.end_wait(command.run, instance, woken);
}

/// The instance that a command wakes.
fn woken_instance(active: &ActiveRun, kind: &CommandKind) -> Option<Instance> {
    match kind {
        CommandKind::Wake { task, index } => Some(Instance {
            task: active.version.task(task)?,
            index: *index,
        }),
        CommandKind::EndWait { instance, .. } => Some(*instance),
        CommandKind::Cancel
        | CommandKind::CancelTree
        | CommandKind::Fail
        | CommandKind::Clear { .. }
        | CommandKind::Mark { .. } => None,
    }
}

/// Removes a run that was loaded for a command which changed nothing.
fn unload_unchanged(runs: &mut Runs, run: RunId) {
    let is_unchanged = runs.get(run).is_some_and(|active| {
        (active.is_over() || active.is_queued()) && active.new_events.is_empty()
    });
    if is_unchanged {
        runs.remove(run);
    }
}
