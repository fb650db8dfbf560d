//! DAGs as people see them: list, show, pause, delete.

use crate::{
    ChangeError, Database, Precondition,
    assets::edges::AssetEdges,
    audit::Change,
    backend::{Row, Statement, Tx, Value, args, statements},
    tenants, webhooks,
};
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    time::Timestamp,
};
use weft_store::{DagKey, ShardId, StoreError, VersionId};

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT d.key, d.tenant, d.id, d.shard, d.paused, CASE WHEN d.paused = 1 THEN d.held ELSE 0 END, d.last_scheduled, d.next_run, d.created, d.updated, \
             v.id, v.number, v.digest FROM dags d LEFT JOIN versions v ON v.id = d.active \
             WHERE d.tenant = $1 AND d.deleted IS NULL AND ",
            $where
        )
    };
}

statements! {
    LIST = select!("d.id > $2 ORDER BY d.id LIMIT $3");
    LIST_BY_PAUSED = select!("d.id > $2 AND d.paused = $4 ORDER BY d.id LIMIT $3");
    SHOW = select!("d.id = $2");
    /// Changes nothing, and keeps others from changing the row until the transaction ends.
    STAMP = "UPDATE dags SET updated = updated WHERE tenant = $1 AND id = $2 AND deleted IS NULL \
        RETURNING key, paused, active, updated";
    /// $4 whether its runs are held.
    PAUSE = "UPDATE dags SET paused = 1, held = $4, updated = $3 \
        WHERE tenant = $1 AND id = $2 AND deleted IS NULL AND (paused = 0 OR held <> $4) RETURNING shard";
    /// What never ran by its timetable is scheduled from now on.
    UNPAUSE = "UPDATE dags SET paused = 0, held = 0, updated = $3, \
        scheduled_since = CASE WHEN last_scheduled IS NULL THEN $3 ELSE scheduled_since END \
        WHERE tenant = $1 AND id = $2 AND deleted IS NULL AND paused = 1 RETURNING shard";
    DELETE = "UPDATE dags SET deleted = $3, updated = $3, active = NULL, next_run = NULL \
        WHERE tenant = $1 AND id = $2 AND deleted IS NULL RETURNING key, shard";
    ACTIVE_RUNS = "SELECT count(*) FROM \
        (SELECT 1 AS one FROM runs WHERE dag = $1 AND state IN (1, 2) LIMIT $2) AS active";
    /// Nothing runs of it any more that could be blamed.
    DELETE_CRASHES = "DELETE FROM crashes WHERE dag = $1";
}

/// Where counting the runs that keep a DAG from being deleted stops.
const MAX_COUNTED: u32 = 1_000;

/// A DAG.
#[derive(Debug, Clone, PartialEq)]
pub struct DagRow {
    /// Row of the DAG.
    pub key: DagKey,
    /// Tenant that owns the DAG.
    pub tenant: TenantId,
    /// Name of the DAG, unique within a tenant.
    pub id: DagId,
    /// Who schedules it.
    pub shard: ShardId,
    /// No run starts while it is paused.
    pub paused: bool,
    /// Nothing of its runs is dispatched until it is unpaused.
    pub held: bool,
    /// The version that new runs get.
    pub active: Option<ActiveVersion>,
    /// The logical date of the last scheduled run.
    pub last_scheduled: Option<Timestamp>,
    /// When the next one is made; none without a schedule, or before the scheduler saw it.
    pub next_run: Option<Timestamp>,
    /// When it was first deployed.
    pub created: Timestamp,
    /// When it was deployed, activated, paused or unpaused last.
    pub updated: Timestamp,
}

/// The version of a DAG that is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveVersion {
    /// Row of the version.
    pub id: VersionId,
    /// From 1 on.
    pub number: u32,
    /// The file that was deployed.
    pub digest: Digest,
}

impl DagRow {
    /// What names its state.
    pub fn stamp(&self) -> DagStamp {
        DagStamp {
            key: self.key,
            paused: self.paused,
            active: self.active.as_ref().map(|version| version.id),
            updated: self.updated,
        }
    }
}

/// The state of a DAG that people change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DagStamp {
    key: DagKey,
    paused: bool,
    active: Option<VersionId>,
    updated: Timestamp,
}

/// Which DAGs, by id.
#[derive(Debug, Clone, Default)]
pub struct DagFilter {
    /// Tenant whose DAGs are listed.
    pub tenant: TenantId,
    /// Only those after this id.
    pub after: Option<DagId>,
    /// Only paused ones, or only those that aren't.
    pub paused: Option<bool>,
}

/// What became of a DAG that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone from every list; its ended runs stay until they are too old.
    Done,
    /// There is no such DAG.
    Unknown,
    /// It has runs that have not ended, at least this many: cancel them first.
    ActiveRuns(u32),
}

impl Database {
    /// The tenant's DAGs by id; at most `limit`.
    pub async fn list_dags(
        &self,
        filter: &DagFilter,
        limit: u32,
    ) -> Result<Vec<DagRow>, StoreError> {
        let after = filter.after.as_ref().map_or("", |id| id.as_str());
        let tenant = &filter.tenant;
        let rows = match filter.paused {
            None => {
                self.backend()
                    .read(LIST, args![tenant, after, limit])
                    .await?
            }
            Some(paused) => {
                self.backend()
                    .read(LIST_BY_PAUSED, args![tenant, after, limit, paused])
                    .await?
            }
        };
        rows.into_iter().map(dag_row).collect()
    }

