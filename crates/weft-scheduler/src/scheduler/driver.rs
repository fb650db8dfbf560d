//! One turn of a shard: reads and calls, with the synchronous steps in between.
//!
//! Everything that a turn awaits is here and in the submodules: the database and the broker. The
//! steps decide; the driver reads what they request and gives it to them. A read that fails leaves
//! its work where the next turn finds it. Outputs are not read here: what needs them is parked.

mod assets;
mod commit;
mod dispatch;
mod held;
mod outbox;
mod preconditions;
mod reconcile;
mod recovery;
mod versions;
mod waits;

use crate::{
    active_run::ActiveRun,
    context::Context,
    limits::{
        MAX_COMMANDS_PER_TURN, MAX_DAGS_PER_TURN, MAX_DUE_RUNS_PER_TURN, MAX_HELD_QUEUED_RUNS,
        MAX_QUEUED_SCHEDULED_RUNS,
    },
    options::Deps,
    shard::{
        Dropped, Shard, dag_entry::DagEntry, held::Object, reads::Waiter, run_keys::MAX_STARTS_READ,
    },
    steps::{
        OutputsNeeded, commands,
        due_runs::{self, RunOf},
        events::RunEvents,
        expand, notifications, reads, start,
    },
};
use weft_core::{run_id::RunId, time::Timestamp};
use weft_store::{CommandId, CommandKind, DagKey, StoreError, StoredRun, Unreadable};

/// Why a turn of a shard was not finished.
#[derive(Debug)]
pub(super) enum TurnError {
    /// The database failed. What was done until then stays in the batch.
    Store(StoreError),
    /// The shard is void in memory.
    Dropped(Dropped),
}

impl From<StoreError> for TurnError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Drives one shard.
pub(super) struct Driver<'a> {
    deps: &'a Deps,
    cx: &'a mut Context,
    shard: &'a mut Shard,
}

impl<'a> Driver<'a> {
    pub(super) const fn new(deps: &'a Deps, cx: &'a mut Context, shard: &'a mut Shard) -> Self {
        Self { deps, cx, shard }
    }

