//! A turn written: all of it or nothing.

use super::{RunRow, Tables, operating::is_dated};
use std::{cmp::Ordering, collections::BTreeSet};
use weft_core::{run::RunState, run_id::RunId};
use weft_store::{ClearedTask, CommitError, NewRun, StoreError, StoredRun, Turn, TurnId};

/// What became of a turn that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Writes a turn into the database.
    New,
    /// It stood there already.
    Before,
}

impl Tables {
    /// See `RunStore::commit`.
    pub fn commit(&mut self, turn: &Turn) -> Result<Written, CommitError> {
        let shard = turn.lease.shard;
        let row = self.shards.get(&shard).ok_or(CommitError::Fenced(shard))?;
        match (row.epoch, row.turn).cmp(&(turn.lease.epoch, turn.number)) {
            Ordering::Greater => return Err(CommitError::Fenced(shard)),
            Ordering::Equal => return Ok(Written::Before),
            Ordering::Less => {}
        }
        let is_next = row.turn == turn.number - 1 || self.has_inexact_fence;
        if row.epoch != turn.lease.epoch || !is_next {
            return Err(CommitError::TurnsLost(row.state()));
        }
        self.refuse_taken(&turn.new_runs)?;
        for chunk in &turn.events {
            let known = self.events.get(&chunk.run);
            if known.is_some_and(|chunks| chunks.contains_key(&chunk.seq)) {
                let twice = format!("chunk {} of run {} exists already", chunk.seq, chunk.run);
                return Err(StoreError::Defect(twice).into());
            }
            if self.unwritable.contains(&chunk.run) {
                return Err(StoreError::Defect("the row can't be written".into()).into());
            }
        }
        self.write(turn);
        Ok(Written::New)
    }

    fn refuse_taken(&self, new: &[NewRun]) -> Result<(), CommitError> {
        let mut ids = BTreeSet::new();
        if let Some(run) = new.iter().find(|run| !ids.insert(run.id)) {
            return Err(CommitError::IdTaken(run.id));
        }
        let mut dates: BTreeSet<_> = BTreeSet::new();
        for run in new {
            if self.runs.contains_key(&run.id) {
                return Err(CommitError::IdTaken(run.id));
            }
            let dated = is_dated(run.kind);
            let taken = dated
                && (self.has_run_for(run.dag, run.logical_date)
                    || !dates.insert((run.dag, run.logical_date)));
            if taken {
                return Err(CommitError::RunExists(run.id));
            }
        }
        Ok(())
    }

    fn write(&mut self, turn: &Turn) {
        let shard = turn.lease.shard;
        if let Some(row) = self.shards.get_mut(&shard) {
            row.turn = turn.number;
            row.committed = TurnId {
                epoch: row.epoch,
                turn: row.turn,
            };
        }
        for new in &turn.new_runs {
            self.insert_run(as_stored(new.clone()), shard);
            self.take_updates(new);
        }
        for ClearedTask {
            run,
            task,
            from,
            below,
        } in &turn.cleared
        {
            let of_task: Vec<_> = self
                .instances
                .keys()
                .filter(|(of, instance)| of == run && instance.task == *task)
                .filter(|(_, instance)| instance.index >= *from)
                .filter(|(_, instance)| below.is_none_or(|below| instance.index < below))
                .copied()
                .collect();
            for key in of_task {
                self.instances.remove(&key);
            }
            if below.is_none() {
                self.summaries.remove(&(*run, *task));
            }
        }
        for attempt in &turn.attempts {
            let key = (attempt.run, attempt.instance, attempt.number);
            self.attempts.insert(key, attempt.clone());
        }
        for row in &turn.instances {
            self.instances.insert((row.run, row.instance), row.clone());
        }
        for summary in &turn.tasks {
            self.summaries
                .insert((summary.run, summary.task), summary.clone());
        }
        for chunk in &turn.events {
            let chunks = self.events.entry(chunk.run).or_default();
            chunks.insert(chunk.seq, chunk.body.clone());
        }
        for update in &turn.runs {
            if let Some(row) = self.runs.get_mut(&update.id) {
                row.update = Some(update.clone());
                self.file(update.id);
            }
        }
        for done in &turn.commands {
            let shard = self.commands.get(&done.id).map(|row| row.shard);
            if let Some(waiting) = shard.and_then(|shard| self.waiting.get_mut(&shard)) {
                waiting.remove(&done.id);
            }
        }
        self.cancel_called_runs(turn);
        for update in &turn.timetables {
            if let Some(dag) = self.dags.get_mut(&update.dag) {
                dag.state.last_scheduled = Some(update.last_scheduled);
            }
        }
        self.ask(turn);
        self.update_assets(turn);
        self.match_turn(turn);
    }

    /// Puts a run among those that are queued, active, or neither.
    pub(super) fn file(&mut self, id: RunId) {
        let row = &self.runs[&id];
        let (dag, date, state) = (row.stored.dag, row.stored.logical_date, row.state());
        let active = self.active.entry(row.shard).or_default();
        if state == RunState::Running {
            active.insert(id);
        } else {
            active.remove(&id);
        }
        let queued = self.queued.entry(dag).or_default();
        if state == RunState::Pending {
            queued.insert((date, id));
        } else {
            queued.remove(&(date, id));
        }
        if queued.is_empty() {
            self.queued.remove(&dag);
        }
    }

    pub(super) fn insert_run(&mut self, stored: StoredRun, shard: weft_store::ShardId) {
        let id = stored.id;
        if is_dated(stored.kind) {
            self.dates.insert((stored.dag, stored.logical_date));
        }
        let row = RunRow {
            stored,
            shard,
            update: None,
        };
        self.runs.insert(id, row);
        self.file(id);
    }
}

fn as_stored(new: NewRun) -> StoredRun {
    StoredRun {
        id: new.id,
        tenant: new.tenant,
        dag: new.dag,
        version: new.version,
        kind: new.kind,
        logical_date: new.logical_date,
        interval: new.interval,
        params: new.params,
        concurrency_key: new.concurrency_key,
        not_before: new.not_before,
        created: new.created,
        trace: new.trace,
        caller: new.caller,
        events: Vec::new(),
        next_seq: 0,
    }
}
