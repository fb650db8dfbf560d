//! What a scheduler does when it gets a shard: settings, DAGs and every active
//! run into memory, and what had been handed out found again.

use crate::{
    active_run::{ActiveRun, AttemptFacts},
    fault::planted,
    grants::TenantPolicy,
    options::{LAZY_COMMIT, millis},
    shard::{Context, DagEntry, Shard, key_in},
    versions::Version,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use weft_broker::AttemptKey;
use weft_core::{
    fair_queue::{Bounds, MAX_WEIGHT, TenantBounds},
    id::TenantId,
    plan::Plan,
    run::{Attempt, Event, Instance, Outcome, Phase, Run, record},
    time::Timestamp,
    timetable::Timetable,
};
use weft_store::{DagState, StoreError, StoredRun};

/// Rows that are read at once.
const PAGE: u32 = 1000;
/// Active runs that are read at once: each comes with its events.
const RUNS_A_PAGE: u32 = 64;

impl Shard {
    /// Everything of the shard into memory.
    pub(crate) async fn recover(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        self.read_settings(cx).await?;
        let mut live = Vec::new();
        let mut after = None;
        loop {
            let page = cx
                .deps
                .store
                .active_runs(self.lease.shard, after, RUNS_A_PAGE)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for stored in page {
                self.recover_run(cx, stored, &mut live).await?;
            }
        }
        self.reconcile_with_broker(cx, live).await?;
        self.sweep(cx).await
    }

    pub(crate) async fn recover_run(
        &mut self,
        cx: &mut Context,
        stored: StoredRun,
        live: &mut Vec<(AttemptKey, Phase)>,
    ) -> Result<(), StoreError> {
        let id = stored.id;
        let newest = self.dags.get(&stored.dag).and_then(|dag| dag.state.active);
        let pinned = match newest {
            Some(newest) if planted!(cx, TakeoverChangesVersion) => newest,
            Some(_) | None => stored.version,
        };
        let version = match cx
            .versions
            .get(&*cx.deps.store, pinned, &stored.tenant)
            .await
        {
            Ok(version) => version,
            Err(StoreError::Corrupt(why)) => {
                tracing::error!(run = %id, why, "a run's version can't be read; the run is left as it is");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let run = match Run::replay(Arc::clone(&version.plan), None, &stored.events) {
            Ok(run) => run,
            Err(error) => {
                tracing::error!(run = %id, %error, "a run can't be made again from its events; it is left as it is");
                return Ok(());
            }
        };
        let mut active = ActiveRun::recovered(stored, version, run);
        active.read_resume_states(cx).await?;
        active
            .share
            .show(&cx.heartbeat.metrics, active.run.totals());
        if let Some(entry) = self.dags.get_mut(&active.dag) {
            entry.active.insert(id);
        }
        let pending: Vec<_> = active.run.pending().collect();
        let attempts: Vec<_> = active.run.live_attempts().collect();
        self.runs.insert(id, Box::new(active));
        if !planted!(cx, TakeoverForgetsPending) {
            for action in pending {
                self.apply_action(cx, id, action);
            }
        }
        let active = self.runs.get_mut(&id).expect("it was just inserted");
        let to_show = std::mem::take(&mut active.to_show);
        for alive in attempts {
            let instance = alive.attempt.instance;
            if !planted!(cx, TakeoverForgetsSlots) {
                active.live.insert(instance);
                self.order
                    .occupy(&active.version.tasks[instance.task.as_usize()].account);
            }
            let key = key_in(self.lease.shard, id, alive.attempt);
            live.push((key, alive.phase));
        }
        for instance in to_show {
            self.shows_later(cx.now(), id, instance);
        }
        Ok(())
    }

    /// Reads settings and DAGs, if they have changed.
    pub(crate) async fn read_settings(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        let shard = self.lease.shard;
        let settings = cx.deps.store.settings(shard).await?;
        self.order.set_bounds(Bounds {
            max_active: settings.max_active_tasks,
        });
        for tenant in &settings.tenants {
            let favoured = settings.tenants.first() == Some(tenant);
            let bounds = if planted!(cx, OneTenantFavoured) {
                TenantBounds {
                    max_active: tenant.max_active_tasks,
                    weight: if favoured { MAX_WEIGHT } else { 1 },
                }
            } else if planted!(cx, TenantsUnbounded) {
                TenantBounds::default()
            } else {
                TenantBounds {
                    max_active: tenant.max_active_tasks,
                    weight: tenant.weight,
                }
            };
            self.order.set_tenant(&tenant.tenant, bounds);
            cx.policy_generation += 1;
            let policy = TenantPolicy::read(tenant.policy.as_deref(), cx.policy_generation);
            if let Err(error) = &policy.policy {
                tracing::error!(tenant = %tenant.tenant, error = &**error, "a policy can't be read; nothing is granted under it");
            }
            self.policies.insert(tenant.tenant.clone(), policy);
        }
        let pools: BTreeSet<(TenantId, String)> = settings
            .pools
            .iter()
            .map(|pool| (pool.tenant.clone(), pool.name.clone()))
            .collect();
        for (tenant, name) in self.pools.difference(&pools) {
            self.order.set_pool(tenant, name, 0);
        }
        for pool in &settings.pools {
            let slots = pool.slots + u32::from(planted!(cx, PoolsOffByOne));
            self.order.set_pool(&pool.tenant, &pool.name, slots);
        }
        self.pools = pools;
        let mut seen = BTreeSet::new();
        let mut after = None;
        loop {
            let page = cx.deps.store.dags(shard, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for state in page {
                seen.insert(state.key);
                self.take_dag(cx, state).await?;
            }
        }
        self.dags
            .retain(|key, entry| seen.contains(key) || !entry.active.is_empty());
        self.read_crashes(cx).await?;
        self.settings_version = settings.version;
        Ok(())
    }

    /// Takes over how a DAG stands in the database.
    async fn take_dag(&mut self, cx: &mut Context, state: DagState) -> Result<(), StoreError> {
        let key = state.key;
        let known = self.dags.get(&key);
        if known.is_some_and(|entry| entry.state == state) {
            return Ok(());
        }
        let active = known.map(|entry| entry.active.clone()).unwrap_or_default();
        let (max_active_runs, continuous) = match self.read_active(cx, &state).await? {
            Some(version) => (
                version
                    .dag
                    .max_active_runs
                    .unwrap_or(cx.options.max_active_runs),
                version
                    .timetable
                    .as_ref()
                    .is_some_and(Timetable::is_continuous),
            ),
            None => (cx.options.max_active_runs, false),
        };
        let entry = DagEntry {
            state,
            active,
            max_active_runs,
            next: None,
            continuous,
        };
        self.dags.insert(key, entry);
        self.to_start.insert(key);
        self.plan_next(cx, key).await
    }

    /// The active version; one that can't be read is as none.
    async fn read_active(
        &self,
        cx: &mut Context,
        state: &DagState,
    ) -> Result<Option<Arc<Version>>, StoreError> {
        let Some(active) = state.active else {
            return Ok(None);
        };
        match cx
            .versions
            .get(&*cx.deps.store, active, &state.tenant)
            .await
        {
            Ok(version) => Ok(Some(version)),
            Err(StoreError::Corrupt(why)) => {
                tracing::error!(dag = %state.id, why, "the active version of a DAG can't be read; no run of it starts");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes up for lost hints.
    pub(crate) async fn sweep(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        let shard = self.lease.shard;
        if cx.deps.store.settings_version(shard).await? != self.settings_version {
            self.read_settings(cx).await?;
        }
        if planted!(cx, SweepReadsRuns) {
            drop(cx.deps.store.active_runs(shard, None, RUNS_A_PAGE).await?);
        }
        if !planted!(cx, QueuedRunsUnseen) {
            self.find_queued(cx).await?;
        }
        if planted!(cx, CommandsUnseen) && self.turn > 0 {
            return Ok(());
        }
        self.apply_commands(cx).await
    }

    /// Looks for queued runs that may start, and for when the next one may.
    pub(crate) async fn find_queued(&mut self, cx: &Context) -> Result<(), StoreError> {
        let (shard, now) = (self.lease.shard, cx.now());
        let queued = cx
            .deps
            .store
            .dags_with_queued_runs(shard, now, PAGE)
            .await?;
        self.to_start.extend(queued);
        self.next_queued = cx.deps.store.next_queued(shard, now).await?;
        Ok(())
    }
}

impl ActiveRun {
    /// A run as it is stored, with what its events say about attempts that have not ended.
    pub(crate) fn recovered(stored: StoredRun, version: Arc<Version>, run: Run) -> Self {
        let mut queued: HashMap<Instance, Timestamp> = HashMap::new();
        let mut claimed: HashMap<Attempt, Timestamp> = HashMap::new();
        let mut deferred: BTreeSet<Instance> = BTreeSet::new();
        let mut began = None;
        let mut last = Timestamp::default();
        let entries = stored
            .events
            .iter()
            .flat_map(|chunk| record::decode(chunk).unwrap_or_default());
        for (at, event) in entries {
            last = at.now;
            match event {
                Event::Start => began = Some(at.now),
                Event::Dispatched { instance, nonce: _ } => drop(queued.insert(instance, at.now)),
                Event::Started { attempt } => drop(claimed.insert(attempt, at.now)),
                Event::Finished {
                    attempt,
                    outcome: Outcome::Deferred { until: _ },
                } => drop(deferred.insert(attempt.instance)),
                Event::Expanded { .. }
                | Event::ExpandFailed { .. }
                | Event::Finished { .. }
                | Event::Lost { .. }
                | Event::Due { .. }
                | Event::Woken { .. }
                | Event::Cancel
                | Event::Clear { .. }
                | Event::Mark { .. } => {}
            }
        }
        let ended = run
            .state()
            .is_ended()
            .then(|| end_of(&version.plan, &stored.events))
            .flatten();
        let mut active = Self::new(stored, version, run);
        active.started = began;
        active.ended = ended;
        for instance in deferred {
            let state = active.run.instance(instance);
            if state.is_some_and(|state| !state.is_ended()) {
                active.to_resume.push(instance);
            }
        }
        let attempts: Vec<_> = active.run.live_attempts().collect();
        for alive in attempts {
            let instance = alive.attempt.instance;
            let started = claimed.get(&alive.attempt).copied();
            // No row is further behind than that.
            if started.is_some_and(|started| started.plus(millis(LAZY_COMMIT)) >= last) {
                active.to_show.push(instance);
            }
            active.record(instance).attempt = Some(AttemptFacts {
                number: alive.attempt.number,
                nonce: alive.attempt.nonce,
                queued: queued.get(&instance).copied(),
                started,
                ..AttemptFacts::default()
            });
        }
        active
    }

    /// Reads what deferrals left for the attempts to come: rows are written
    /// whole, so what is not known here is lost with the next one.
    async fn read_resume_states(&mut self, cx: &Context) -> Result<(), StoreError> {
        let instances = std::mem::take(&mut self.to_resume);
        if instances.is_empty() {
            return Ok(());
        }
        let states = cx.deps.store.resume_states(self.id, &instances).await?;
        for (instance, state) in states {
            self.record(instance).resume = Some(state);
        }
        Ok(())
    }
}

/// When a run ended that its events make an ended one: a second replay, which
/// only commands to such runs pay for.
fn end_of(plan: &Arc<Plan>, chunks: &[String]) -> Option<Timestamp> {
    let mut run = Run::new(Arc::clone(plan));
    let mut ended = None;
    let mut ignored = Vec::new();
    for chunk in chunks {
        for (at, event) in record::decode(chunk).unwrap_or_default() {
            let had_ended = run.state().is_ended();
            ignored.clear();
            run.handle(at, event, &mut ignored).ok()?;
            if !had_ended && run.state().is_ended() {
                ended = Some(at.now);
            }
        }
    }
    ended
}
