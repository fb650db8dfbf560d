//! Runs that called each other.

use crate::{
    Database,
    backend::{Row, args, statements},
    encoding,
};
use weft_core::{
    document::TaskIndex,
    id::{DagId, TenantId},
    run::RunState,
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{RunKind, StoreError, VersionId};

/// The most runs of a tree that are shown.
pub const MAX_TREE_RUNS: u32 = 10_000;

statements! {
    /// Goes up to the first caller that is still there, and down from it. $1 tenant, $2 run, $3 limit.
    TREE = "WITH RECURSIVE up (id, caller) AS ( \
            SELECT r.id, r.caller FROM runs r WHERE r.tenant = $1 AND r.id = $2 \
            UNION \
            SELECT r.id, r.caller FROM up CROSS JOIN runs r WHERE r.id = up.caller \
        ), down (id) AS ( \
            SELECT up.id FROM up WHERE NOT EXISTS (SELECT 1 FROM up above WHERE above.id = up.caller) \
            UNION \
            SELECT r.id FROM down CROSS JOIN runs r WHERE r.caller = down.id \
        ) \
        SELECT r.id, d.id, r.version, r.kind, r.state, r.created, r.started, r.ended, \
            r.caller, r.caller_task, r.caller_index \
        FROM down CROSS JOIN runs r CROSS JOIN dags d \
        WHERE r.id = down.id AND d.key = r.dag ORDER BY r.id LIMIT $3";
}

/// A run of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeRow {
    /// Its id.
    pub id: RunId,
    /// Its DAG.
    pub dag: DagId,
    /// The version that it is pinned to.
    pub version: VersionId,
    /// What made it.
    pub kind: RunKind,
    /// Its state; `Pending` is queued.
    pub state: RunState,
    /// When it was made.
    pub created: Timestamp,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Run, task and map index of the instance that called it.
    pub caller: Option<(RunId, TaskIndex, u32)>,
}

impl Database {
    /// The tree of runs that a run belongs to, by id: callers come before what they called. One more
    /// than [`MAX_TREE_RUNS`] where there are more.
    pub async fn run_tree(
        &self,
        tenant: &TenantId,
        run: RunId,
    ) -> Result<Vec<TreeRow>, StoreError> {
        let args = args![tenant, run, MAX_TREE_RUNS + 1];
        let rows = self.backend().read(TREE, args).await?;
        rows.into_iter().map(tree_row).collect()
    }
}

fn tree_row(mut row: Row) -> Result<TreeRow, StoreError> {
    Ok(TreeRow {
        id: row.take()?,
        dag: row.take()?,
        version: row.take()?,
        kind: encoding::decode_run_kind(row.take()?)?,
        state: encoding::decode_run_state(row.take()?)?,
        created: row.take()?,
        started: row.take()?,
        ended: row.take()?,
        caller: match (row.take()?, row.take()?, row.take()?) {
            (Some(run), Some(task), Some(index)) => Some((run, TaskIndex(task), index)),
            _ => None,
        },
    })
}
