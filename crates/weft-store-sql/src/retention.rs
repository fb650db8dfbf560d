//! Deletion of runs and traces past their retention.

use crate::{
    Database,
    backend::{Statement, args, statements},
};
use weft_core::{run_id::RunId, time::Timestamp};
use weft_store::StoreError;

statements! {
    CANDIDATES = "SELECT id FROM runs WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";
    /// Marks a run that may go, so that nothing is wanted of it while it goes; one that
    /// was marked goes on going.
    /// $1 run, $2 before, $3 how many of its DAG are kept.
    EXPIRE = "UPDATE runs SET expiring = 1 WHERE id = $1 AND (expiring = 1 OR ( \
        state IN (10, 11, 14) AND ended < $2 \
        AND NOT EXISTS (SELECT 1 FROM commands c WHERE c.run = $1 AND c.done IS NULL) \
        AND $3 <= (SELECT count(*) FROM (SELECT 1 AS one FROM runs n \
            WHERE n.dag = runs.dag AND n.id > runs.id ORDER BY n.id LIMIT $3) AS newer))) \
        RETURNING id";
    DELETE_INSTANCES = "DELETE FROM task_instances WHERE run = $1 AND (task, map_index) IN \
        (SELECT task, map_index FROM task_instances WHERE run = $1 ORDER BY task, map_index LIMIT $2) RETURNING 1";
    DELETE_ATTEMPTS = "DELETE FROM attempts WHERE run = $1 AND (task, map_index, number) IN \
        (SELECT task, map_index, number FROM attempts WHERE run = $1 ORDER BY task, map_index, number LIMIT $2) RETURNING 1";
    DELETE_EVENTS = "DELETE FROM run_events WHERE run = $1 AND seq IN \
        (SELECT seq FROM run_events WHERE run = $1 ORDER BY seq LIMIT $2) RETURNING 1";
    DELETE_NAMED_EVENTS = "DELETE FROM named_events WHERE run = $1 AND id IN \
        (SELECT id FROM named_events WHERE run = $1 ORDER BY name, id LIMIT $2) RETURNING 1";
    DELETE_APPROVALS = "DELETE FROM approvals WHERE run = $1 AND (task, map_index, number) IN \
        (SELECT task, map_index, number FROM approvals WHERE run = $1 ORDER BY task, map_index, number LIMIT $2) RETURNING 1";
    DELETE_ASSET_UPDATES = "DELETE FROM asset_updates WHERE run = $1 AND id IN \
        (SELECT id FROM asset_updates WHERE run = $1 ORDER BY id LIMIT $2) RETURNING 1";
    DELETE_RUN_ASSETS = "DELETE FROM run_assets WHERE run = $1 AND asset_update IN \
        (SELECT asset_update FROM run_assets WHERE run = $1 ORDER BY asset_update LIMIT $2) RETURNING 1";
    DELETE_TASKS = "DELETE FROM run_tasks WHERE run = $1";
    DELETE_NOTES = "DELETE FROM notes WHERE run = $1";
    DELETE_COMMANDS_OF_RUN = "DELETE FROM commands WHERE run = $1";
    /// What counts against a task outlasts the run that showed it.
    DELETE_CRASHES_OF_RUN = "DELETE FROM crashes WHERE run = $1 AND absolved = 1";
    DELETE_RUN = "DELETE FROM runs WHERE id = $1";
    DELETE_ANSWERS = "DELETE FROM answers WHERE (tenant, key) IN \
        (SELECT tenant, key FROM answers WHERE created < $1 ORDER BY created LIMIT $2) RETURNING 1";
    DELETE_COMMANDS = "DELETE FROM commands WHERE id IN \
        (SELECT id FROM commands WHERE done < $1 AND done IS NOT NULL ORDER BY done LIMIT $2) RETURNING 1";
    /// Entries are written in the order of their time.
    DELETE_AUDIT = "DELETE FROM audit WHERE id IN \
        (SELECT old.id FROM (SELECT id, at FROM audit ORDER BY id LIMIT $2) AS old WHERE old.at < $1) RETURNING 1";
    /// Those that no run made.
    DELETE_REPORTED_UPDATES = "DELETE FROM asset_updates WHERE id IN \
        (SELECT id FROM asset_updates WHERE run IS NULL AND at < $1 ORDER BY at LIMIT $2) RETURNING 1";
    DELETE_VERSIONS = "DELETE FROM versions WHERE id IN (SELECT v.id FROM dags d CROSS JOIN versions v \
        WHERE d.deleted IS NOT NULL AND v.dag = d.key AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.dag = d.key) \
        LIMIT $1) RETURNING 1";
    DELETE_DAGS = "DELETE FROM dags WHERE key IN (SELECT d.key FROM dags d WHERE d.deleted IS NOT NULL \
        AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.dag = d.key) \
        AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.dag = d.key) LIMIT $1) RETURNING 1";
}

