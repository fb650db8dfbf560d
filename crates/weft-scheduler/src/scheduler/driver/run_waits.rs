//! Looks up the runs that instances wait for, and what a call needs before it is applied.

use super::{Driver, held::unreadable_as_value};
use crate::{
    limits::MAX_RUN_WAITS_PER_TURN,
    shard::run_waits::Waiter,
    steps::{calls, run_waits},
};
use serde_json::{Map, Value};
use weft_broker::Notice;
use weft_core::{
    id::{DagId, TenantId},
    run_id::RunId,
    wait::{AwaitedRun, Wait, Woken},
};
use weft_store::{Awaited, StoreError, VersionId};

impl Driver<'_> {
    /// Ends the waits whose runs have ended. Those that can't be looked up stay pending.
    pub(super) async fn end_run_waits(&mut self) -> Result<(), StoreError> {
        if !self.shard.run_waits.has_pending() {
            return Ok(());
        }
        let mut waits = Vec::new();
        for (waiter, wait) in self.shard.run_waits.pending(MAX_RUN_WAITS_PER_TURN) {
            if run_waits::waits_for(&mut self.events(), waiter, &wait)
                && let Some(active) = self.shard.runs.get(waiter.0)
            {
                waits.push((waiter, active.tenant.clone(), wait));
            } else {
                self.shard.run_waits.remove(waiter);
            }
        }
        let wanted = waits.iter();
        let wanted: Vec<(TenantId, Wait)> = wanted
            .map(|(_, tenant, wait)| (tenant.clone(), wait.clone()))
            .collect();
        let found = self.deps.store.awaited_runs(&wanted).await?;
        for ((waiter, tenant, wait), found) in waits.into_iter().zip(found) {
            self.end_run_wait(waiter, (tenant, wait), found).await?;
        }
        Ok(())
    }

    async fn end_run_wait(
        &mut self,
        waiter: Waiter,
        (tenant, wait): (TenantId, Wait),
        found: Awaited,
    ) -> Result<(), StoreError> {
        let awaited = match (found, wait) {
            (Awaited::Run { run, state, .. }, _) if !state.is_ended() => {
                self.shard.run_waits.wait_for_run(waiter, run);
                return Ok(());
            }
            (
                Awaited::Run {
                    run,
                    dag,
                    version,
                    state,
                },
                wait,
            ) => AwaitedRun {
                run: Some(run),
                dag: Some(dag),
                state: Some(state),
                outputs: match wait {
                    Wait::Call(_) => Some(self.outputs_of_call(run, version, &tenant).await?),
                    Wait::Event(_) | Wait::Run(_) | Wait::Dag { .. } | Wait::Approval { .. } => {
                        None
                    }
                },
            },
            (Awaited::NoRun, Wait::Dag { dag, logical_date }) => {
                let dated = (tenant, dag, logical_date);
                self.shard.run_waits.wait_for_date(waiter, dated);
                return Ok(());
            }
            (Awaited::NoRun | Awaited::NoDag, Wait::Run(run) | Wait::Call(run)) => {
                missing(Some(run), None)
            }
            (Awaited::NoDag, Wait::Dag { dag, .. }) => missing(None, Some(dag)),
            (Awaited::NoRun | Awaited::NoDag, Wait::Event(_) | Wait::Approval { .. }) => {
                return Ok(());
            }
        };
        run_waits::end_wait(&mut self.events(), waiter, &Woken::Run(awaited));
        Ok(())
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
        let instances = run_waits::last_instances(&version);
        let outputs = self.deps.store.outputs(run, &instances).await?;
        Ok(run_waits::returned_outputs(&version, run, outputs))
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

const fn missing(run: Option<RunId>, dag: Option<DagId>) -> AwaitedRun {
    AwaitedRun {
        run,
        dag,
        state: None,
        outputs: None,
    }
}