    /// One DAG that was not deleted.
    pub async fn show_dag(
        &self,
        tenant: &TenantId,
        id: &DagId,
    ) -> Result<Option<DagRow>, StoreError> {
        let row = self.backend().read_one(SHOW, args![tenant, id]).await?;
        row.map(dag_row).transpose()
    }

    /// Pauses it, and its runs go on; `false` where there is no such DAG. Paused again is no change.
    pub async fn pause_dag<'a>(
        &self,
        tenant: &TenantId,
        id: &DagId,
        precondition: impl Into<Precondition<'a, DagStamp>> + Send,
    ) -> Result<bool, ChangeError> {
        let (of, held) = ((tenant, id), Some(false));
        self.set_paused(PAUSE, "dag.pause", of, held, precondition.into())
            .await
    }

    /// Pauses it and holds its runs: nothing of them is dispatched; `false` where there is no such
    /// DAG.
    pub async fn hold_dag<'a>(
        &self,
        tenant: &TenantId,
        id: &DagId,
        precondition: impl Into<Precondition<'a, DagStamp>> + Send,
    ) -> Result<bool, ChangeError> {
        let (of, held) = ((tenant, id), Some(true));
        self.set_paused(PAUSE, "dag.hold", of, held, precondition.into())
            .await
    }

    /// Lets it run; `false` where there is no such DAG.
    pub async fn unpause_dag<'a>(
        &self,
        tenant: &TenantId,
        id: &DagId,
        precondition: impl Into<Precondition<'a, DagStamp>> + Send,
    ) -> Result<bool, ChangeError> {
        let of = (tenant, id);
        self.set_paused(UNPAUSE, "dag.unpause", of, None, precondition.into())
            .await
    }

    /// Deletes it, unless it has runs that have not ended. Its name is free afterwards.
    pub async fn delete_dag<'a>(
        &self,
        tenant: &TenantId,
        id: &DagId,
        precondition: impl Into<Precondition<'a, DagStamp>> + Send,
    ) -> Result<Deletion, ChangeError> {
        let Precondition { actor, expected } = precondition.into();
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        check(&mut tx, (tenant, id), expected).await?;
        // First, so that a run that is made meanwhile either is counted or finds no DAG.
        let Some(mut row) = tx.run_one(DELETE, args![tenant, id, now]).await? else {
            return Ok(Deletion::Unknown);
        };
        let (key, shard): (DagKey, ShardId) = (row.take()?, row.take()?);
        if let Some(mut row) = tx.run_one(ACTIVE_RUNS, args![key, MAX_COUNTED]).await? {
            let active: u32 = row.take()?;
            if active > 0 {
                return Ok(Deletion::ActiveRuns(active));
            }
        }
        tx.run(DELETE_CRASHES, args![key]).await?;
        AssetEdges::default().replace(&mut tx, tenant, key).await?;
        webhooks::delete_of_dag(&mut tx, tenant, key, (now, actor)).await?;
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action: "dag.delete",
            subject: id.as_str(),
            details: None,
        };
        tenants::finish(tx, shard, change).await?;
        Ok(Deletion::Done)
    }
}

impl Database {
    async fn set_paused(
        &self,
        statement: Statement,
        action: &'static str,
        (tenant, id): (&TenantId, &DagId),
        held: Option<bool>,
        Precondition { actor, expected }: Precondition<'_, DagStamp>,
    ) -> Result<bool, ChangeError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        check(&mut tx, (tenant, id), expected).await?;
        let mut values = args![tenant, id, now];
        values.extend(held.map(Value::from));
        let Some(mut row) = tx.run_one(statement, values).await? else {
            // There is none, or it is so already.
            return Ok(tx.run_one(SHOW, args![tenant, id]).await?.is_some());
        };
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action,
            subject: id.as_str(),
            details: None,
        };
        tenants::finish(tx, row.take()?, change).await?;
        Ok(true)
    }
}

/// Refuses the change if the DAG is in another state. A missing DAG is left to the change itself.
pub(crate) async fn check(
    tx: &mut Tx,
    (tenant, id): (&TenantId, &DagId),
    expected: Option<DagStamp>,
) -> Result<(), ChangeError> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let Some(mut row) = tx.run_one(STAMP, args![tenant, id]).await? else {
        return Ok(());
    };
    let found = DagStamp {
        key: row.take()?,
        paused: row.take()?,
        active: row.take()?,
        updated: row.take()?,
    };
    if found == expected {
        Ok(())
    } else {
        Err(ChangeError::ChangedMeanwhile)
    }
}

fn dag_row(mut row: Row) -> Result<DagRow, StoreError> {
    Ok(DagRow {
        key: row.take()?,
        tenant: row.take()?,
        id: row.take()?,
        shard: row.take()?,
        paused: row.take()?,
        held: row.take()?,
        last_scheduled: row.take()?,
        next_run: row.take()?,
        created: row.take()?,
        updated: row.take()?,
        active: match row.take()? {
            None => None,
            Some(id) => Some(ActiveVersion {
                id,
                number: row.take()?,
                digest: row.take()?,
            }),
        },
    })
}