/// Rows of a run that are deleted in one transaction, so that turns don't wait for long.
const ROWS_AT_ONCE: u32 = 5_000;

/// What is old enough to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunRetention {
    /// Runs that ended before this go.
    pub before: Timestamp,
    /// But never the newest this many of a DAG.
    pub keep_last: u32,
}

/// One step of deleting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionStep {
    /// The runs that are gone, with everything of them.
    pub deleted: Vec<RunId>,
    /// Where to go on; none at the end.
    pub next: Option<RunId>,
}

/// What is kept besides runs, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceRetention {
    /// Remembered answers, from here on.
    pub answers: Timestamp,
    /// Commands that were carried out or refused, from here on.
    pub commands: Timestamp,
    /// The audit, and the causes of failures, from here on.
    pub audit: Timestamp,
}

impl Database {
    /// Looks at up to `batch` runs from `after` on, by id, and deletes what may go.
    /// Runs that have not ended, or that a command waits for, stay.
    pub async fn delete_runs_before(
        &self,
        retention: RunRetention,
        after: Option<RunId>,
        batch: u32,
    ) -> Result<RetentionStep, StoreError> {
        // Ids rise with the time that a run was made.
        let end = RunId::new(retention.before, 0);
        let from = after.map_or(-1, RunId::as_i64);
        let rows = self
            .backend()
            .read(CANDIDATES, args![from, end, batch])
            .await?;
        let is_full = rows.len() >= batch as usize;
        let mut seen = Vec::with_capacity(rows.len());
        for mut row in rows {
            seen.push(row.take::<RunId>()?);
        }
        let next = seen.last().copied().filter(|_last| is_full);
        let mut deleted = Vec::new();
        for run in seen {
            if self.delete_run(run, retention).await? {
                deleted.push(run);
            }
        }
        Ok(RetentionStep { deleted, next })
    }

    /// Deletes up to `batch` rows of each kind; returns how many went.
    pub async fn delete_traces_before(
        &self,
        retention: TraceRetention,
        batch: u32,
    ) -> Result<u64, StoreError> {
        let mut gone = 0;
        for (statement, before) in [
            (DELETE_ANSWERS, retention.answers),
            (DELETE_COMMANDS, retention.commands),
            (DELETE_AUDIT, retention.audit),
            (DELETE_REPORTED_UPDATES, retention.audit),
        ] {
            let rows = self
                .backend()
                .write(statement, args![before, batch])
                .await?;
            gone += rows.len() as u64;
        }
        gone += self.forget_failures(retention.audit, batch).await?;
        gone += self.forget_deliveries(retention.commands, batch).await?;
        for statement in [DELETE_VERSIONS, DELETE_DAGS] {
            let rows = self.backend().write(statement, args![batch]).await?;
            gone += rows.len() as u64;
        }
        Ok(gone)
    }
}

impl Database {
    /// Deletes a run with everything of it, if it may go.
    async fn delete_run(&self, run: RunId, retention: RunRetention) -> Result<bool, StoreError> {
        let marked = self
            .backend()
            .write(EXPIRE, args![run, retention.before, retention.keep_last])
            .await?;
        if marked.is_empty() {
            return Ok(false);
        }
        for statement in [
            DELETE_INSTANCES,
            DELETE_ATTEMPTS,
            DELETE_EVENTS,
            DELETE_NAMED_EVENTS,
            DELETE_APPROVALS,
            DELETE_ASSET_UPDATES,
            DELETE_RUN_ASSETS,
        ] {
            self.delete_rows(statement, run).await?;
        }
        let mut tx = self.backend().begin().await?;
        for statement in [
            DELETE_TASKS,
            DELETE_NOTES,
            DELETE_COMMANDS_OF_RUN,
            DELETE_CRASHES_OF_RUN,
            DELETE_RUN,
        ] {
            tx.run(statement, args![run]).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes rows of a run, some at a time.
    async fn delete_rows(&self, statement: Statement, run: RunId) -> Result<(), StoreError> {
        loop {
            let gone = self
                .backend()
                .write(statement, args![run, ROWS_AT_ONCE])
                .await?;
            if gone.len() < ROWS_AT_ONCE as usize {
                return Ok(());
            }
        }
    }
}
