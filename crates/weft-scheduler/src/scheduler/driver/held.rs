//! Holds unreadable rows aside, and reports each once.

use super::Driver;
use crate::{shard::held::Object, steps::commands, versions::Version};
use std::sync::Arc;
use weft_core::run_id::RunId;
use weft_store::{Command, DagKey, DagState, StoreError, StoredRun, Unreadable, VersionId};

/// Runs that are held aside and that one sweep reads again.
const MAX_HELD_RETRIED: usize = 256;

impl Driver<'_> {
    /// Holds a run aside, one of this DAG where it is queued.
    pub(super) fn hold_run(&mut self, run: RunId, queued_of: Option<DagKey>, why: &str) {
        if self.shard.held.insert_run(run, queued_of, why) {
            self.count_unreadable(Object::Run);
            tracing::error!(%run, why, operation = "read run", "a run can't be continued; it is held aside, and all others go on");
        }
    }

    /// Reports rows, other than of runs, that can't be read.
    pub(super) fn report_unreadable<K>(
        &mut self,
        object: Object,
        rows: Vec<Unreadable<K>>,
        name: impl Fn(&K) -> String,
        consequence: &'static str,
    ) {
        for row in rows {
            let name = name(&row.key);
            if self.shard.held.report(object, &name) {
                self.count_unreadable(object);
                tracing::error!(
                    shard = self.shard.id().0,
                    object = object.name(),
                    name,
                    why = row.why,
                    operation = "read rows",
                    consequence,
                    "a row can't be read; all others go on"
                );
            }
        }
    }

    pub(super) fn count_unreadable(&self, object: Object) {
        self.cx.heartbeat.metrics.record_unreadable(object.name());
    }

    /// The version of a run with the defaults that it began with, or why one can't be read.
    pub(super) async fn version_of(
        &mut self,
        stored: &StoredRun,
    ) -> Result<Result<Arc<Version>, String>, StoreError> {
        let version = self.version(stored.version, &stored.tenant).await;
        let version = unreadable_as_value(version)?;
        Ok(version.and_then(|version| self.as_begun(version, stored)))
    }

    /// The version that a DAG's new runs get. `None` where there is none, or where it can't be
    /// read, which is reported.
    pub(super) async fn active_version(
        &mut self,
        dag: DagKey,
    ) -> Result<Option<Arc<Version>>, StoreError> {
        let Some(entry) = self.shard.runs.dag(dag) else {
            return Ok(None);
        };
        let state = entry.state().clone();
        self.read_active_version(&state).await
    }

    /// Reports a DAG's active version that can't be read.
    pub(super) fn report_version(&mut self, state: &DagState, version: VersionId, why: String) {
        let key = format!(
            "{} of tenant {}, version {}",
            state.id, state.tenant, version.0
        );
        let consequence = "its timetable creates no runs until another version is active";
        let rows = vec![Unreadable { key, why }];
        self.report_unreadable(Object::Dag, rows, String::clone, consequence);
    }

    /// Ends a run as failed that can't be continued, and revokes the attempts that the broker has
    /// of it, as the database does not say which are live.
    pub(super) async fn fail_run(
        &mut self,
        command: &Command,
        why: &str,
    ) -> Result<(), StoreError> {
        let run = command.run;
        let listed = self.shard.broker.list_attempts().await;
        let listed = listed.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let now = self.cx.now();
        let attempts = listed.into_iter().filter(|key| key.run == run);
        commands::fail_run(&mut self.shard.batch, command, attempts, now);
        self.shard.held.remove_run(run);
        tracing::warn!(%run, why, operation = "fail run", "a run that can't be continued ends as failed, as it was asked for");
        Ok(())
    }

    /// Reads the next runs again that are held aside and are to be retried.
    pub(super) async fn retry_held_runs(&mut self) -> Result<(), StoreError> {
        for (run, queued_of) in self.shard.held.next_retries(MAX_HELD_RETRIED) {
            if let Some(dag) = queued_of {
                self.shard.held.remove_run(run);
                self.shard.schedule.mark_startable(dag);
            } else if let Some(Ok(stored)) = self.deps.store.run(run).await? {
                // Its attempts are reconciled as all that are live for some time.
                self.recover_runs(vec![stored]).await?;
                if self.shard.runs.contains(run) {
                    self.shard.held.remove_run(run);
                    tracing::info!(%run, operation = "read run", "a run that was held aside can be read again; it goes on");
                }
            }
        }
        Ok(())
    }

    /// Writes which runs are held, where the database does not show it yet.
    pub(super) async fn write_held_runs(&mut self) -> Result<(), StoreError> {
        if let Some(held) = self.shard.held.unwritten_runs() {
            let lease = self.shard.lease;
            self.deps.store.replace_held_runs(lease, &held).await?;
            self.shard.held.set_written();
        }
        Ok(())
    }
}

/// Separates what can't be read from a database that does not answer.
pub(super) fn unreadable_as_value<T>(
    read: Result<T, StoreError>,
) -> Result<Result<T, String>, StoreError> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(StoreError::Corrupt(why)) => Ok(Err(why)),
        Err(error) => Err(error),
    }
}