    fn events(&mut self) -> RunEvents<'_> {
        self.shard.events(self.cx)
    }

    /// Does everything that follows from what has happened, up to the commit.
    ///
    /// # Errors
    /// See [`TurnError`].
    pub(super) async fn advance(&mut self, sweep: bool) -> Result<(), TurnError> {
        if sweep {
            self.shard.broker.set_weight(self.shard.queue.weight());
            notifications::notify_pending(self.shard, self.cx);
            let _more = self.sweep().await?;
            self.shard.expects_assets = true;
            self.find_asset_changes().await?;
            self.reconcile_if_due().await;
        }
        self.end_waits().await?;
        self.write_crashes().await?;
        self.write_held_runs().await?;
        if !self.shard.outbox.is_empty() {
            self.send_outbox().await;
        }
        let now = self.cx.now();
        self.events().fire_timers(now);
        self.hold_large_runs();
        if self.shard.schedule.is_queued_run_due(now) {
            self.find_queued_runs().await?;
        }
        self.shard.schedule.mark_released(now);
        // A run that is created now is later than those that wait.
        self.start_queued_runs().await?;
        self.create_due_runs().await?;
        self.create_asset_runs().await?;
        reads::resume_ready(self.shard);
        self.prepare_postponed();
        self.check_preconditions().await?;
        self.expand_tasks();
        self.dispatch().await;
        Ok(())
    }

    /// Applies the commands after `after` that were written since they were read last. Returns the
    /// last one where there may be more.
    async fn apply_commands(
        &mut self,
        after: Option<CommandId>,
    ) -> Result<Option<CommandId>, StoreError> {
        let shard = self.shard.id();
        let store = &self.deps.store;
        let commands = store.commands(shard, after, MAX_COMMANDS_PER_TURN).await?;
        let is_full = commands.len() == MAX_COMMANDS_PER_TURN as usize;
        let last = commands.last_key(|command| (command.id, command.run));
        for row in commands.unreadable {
            self.refuse_unreadable(row);
        }
        for command in commands.readable {
            // A later command may become visible before an earlier one, so that no id separates
            // those that were applied.
            if self.shard.batch.has_command(command.id) {
                continue;
            }
            match self.load_run(command.run).await? {
                Ok(()) => commands::apply_command(&mut self.events(), &command),
                Err(why) if command.kind == CommandKind::Fail => {
                    self.fail_run(&command, &why).await?;
                }
                Err(why) => {
                    let refusal = format!("the run can't be continued: {why}");
                    commands::refuse_command(
                        &mut self.shard.batch,
                        command.id,
                        command.run,
                        refusal,
                    );
                }
            }
        }
        Ok(last.map(|(id, _)| id).filter(|_| is_full))
    }

    /// Refuses a command that can't be read.
    fn refuse_unreadable(&mut self, row: Unreadable<(CommandId, RunId)>) {
        let Unreadable {
            key: (id, run),
            why,
        } = row;
        if self.shard.batch.has_command(id) {
            return;
        }
        self.count_unreadable(Object::Command);
        tracing::error!(%run, command = id.0, why, operation = "read command", "a command can't be read; it is refused, and all others are applied");
        let refusal = format!("this version of Weft can't read the command: {why}");
        commands::refuse_command(&mut self.shard.batch, id, run, refusal);
    }

    /// Brings a run into memory, whatever its state. One that is missing stays out; why one can't
    /// be read is returned.
    async fn load_run(&mut self, run: RunId) -> Result<Result<(), String>, StoreError> {
        if self.shard.runs.contains(run) {
            return Ok(Ok(()));
        }
        if let Some(why) = self.shard.held.why(run) {
            return Ok(Err(why.to_owned()));
        }
        let stored = match self.deps.store.run(run).await? {
            None => return Ok(Ok(())),
            Some(Err(unreadable)) => return Ok(Err(unreadable.why)),
            Some(Ok(stored)) => stored,
        };
        let version = match self.version_of(&stored).await? {
            Ok(version) => version,
            Err(why) => return Ok(Err(why)),
        };
        Ok(commands::load_run(&mut self.shard.runs, stored, version))
    }

    /// Creates the scheduled runs that are due.
    async fn create_due_runs(&mut self) -> Result<(), StoreError> {
        for _ in 0..MAX_DUE_RUNS_PER_TURN {
            let Some((at, dag)) = self.shard.schedule.pop_timetable(self.cx.now()) else {
                return Ok(());
            };
            let entry = self.shard.runs.dag(dag);
            if entry.is_none_or(|entry| entry.next_due() != Some(at)) {
                continue;
            }
            let created = match self.has_queue_room(dag).await {
                Ok(true) => self.create_due_run(dag).await,
                Ok(false) => {
                    self.shard.schedule.delay_timetable(at, dag);
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = created {
                self.shard.schedule.set_timetable(at, dag);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether another scheduled run of a DAG may be created.
    async fn has_queue_room(&mut self, dag: DagKey) -> Result<bool, StoreError> {
        let entry = self.shard.runs.dag(dag);
        if entry.is_none_or(|entry| !entry.needs_queue_room()) {
            return Ok(true);
        }
        let store = &self.deps.store;
        let limit = MAX_QUEUED_SCHEDULED_RUNS;
        let stored = store.count_queued_scheduled(dag, limit).await?;
        let shard = &mut *self.shard;
        let (runs, batch) = (&mut shard.runs, &shard.batch);
        Ok(due_runs::make_queue_room(runs, batch, dag, stored))
    }

    async fn create_due_run(&mut self, dag: DagKey) -> Result<(), StoreError> {
        let now = self.cx.now();
        let version = if due_runs::may_create_runs(&self.shard.runs, dag) {
            self.active_version(dag).await?
        } else {
            None
        };
        due_runs::create_due_run(&mut self.events(), dag, version.as_ref(), now);
        Ok(())
    }

    /// Starts queued runs of the DAGs that may have some which may start.
    async fn start_queued_runs(&mut self) -> Result<(), StoreError> {
        let mut unfinished = Vec::new();
        let mut outcome = Ok(());
        for _ in 0..MAX_DAGS_PER_TURN {
            let Some(dag) = self.shard.schedule.pop_startable() else {
                break;
            };
            match self.start_queued_runs_of(dag).await {
                Ok(true) => {}
                Ok(false) => {
                    unfinished.push(dag);
                    self.shard.batch.set_urgent();
                }
                Err(error) => {
                    unfinished.push(dag);
                    outcome = Err(error);
                    break;
                }
            }
        }
        // In the next turn, when the database knows which runs have started.
        for dag in unfinished {
            self.shard.schedule.mark_startable(dag);
        }
        outcome
    }

    /// Returns whether all were looked at that may start: `false` if starts of this turn made keys
    /// full, whose runs took the place of others.
    async fn start_queued_runs_of(&mut self, dag: DagKey) -> Result<bool, StoreError> {
        let runs = &self.shard.runs;
        let Some(limit) = start::startable_runs(runs, self.cx.faults, dag) else {
            return Ok(true);
        };
        let now = self.cx.now();
        self.read_starts_by_key(dag, now).await?;
        let (full, next_start) = start::full_keys(&mut self.shard.runs, dag, now);
        if let Some(at) = next_start {
            self.shard.schedule.mark_startable_at(at, dag);
        }
        // A run that ended in this turn is in the database as it was before.
        let held = self.shard.held.queued_runs_of(dag);
        let started = start::uncommitted_starts(self.shard, dag);
        let rows = limit.saturating_add(held.min(MAX_HELD_QUEUED_RUNS));
        let rows = rows.saturating_add(started);
        let store = &self.deps.store;
        let queued = store.queued_runs(dag, now, &full, rows).await?;
        let found = queued.readable.len() + queued.unreadable.len();
        for row in queued.unreadable {
            self.hold_run(row.key, Some(dag), &row.why);
        }
        let mut queued = queued.readable;
        queued.retain(|stored| {
            let active = self.shard.runs.get(stored.id);
            !self.shard.held.contains_run(stored.id) && active.is_none_or(ActiveRun::is_queued)
        });
        let are_all_read =
            full.is_empty() && found < rows as usize && queued.len() <= limit as usize;
        queued.truncate(limit as usize);
        // A queued run whose key is full was not read.
        let is_continuous =
            full.is_empty() && start::needs_continuous_run(&self.shard.runs, dag, &queued);
        let mut is_finished = true;
        for stored in queued {
            let key = stored.concurrency_key.as_ref();
            if start::may_start(&mut self.shard.runs, dag, key, now) {
                self.start_queued_run(stored).await?;
            } else {
                is_finished = false;
            }
        }
        self.shard.schedule.resume_timetable(dag);
        // A run of a continuous DAG follows the end of another one.
        let entry = self.shard.runs.dag(dag);
        let is_continuous_dag = entry.is_some_and(DagEntry::is_continuous);
        if are_all_read && is_finished && !is_continuous_dag {
            self.shard.schedule.record_none_queued(dag);
        }
        if is_continuous && let Some(version) = self.active_version(dag).await? {
            let events = &mut self.events();
            due_runs::create_run(events, dag, &version, RunOf::schedule(now, (now, now)));
        }
        Ok(is_finished)
    }

    /// Reads which runs of a DAG started before this scheduler's lease, if its rate is limited and
    /// they are not known.
    async fn read_starts_by_key(&mut self, dag: DagKey, now: Timestamp) -> Result<(), StoreError> {
        let entry = self.shard.runs.dag_mut(dag);
        let Some(after) = entry.and_then(|entry| entry.keys().reads_starts_after(now)) else {
            return Ok(());
        };
        let store = &self.deps.store;
        let starts = store.starts_by_key(dag, after, MAX_STARTS_READ).await?;
        if let Some(entry) = self.shard.runs.dag_mut(dag) {
            entry.keys().set_starts(starts);
        }
        Ok(())
    }

    async fn start_queued_run(&mut self, stored: StoredRun) -> Result<(), StoreError> {
        let (run, dag) = (stored.id, stored.dag);
        if let Some(active) = self.shard.runs.get(run) {
            // A command loaded it before its start, or this turn started it.
            if active.is_queued() {
                start::start_loaded_run(&mut self.events(), run);
            }
            return Ok(());
        }
        let version = match self.version_of(&stored).await? {
            Ok(version) => version,
            Err(why) => {
                self.hold_run(run, Some(dag), &why);
                return Ok(());
            }
        };
        if start::has_started(&stored, &version) {
            tracing::error!(%run, operation = "start run", "a run that has started is stored as queued; its row is corrected");
            // Its attempts are reconciled as all that are live for some time.
            self.recover_runs(vec![stored]).await?;
            start::correct_row(&mut self.events(), run, dag);
        } else if let Err(why) = start::start_run(&mut self.events(), stored, version) {
            self.hold_run(run, Some(dag), &why);
        }
        Ok(())
    }

    /// Determines how many instances mapped tasks have; those whose lists are not in memory are
    /// parked.
    fn expand_tasks(&mut self) {
        while let Some(expansion) = self.shard.queue.pop_expansion() {
            let needed = expand::expand_task(&mut self.events(), expansion);
            if let Some(OutputsNeeded(tasks)) = needed {
                let waiter = Waiter::Expansion(expansion);
                self.shard.reads.park(waiter, tasks.into_iter());
            }
        }
    }
}
