//! Looks up what instances wait for, and what a call needs before it is applied.

use super::{Driver, held::unreadable_as_value};
use crate::{
    limits::{MAX_AWAITED_ASSETS_PER_SWEEP, MAX_WAITS_PER_TURN},
    shard::waits::{Waiter, Waiting},
    steps::{calls, waits},
    versions::Version,
};
use serde_json::{Map, Value};
use std::sync::Arc;
use weft_broker::Notice;
use weft_core::{
    id::{DagId, TenantId},
    run::RunState,
    run_id::RunId,
    wait::{AwaitedTask, TaskEnd, Wait, Woken},
};
use weft_store::{Awaited, StoreError, VersionId};

impl Driver<'_> {
    /// Has the waits for assets looked up that have changed since they were looked up last: by an update that
    /// was reported from outside.
    pub(super) async fn find_asset_changes(&mut self) -> Result<(), StoreError> {
        let assets = self.shard.waits.next_assets(MAX_AWAITED_ASSETS_PER_SWEEP);
        if assets.is_empty() {
            return Ok(());
        }
        let changes = self.deps.store.asset_changes(&assets).await?;
        for (asset, changes) in assets.iter().zip(changes) {
            self.shard.waits.asset_changes(asset, changes);
        }
        Ok(())
    }

    /// Ends the waits that are over. Those that can't be looked up stay pending.
    pub(super) async fn end_waits(&mut self) -> Result<(), StoreError> {
        if !self.shard.waits.has_pending() {
            return Ok(());
        }
        let mut waits = Vec::new();
        for (waiter, waiting) in self.shard.waits.pending(MAX_WAITS_PER_TURN) {
            if waits::waits_for(&mut self.events(), waiter, &waiting.wait) {
                waits.push((waiter, waiting));
            } else {
                self.shard.waits.remove(waiter);
            }
        }
        let wanted = waits.iter();
        let wanted: Vec<(TenantId, Wait)> = wanted
            .map(|(_, waiting)| (waiting.tenant.clone(), waiting.wait.clone()))
            .collect();
        let found = self.deps.store.awaited(&wanted).await?;
        for ((waiter, waiting), found) in waits.into_iter().zip(found) {
            if let Some(woken) = self.end_of_wait(waiter, waiting, found).await? {
                waits::end_wait(&mut self.events(), waiter, &woken);
            }
        }
        Ok(())
    }

    /// What ends a wait, if it is over. Otherwise the wait is recorded under what it is for.
    async fn end_of_wait(
        &mut self,
        waiter: Waiter,
        Waiting { tenant, wait }: Waiting,
        found: Awaited,
    ) -> Result<Option<Woken>, StoreError> {
        let (run, dag, version, state) = match (found, wait) {
            (Awaited::Update(update), _) => return Ok(Some(waits::seen(update))),
            (Awaited::NoUpdate, Wait::Asset { asset, .. }) => {
                self.shard.waits.wait_for_asset(waiter, (tenant, asset));
                return Ok(None);
            }
            (
                Awaited::NoRun,
                Wait::Dag { dag, logical_date }
                | Wait::DagTask {
                    dag, logical_date, ..
                },
            ) => {
                let dated = (tenant, dag, logical_date);
                self.shard.waits.wait_for_date(waiter, dated);
                return Ok(None);
            }
            (Awaited::NoRun | Awaited::NoDag | Awaited::NoUpdate, wait) => {
                return Ok(waits::missing(wait));
            }
            (
                Awaited::Run {
                    run,
                    dag,
                    version,
                    state,
                },
                wait,
            ) => {
                if let Some(task) = wait.task() {
                    let of = AwaitedTask {
                        run: Some(run),
                        dag: Some(dag),
                        task: task.clone(),
                        end: None,
                    };
                    let version = self.version(version, &tenant).await;
                    let version = unreadable_as_value(version)?;
                    return self
                        .end_of_task(waiter, of, (run, state), version.ok())
                        .await;
                }
                if !state.is_ended() {
                    self.shard.waits.wait_for_run(waiter, run);
                    return Ok(None);
                }
                if !matches!(wait, Wait::Call(_)) {
                    let ended = (run, dag, state);
                    return Ok(Some(waits::ended(ended, None)));
                }
                (run, dag, version, state)
            }
        };
        let outputs = self.outputs_of_call(run, version, &tenant).await?;
        Ok(Some(waits::ended((run, dag, state), Some(outputs))))
    }

    /// The end of a task of another run. Where the run is in memory, that decides; what of it this turn commits
    /// is committed together with the end of the wait.
    async fn end_of_task(
        &mut self,
        waiter: Waiter,
        awaited: AwaitedTask,
        (run, state): (RunId, RunState),
        version: Option<Arc<Version>>,
    ) -> Result<Option<Woken>, StoreError> {
        let task = version.and_then(|version| version.task(&awaited.task));
        let Some(task) = task else {
            return Ok(Some(Woken::Task(awaited)));
        };
        if self.shard.batch.is_large(run) {
            // Several turns commit its changes. Until then the wait stays pending.
            return Ok(None);
        }
        let end = match self.shard.runs.get(run) {
            Some(active) if active.run.counts(task).unfinished() == 0 => {
                TaskEnd::of(&active.run.counts(task))
            }
            None if state.is_ended() => {
                let ends = self.deps.store.task_ends(&[(run, task)]).await?;
                ends.first().map(|(_, _, end)| *end)
            }
            Some(_) | None => {
                self.shard.waits.wait_for_task(waiter, run, task);
                return Ok(None);
            }
        };
        Ok(Some(Woken::Task(AwaitedTask { end, ..awaited })))
    }

    async fn outputs_of_call(
        &mut self,
        run: RunId,
        version: VersionId,
        tenant: &TenantId,
    ) -> Result<Map<String, Value>, StoreError> {
        let version = match unreadable_as_value(self.version(version, tenant).await)? {
            Ok(version) => version,
            Err(error) => {
                tracing::error!(%run, error, operation = "return outputs", "the version of a called run can't be read; its caller gets no outputs");
                return Ok(Map::new());
            }
        };
        let instances = waits::last_instances(&version);
        let outputs = self.deps.store.outputs(run, &instances).await?;
        Ok(waits::returned_outputs(&version, run, outputs))
    }

    /// Reads what the calls that these notices bring need. Returns which notices can't be applied
    /// yet, since the database did not answer: their reports are repeated.
    pub(in crate::scheduler) async fn prepare_calls(&mut self, notices: &[Notice]) -> Vec<bool> {
        let mut has_read_settings = false;
        let mut unprepared = vec![false; notices.len()];
        for (notice, is_unprepared) in notices.iter().zip(&mut unprepared) {
            let Some((run, dag)) = calls::call_of(notice) else {
                continue;
            };
            if let Err(error) = self.prepare_call(run, dag, &mut has_read_settings).await {
                tracing::warn!(%run, %dag, %error, operation = "prepare call", "database call failed; the call is made when its report is repeated");
                *is_unprepared = true;
            }
        }
        unprepared
    }

    /// Brings the active version of a called DAG into memory. A DAG that was deployed since the
    /// settings were read last is found, too.
    async fn prepare_call(
        &mut self,
        run: RunId,
        dag: &DagId,
        has_read_settings: &mut bool,
    ) -> Result<(), StoreError> {
        let Some(active) = self.shard.runs.get(run) else {
            return Ok(());
        };
        let tenant = active.tenant.clone();
        if self.shard.runs.dag_of_id(&tenant, dag).is_none()
            && !std::mem::replace(has_read_settings, true)
        {
            self.read_settings().await?;
        }
        if let Some(dag) = self.shard.runs.dag_of_id(&tenant, dag) {
            self.active_version(dag).await?;
        }
        Ok(())
    }
}
