//! What people want done to runs.

use crate::{
    active_run::ActiveRun,
    options::COMMANDS_A_TURN,
    shard::{Context, Shard},
};
use std::sync::Arc;
use weft_core::{
    document::TaskIndex,
    id::TaskId,
    run::{Event, Instance, Rejection, Run},
    run_id::RunId,
};
use weft_store::{Command, CommandDone, CommandKind, StoreError};

impl Shard {
    /// Carries out the commands that were written since the last look.
    pub(crate) async fn apply_commands(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        let commands = cx
            .deps
            .store
            .commands(self.lease.shard, None, COMMANDS_A_TURN)
            .await?;
        for command in commands {
            let id = command.id;
            // Those of this turn are not committed yet. Later ones may have
            // been seen before earlier ones, so no id says what was seen.
            let is_taken = self.changes.commands.iter().any(|done| done.id == id);
            if is_taken || self.unwritable.contains(&id) {
                continue;
            }
            let refused = self.command(cx, command).await?;
            self.changes.commands.push(CommandDone { id, refused });
            self.changes.urgent = true;
        }
        Ok(())
    }

    /// Why a command was refused; `None` where it was carried out.
    async fn command(
        &mut self,
        cx: &mut Context,
        command: Command,
    ) -> Result<Option<String>, StoreError> {
        if !self.load(cx, command.run).await? {
            return Ok(Some(
                "the run can't be read; see the scheduler's log".into(),
            ));
        }
        let event = match self.event(command.run, &command.kind) {
            Ok(event) => event,
            Err(unknown) => {
                self.unload_ended(command.run);
                return Ok(Some(format!("the run has no task {unknown}")));
            }
        };
        let refused = match self.apply(cx, command.run, event) {
            Ok(()) => None,
            Err(Rejection::RunEnded) => Some("the run has ended".into()),
            Err(Rejection::WrongState) => {
                Some("the task instance or run is not in a state for that".into())
            }
            Err(Rejection::Unknown) => Some("the run has no such task instance".into()),
            Err(rejection @ (Rejection::Duplicate | Rejection::Stale)) => {
                Some(rejection.to_string())
            }
        };
        if refused.is_some() {
            self.unload_ended(command.run);
        }
        Ok(refused)
    }

    fn event(&self, run: RunId, kind: &CommandKind) -> Result<Event, TaskId> {
        let active = self.runs.get(&run);
        let task = |id: &TaskId| -> Result<TaskIndex, TaskId> {
            active
                .and_then(|active| active.version.task(id))
                .ok_or_else(|| id.clone())
        };
        Ok(match kind {
            CommandKind::Cancel => Event::Cancel,
            CommandKind::Clear { tasks, downstream } => Event::Clear {
                tasks: tasks.iter().map(task).collect::<Result<_, _>>()?,
                downstream: *downstream,
            },
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
            CommandKind::Wake { task: id, index } => Event::Woken {
                instance: Instance {
                    task: task(id)?,
                    index: *index,
                },
            },
        })
    }

    /// Brings a run into memory, whatever its state. False where that is impossible.
    async fn load(&mut self, cx: &mut Context, id: RunId) -> Result<bool, StoreError> {
        if self.runs.contains_key(&id) {
            return Ok(true);
        }
        let Some(stored) = cx.deps.store.run(id).await? else {
            return Ok(false);
        };
        let version = cx
            .versions
            .get(&*cx.deps.store, stored.version, &stored.tenant)
            .await?;
        match Run::replay(Arc::clone(&version.plan), None, &stored.events) {
            Ok(run) => {
                let active = ActiveRun::recovered(stored, version, run);
                self.runs.insert(id, Box::new(active));
                Ok(true)
            }
            Err(error) => {
                tracing::error!(run = %id, %error, "a run can't be made again from its events");
                Ok(false)
            }
        }
    }

    /// Forgets a run that was loaded for a command that changed nothing.
    fn unload_ended(&mut self, run: RunId) {
        let idle = self.runs.get(&run).is_some_and(|active| {
            (active.is_over() || active.is_queued()) && active.happened.is_empty()
        });
        if idle {
            self.runs.remove(&run);
        }
    }
}
