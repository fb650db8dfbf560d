//! Asks the broker which live attempts it knows.

use super::Driver;
use crate::{
    limits::RUNS_PER_LOOKUP,
    scheduler::orphans::{Found, is_over},
    steps::reconcile,
};
use std::collections::{BTreeSet, HashSet};
use tokio::time::Instant;
use weft_broker::{AttemptKey, BrokerError};
use weft_core::{run::Phase, run_id::RunId};
use weft_store::StoreError;

/// Which call failed when attempts were reconciled.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReconcileError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Driver<'_> {
    /// Reconciles the attempts that are live for some time, once an interval.
    pub(super) async fn reconcile_if_due(&mut self) {
        let shard = &mut *self.shard;
        if !self.cx.faults.reconciles() || !shard.reconcile.start_round(Instant::now()) {
            return;
        }
        shard.outbox.drop_outdated_releases(&shard.runs);
        let live = reconcile::attempts_to_reconcile(shard, self.cx.now());
        if live.is_empty() {
            shard.reconcile.clear();
            return;
        }
        if let Err(error) = self.reconcile(live).await {
            tracing::warn!(%error, shard = self.shard.id().0, operation = "reconcile", "broker call failed; attempts are reconciled in the next round");
        }
    }

    /// Publishes attempts again that the broker does not know and no worker had. Those that a
    /// worker had are lost after a grace, and those that a worker has for too long are taken back.
    pub(super) async fn reconcile(
        &mut self,
        live: Vec<(AttemptKey, Phase)>,
    ) -> Result<(), BrokerError> {
        if live.is_empty() {
            return Ok(());
        }
        let keys: Vec<AttemptKey> = live.iter().map(|(key, _)| *key).collect();
        let known: HashSet<AttemptKey> = self
            .shard
            .broker
            .find_known(&keys)
            .await?
            .into_iter()
            .collect();
        let grace = self.shard.broker.announcement_window();
        let grace = self.cx.faults.loss_grace(grace);
        let now = Instant::now();
        let before = self.shard.reconcile.take_round();
        for (key, phase) in live {
            let is_known = known.contains(&key);
            let (mut events, _outbox, state) = self.shard.split(self.cx);
            match (phase, is_known) {
                (Phase::Queued, true) => {}
                (Phase::Queued, false) => {
                    self.shard.outbox.postpone(key.run, key.attempt);
                }
                (Phase::Running, true) => {
                    reconcile::record_running(&mut events, state, &before, key, now);
                }
                (Phase::Running, false) => {
                    reconcile::record_unknown(&mut events, state, &before, key, now, grace);
                }
            }
        }
        Ok(())
    }

    /// Revokes what the broker has and the database says is over: a scheduler may have committed
    /// the end of an attempt, and died before it revoked it.
    pub(super) async fn revoke_ended(&mut self) -> Result<(), ReconcileError> {
        let mut listed = self.shard.broker.list_attempts().await?;
        // Equal takeovers are to have equal effects.
        listed.sort_unstable_by_key(|key| (key.run, key.attempt.instance, key.attempt.nonce));
        let is_unknown = |run: &RunId| !self.shard.runs.contains(*run);
        let unknown: BTreeSet<RunId> = listed.iter().map(|key| key.run).collect();
        let unknown: Vec<RunId> = unknown.into_iter().filter(is_unknown).collect();
        let mut found = Found::new();
        for runs in unknown.chunks(RUNS_PER_LOOKUP) {
            found.extend(self.deps.store.dags_of_runs(runs).await?);
        }
        for key in listed {
            let is_over = if self.shard.runs.contains(key.run) {
                !self.shard.runs.is_current(&key)
            } else {
                is_over(self.shard, key.run, &found)
            };
            if is_over {
                self.shard.batch.revoke(key);
            }
        }
        Ok(())
    }
}
