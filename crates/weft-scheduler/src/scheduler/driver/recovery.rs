//! Reads of whole shards: settings and DAGs, active runs after a takeover, sweeps.

use super::{Driver, TurnError, held::unreadable_as_value, reconcile::ReconcileError};
use crate::{
    active_run::ActiveRun,
    shard::{dag_entry::DagEntry, held::Object, waits::Waiting},
    steps::{recovery, settings},
    versions::Version,
};
use std::{collections::BTreeSet, sync::Arc};
use weft_broker::AttemptKey;
use weft_core::{
    id::TenantId,
    run::{Instance, Phase},
    run_id::RunId,
};
use weft_store::{
    CommandId, DagKey, DagState, ResumeState, ShardState, StoreError, StoredRun, VersionId,
};

/// Rows that one query reads.
const ROWS_PER_PAGE: u32 = 1000;
/// Active runs that one query reads: each comes with its events.
const RUNS_PER_PAGE: u32 = 64;
/// Deferred instances whose states one query reads.
const RESUME_STATES_PER_QUERY: usize = 256;

impl Driver<'_> {
    /// Reads everything of a shard that was taken over.
    pub(in crate::scheduler) async fn recover(&mut self) -> Result<(), TurnError> {
        let state = self.deps.store.shard_state(self.shard.id()).await?;
        self.shard
            .check_takeover(state)
            .map_err(TurnError::Dropped)?;
        self.find_lost_turns(state).await?;
        // What live attempts occupy counts from now on, for all tenants alike.
        self.shard.queue.advance_time(self.cx.now());
        self.read_settings().await?;
        let mut live = Vec::new();
        let mut after = None;
        loop {
            let store = &self.deps.store;
            let page = store
                .active_runs(self.shard.id(), after, RUNS_PER_PAGE)
                .await?;
            after = page.last_key(|stored| stored.id);
            if after.is_none() {
                break;
            }
            for row in page.unreadable {
                self.hold_run(row.key, None, &row.why);
            }
            live.extend(self.recover_runs(page.readable).await?);
        }
        // A command that was interrupted is finished first: the attempts that it ended are not lost.
        let mut last = self.sweep().await?;
        // The rows of each one may be written in part, so nothing else happens before all are applied.
        while last.is_some() {
            last = self.apply_commands(last).await?;
        }
        live.retain(|(key, _)| self.shard.runs.is_current(key));
        // A takeover needs the answers: it is repeated as when the database fails.
        let unanswered = |error| match error {
            ReconcileError::Broker(error) => StoreError::Unavailable(error.to_string()),
            ReconcileError::Store(error) => error,
        };
        let reconciled = self.reconcile(live).await;
        reconciled.map_err(|error| unanswered(error.into()))?;
        self.revoke_ended().await.map_err(unanswered)?;
        Ok(())
    }

    /// Compares what the database had committed of the shard before this takeover with what it had
    /// acknowledged, as the broker and this process know it, and records what it lost. Everything is
    /// read from the database now, so what it lost is done again.
    async fn find_lost_turns(&self, found: ShardState) -> Result<(), StoreError> {
        let (shard, lease) = (self.shard.id(), self.shard.lease);
        let heartbeat = &self.cx.heartbeat;
        let known = heartbeat.committed_turns(shard);
        let Some(known) = known.max(self.shard.broker.previous_turn()) else {
            return Ok(());
        };
        let kept = found.committed;
        if (known.epoch, known.last) <= (kept.epoch, kept.turn) {
            return Ok(());
        }
        let before = if known.epoch == kept.epoch {
            kept.turn
        } else {
            known.before
        };
        let turns = u64::try_from(known.last - before).unwrap_or(0).max(1);
        tracing::error!(
            shard = shard.0,
            epoch = known.epoch,
            last_acknowledged_turn = known.last,
            turns,
            found_epoch = kept.epoch,
            found_turn = kept.turn,
            operation = "take over",
            "the database lost turns that it had acknowledged to the shard's last scheduler; what they recorded is done again"
        );
        self.deps.store.record_lost_turns(lease, turns).await?;
        heartbeat.metrics.record_lost_turns(turns);
        Ok(())
    }

    /// Recovers runs; returns their live attempts. What they need beside their rows is read for all
    /// of them at once.
    pub(super) async fn recover_runs(
        &mut self,
        stored: Vec<StoredRun>,
    ) -> Result<Vec<(AttemptKey, Phase)>, StoreError> {
        let versions = stored.iter().map(|stored| {
            let entry = self.shard.runs.dag(stored.dag);
            let active = entry.and_then(DagEntry::active_version);
            let faults = self.cx.faults;
            let version = faults.recovered_version(stored.version, active);
            (version, stored.tenant.clone())
        });
        let versions: Vec<(VersionId, TenantId)> = versions.collect();
        self.read_versions(&versions).await?;
        let mut replayed = Vec::with_capacity(stored.len());
        for (stored, (version, _)) in stored.into_iter().zip(versions) {
            replayed.extend(self.replay_run(stored, version).await?);
        }
        self.read_resume_states(&mut replayed).await?;
        let mut live = Vec::new();
        for active in replayed {
            for (instance, record) in &active.records {
                if let Some(wait) = record.wait.as_ref().filter(|wait| wait.is_looked_up()) {
                    let waiting = Waiting {
                        tenant: active.tenant.clone(),
                        wait: wait.clone(),
                    };
                    self.shard.waits.add((active.id, *instance), waiting);
                }
            }
            live.extend(recovery::add_recovered_run(&mut self.events(), active));
        }
        Ok(live)
    }

    /// Replays a run that goes on with this version; one that can't be replayed is held aside.
    async fn replay_run(
        &mut self,
        stored: StoredRun,
        version: VersionId,
    ) -> Result<Option<ActiveRun>, StoreError> {
        let run = stored.id;
        let version = self.version(version, &stored.tenant).await;
        let replayed = unreadable_as_value(version)?
            .and_then(|version| self.as_begun(version, &stored))
            .and_then(|version| recovery::replay_run(stored, version));
        match replayed {
            Ok(active) => Ok(Some(active)),
            Err(why) => {
                self.hold_run(run, None, &why);
                Ok(None)
            }
        }
    }

    /// Reads what deferred instances left. Where that can't be read, each run is read alone, and held
    /// aside if it is the one.
    async fn read_resume_states(
        &mut self,
        replayed: &mut Vec<ActiveRun>,
    ) -> Result<(), StoreError> {
        let mut of_runs = Vec::new();
        for active in &mut *replayed {
            let unread = active.take_unread_resume_states().into_iter();
            let unread: Vec<_> = unread.map(|instance| (active.id, instance)).collect();
            if !unread.is_empty() {
                of_runs.push(unread);
            }
        }
        for unread in of_runs.concat().chunks(RESUME_STATES_PER_QUERY) {
            let states = self.deps.store.resume_states(unread).await;
            match unreadable_as_value(states)? {
                Ok(states) => set_resume_states(replayed, states),
                Err(_unreadable) => return self.read_each_resume_state(replayed, of_runs).await,
            }
        }
        Ok(())
    }

    async fn read_each_resume_state(
        &mut self,
        replayed: &mut Vec<ActiveRun>,
        of_runs: Vec<Vec<(RunId, Instance)>>,
    ) -> Result<(), StoreError> {
        for unread in of_runs {
            let states = self.deps.store.resume_states(&unread).await;
            match unreadable_as_value(states)? {
                Ok(states) => set_resume_states(replayed, states),
                Err(why) => {
                    let run = unread[0].0;
                    replayed.retain(|active| active.id != run);
                    self.hold_run(run, None, &why);
                }
            }
        }
        Ok(())
    }

    /// Reads settings and DAGs.
    pub(super) async fn read_settings(&mut self) -> Result<(), StoreError> {
        let id = self.shard.id();
        let mut read = self.deps.store.settings(id).await?;
        let consequence = "no slots are known, so what it bounds waits";
        let unreadable = std::mem::take(&mut read.unreadable);
        self.report_unreadable(Object::Setting, unreadable, String::clone, consequence);
        let shard = &mut *self.shard;
        settings::apply_settings(&mut shard.settings, &mut shard.queue, self.cx, &read);
        let mut existing = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self.deps.store.dags(id, after, ROWS_PER_PAGE).await?;
            after = page.last_key(|state| state.key);
            if after.is_none() {
                break;
            }
            existing.extend(page.unreadable.iter().map(|row| row.key));
            let name = |key: &DagKey| format!("row {}", key.0);
            let consequence = "no run of the DAG starts";
            self.report_unreadable(Object::Dag, page.unreadable, name, consequence);
            let changed = page.readable.iter();
            let changed = changed.filter(|state| settings::is_changed(&self.shard.runs, state));
            let versions: Vec<_> = changed
                .filter_map(|state| Some((state.active?, state.tenant.clone())))
                .collect();
            self.read_versions(&versions).await?;
            for state in page.readable {
                existing.insert(state.key);
                self.read_dag(state).await?;
            }
        }
        self.shard.runs.retain_dags(&existing);
        self.read_crashes().await?;
        self.shard.settings.set_version(read.version);
        Ok(())
    }

    async fn read_dag(&mut self, state: DagState) -> Result<(), StoreError> {
        if !settings::is_changed(&self.shard.runs, &state) {
            return Ok(());
        }
        let version = self.read_active_version(&state).await?;
        settings::apply_dag(self.shard, self.cx, state, version.as_deref());
        Ok(())
    }

    /// A DAG's active version; none where it can't be read, which is reported.
    pub(super) async fn read_active_version(
        &mut self,
        state: &DagState,
    ) -> Result<Option<Arc<Version>>, StoreError> {
        let Some(active) = state.active else {
            return Ok(None);
        };
        match unreadable_as_value(self.version(active, &state.tenant).await)? {
            Ok(version) => Ok(Some(version)),
            Err(why) => {
                self.report_version(state, active, why);
                Ok(None)
            }
        }
    }

    /// Reads what lost wake-ups may have announced: settings, queued runs, commands.
    /// Returns the last command where there may be more than it applied.
    pub(super) async fn sweep(&mut self) -> Result<Option<CommandId>, TurnError> {
        let (id, faults) = (self.shard.id(), self.cx.faults);
        let store = &*self.deps.store;
        let state = store.shard_state(id).await?;
        let checked = self.shard.check_state(state);
        faults.checked_state(checked).map_err(TurnError::Dropped)?;
        if state.settings != self.shard.settings.version() {
            self.read_settings().await?;
            // What could not be read may have been repaired.
            self.shard.held.retry_all();
        }
        self.retry_held_runs().await?;
        faults.during_sweep(store, id, RUNS_PER_PAGE).await?;
        // Queued runs may have ended without a start.
        self.shard.schedule.resume_timetables();
        if faults.finds_queued_runs() {
            self.find_queued_runs().await?;
        }
        if faults.reads_commands(self.shard.turn == self.shard.first_turn) {
            return Ok(self.apply_commands(None).await?);
        }
        Ok(None)
    }

    /// Reads which DAGs have queued runs that may start, and when the next one may.
    pub(super) async fn find_queued_runs(&mut self) -> Result<(), StoreError> {
        let (id, now) = (self.shard.id(), self.cx.now());
        let store = &self.deps.store;
        let next = store.next_queued(id, now).await?;
        let mut all = Vec::new();
        loop {
            let after = all.last().copied();
            let page = store
                .dags_with_queued_runs(id, now, after, ROWS_PER_PAGE)
                .await?;
            let is_last = page.len() < ROWS_PER_PAGE as usize;
            all.extend(page);
            if is_last {
                break;
            }
        }
        self.shard.schedule.set_queued(all, next);
        Ok(())
    }

    /// Writes crashes that the database does not have yet.
    pub(super) async fn write_crashes(&mut self) -> Result<(), StoreError> {
        let unwritten = self.shard.crashes.unwritten();
        if !unwritten.is_empty() {
            self.deps.store.record_crashes(unwritten).await?;
            self.shard.crashes.clear_unwritten();
        }
        Ok(())
    }

    async fn read_crashes(&mut self) -> Result<(), StoreError> {
        self.write_crashes().await?;
        let stored = self.deps.store.crashes(self.shard.id()).await?;
        let name = |run: &RunId| format!("a crash in run {run}");
        let consequence = "it does not count against its task";
        self.report_unreadable(Object::Crash, stored.unreadable, name, consequence);
        self.shard.crashes.replace(stored.readable);
        Ok(())
    }
}

fn set_resume_states(runs: &mut [ActiveRun], states: Vec<ResumeState>) {
    for left in states {
        if let Some(active) = runs.iter_mut().find(|active| active.id == left.run) {
            active.set_resume_state(left);
        }
    }
}
