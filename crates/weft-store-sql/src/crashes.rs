//! The deaths of workers that count against a task, and what was decided about them.
//!
//! Crashes are facts, not transitions. Writing them is idempotent for any scheduler, so they
//! are no part of a turn and need no fence.

use crate::{
    ChangeError, DagStamp, Database, Precondition,
    audit::Change,
    backend::{Row, args, statements},
    dags,
    run_store::reading::collect,
    tenants,
};
use weft_core::{
    document::TaskIndex,
    id::{DagId, TaskId, TenantId},
    run::Instance,
    run_id::RunId,
    suspicion::{Blamed, Crash},
    time::Timestamp,
};
use weft_store::{CrashUpdate, DagKey, Rows, ShardId, StoreError};

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT died.run, died.dag, died.digest, died.task, died.task_index, died.map_index, died.number, died.worker, died.at, died.absolved ",
            $where
        )
    };
}

statements! {
    COUNT = "INSERT INTO crashes (run, task_index, map_index, number, dag, digest, task, worker, at, absolved) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    ABSOLVE = "UPDATE crashes SET absolved = 1 WHERE dag = $1 AND digest = $2 AND task = $3";
    CLEAR = "DELETE FROM crashes WHERE run = $1 AND task_index = $2 AND absolved = 1";
    /// What is absolved matters to its run alone, and only until that ends.
    OF_SHARD = select!("FROM crashes died JOIN dags d ON d.key = died.dag WHERE d.shard = $1 AND (died.absolved = 0 \
        OR EXISTS (SELECT 1 FROM runs r WHERE r.id = died.run AND r.state = 2)) \
        ORDER BY died.run, died.task_index, died.map_index, died.number");
    OF_DAG = select!("FROM dags d JOIN crashes died ON died.dag = d.key \
        WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL AND died.absolved = 0 \
        ORDER BY died.at, died.run, died.task_index, died.map_index, died.number");
    LIFT = "DELETE FROM crashes WHERE dag = $1 RETURNING 1";
    ROW = "SELECT key, shard FROM dags WHERE tenant = $1 AND id = $2 AND deleted IS NULL";
}

impl Database {
    /// The deaths that count against the tasks of a DAG, by time.
    pub async fn crashes_of_dag(
        &self,
        tenant: &TenantId,
        dag: &DagId,
    ) -> Result<Vec<(Blamed, Crash)>, StoreError> {
        let rows = self.backend().read(OF_DAG, args![tenant, dag]).await?;
        // The scheduler says in its log which rows it can't read; they count for no task.
        Ok(collect(rows, Row::take, crash)?.readable)
    }

    /// Forgets everything that counts against the tasks of a DAG, so that those in quarantine
    /// run again; `false` where there is no such DAG.
    pub async fn lift_quarantine<'a>(
        &self,
        tenant: &TenantId,
        id: &DagId,
        precondition: impl Into<Precondition<'a, DagStamp>> + Send,
    ) -> Result<bool, ChangeError> {
        let Precondition { actor, expected } = precondition.into();
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        dags::check(&mut tx, (tenant, id), expected).await?;
        let Some(mut row) = tx.run_one(ROW, args![tenant, id]).await? else {
            return Ok(false);
        };
        let (key, shard): (DagKey, ShardId) = (row.take()?, row.take()?);
        if tx.run(LIFT, args![key]).await?.is_empty() {
            return Ok(true);
        }
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action: "dag.unquarantine",
            subject: id.as_str(),
            details: None,
        };
        tenants::finish(tx, shard, change).await?;
        Ok(true)
    }

    pub(crate) async fn crashes_of_shard(
        &self,
        shard: ShardId,
    ) -> Result<Rows<(Blamed, Crash), RunId>, StoreError> {
        let rows = self.backend().read(OF_SHARD, args![shard]).await?;
        collect(rows, Row::take, crash)
    }

    pub(crate) async fn write_crashes(&self, updates: &[CrashUpdate]) -> Result<(), StoreError> {
        let mut tx = self.backend().begin().await?;
        for update in updates {
            match update {
                CrashUpdate::Counted(blamed, crash) => {
                    let values = args![
                        crash.run,
                        crash.instance.task.0,
                        crash.instance.index,
                        crash.number,
                        blamed.dag,
                        &blamed.digest,
                        blamed.task.as_str(),
                        &crash.worker,
                        crash.at,
                        crash.absolved
                    ];
                    tx.run(COUNT, values).await?;
                }
                CrashUpdate::Absolved(blamed) => {
                    let values = args![blamed.dag, &blamed.digest, blamed.task.as_str()];
                    tx.run(ABSOLVE, values).await?;
                }
                CrashUpdate::Cleared { run, task } => {
                    tx.run(CLEAR, args![*run, task.0]).await?;
                }
            }
        }
        tx.commit().await
    }
}

fn crash(run: RunId, row: &mut Row) -> Result<(Blamed, Crash), StoreError> {
    let dag = row.take()?;
    let digest = row.take()?;
    let task: String = row.take()?;
    let task: TaskId = task
        .parse()
        .map_err(|error| StoreError::Corrupt(format!("a crash names no task: {error}")))?;
    let crash = Crash {
        run,
        instance: Instance {
            task: TaskIndex(row.take()?),
            index: row.take()?,
        },
        number: row.take()?,
        worker: row.take()?,
        at: row.take::<Timestamp>()?,
        absolved: row.take()?,
    };
    Ok((Blamed { dag, digest, task }, crash))
}
