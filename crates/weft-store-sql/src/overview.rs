//! Counts of a tenant's runs and DAGs for its first page, each through an index and up to a bound.

use crate::{
    Database, MAX_COUNTED_RUNS,
    backend::{args, statements},
    encoding,
};
use weft_core::{id::TenantId, run::RunState, run_id::RunId, time::Timestamp};
use weft_store::StoreError;

/// The most DAGs that are looked at for their last run.
pub const MAX_COUNTED_DAGS: u32 = 5_000;
/// The most late runs of a shard that are looked at for those of a tenant.
const MAX_LATE_OF_SHARD: u32 = 50_000;
/// The most runs that are counted by hour.
pub const MAX_RUNS_BY_HOUR: u32 = 100_000;

statements! {
    LATE = "SELECT count(*) FROM (SELECT waiting.tenant FROM (SELECT r.tenant FROM runs r \
        WHERE r.shard = (SELECT shard FROM tenants WHERE id = $1) AND r.state = 1 AND r.not_before < $2 LIMIT $3) AS waiting \
        WHERE waiting.tenant = $1 LIMIT $4) AS counted";
    FAILED = "SELECT count(*) FROM (SELECT 1 AS one FROM runs \
        WHERE tenant = $1 AND state = 11 AND ended >= $2 LIMIT $3) AS counted";
    DAGS = "SELECT count(*), coalesce(sum(o.paused), 0), coalesce(sum(CASE WHEN o.failed > o.good THEN 1 ELSE 0 END), 0) FROM \
        (SELECT d.paused, \
            coalesce((SELECT max(r.id) FROM runs r WHERE r.dag = d.key AND r.state = 11), -1) AS failed, \
            coalesce((SELECT max(r.id) FROM runs r WHERE r.dag = d.key AND r.state = 10), -1) AS good \
        FROM dags d WHERE d.tenant = $1 AND d.deleted IS NULL ORDER BY d.id LIMIT $2) AS o";
    /// An id has its time above 20 bits.
    BY_HOUR = "SELECT counted.hour, count(*) FROM (SELECT r.id / 1048576 / 3600000 AS hour FROM runs r \
        WHERE r.tenant = $1 AND r.state = $2 AND r.id >= $3 ORDER BY r.id DESC LIMIT $4) AS counted GROUP BY counted.hour";
}

/// What a tenant has, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantOverview {
    /// Runs that could have begun before the given time and are queued; at most [`MAX_COUNTED_RUNS`].
    pub late: u32,
    /// Runs that failed since; at most [`MAX_COUNTED_RUNS`].
    pub failed: u32,
    /// DAGs; at most [`MAX_COUNTED_DAGS`].
    pub dags: u32,
    /// Of these, paused ones.
    pub paused: u32,
    /// Of these, those whose last run that succeeded or failed did the latter.
    pub failing: u32,
}

impl Database {
    /// The counts of a tenant: runs that failed since `since`, and queued ones that could have begun before `late_since`.
    pub async fn tenant_overview(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        late_since: Timestamp,
    ) -> Result<TenantOverview, StoreError> {
        let mut overview = TenantOverview::default();
        let late = args![tenant, late_since, MAX_LATE_OF_SHARD, MAX_COUNTED_RUNS];
        let failed = args![tenant, since, MAX_COUNTED_RUNS];
        for (statement, values, count) in [
            (LATE, late, &mut overview.late),
            (FAILED, failed, &mut overview.failed),
        ] {
            if let Some(mut row) = self.backend().read_one(statement, values).await? {
                *count = row.take()?;
            }
        }
        let dags = self
            .backend()
            .read_one(DAGS, args![tenant, MAX_COUNTED_DAGS])
            .await?;
        if let Some(mut row) = dags {
            overview.dags = row.take()?;
            overview.paused = row.take()?;
            overview.failing = row.take()?;
        }
        Ok(overview)
    }

    /// How many runs that were made since are in this state now, by the hour since the Unix epoch in which each was made; the newest
    /// [`MAX_RUNS_BY_HOUR`] of them.
    pub async fn count_runs_by_hour(
        &self,
        tenant: &TenantId,
        state: RunState,
        since: Timestamp,
    ) -> Result<Vec<(i64, u32)>, StoreError> {
        let from = RunId::new(since, 0);
        let state = encoding::encode_run_state(state);
        let values = args![tenant, state, from, MAX_RUNS_BY_HOUR];
        let rows = self.backend().read(BY_HOUR, values).await?;
        rows.into_iter()
            .map(|mut row| Ok((row.take()?, row.take()?)))
            .collect()
    }
}
