//! Looks up the runs that task instances wait for.

use crate::{
    Database,
    backend::{Bulk, Column, Row, Value, args},
    encoding,
};
use weft_core::{id::TenantId, wait::Wait};
use weft_store::{Awaited, StoreError};

static BY_ID: Bulk = Bulk::with(
    "WITH wanted (position, tenant, run) AS (VALUES ",
    &[Column::Int, Column::Text, Column::Int],
    ") SELECT w.position, r.id, d.id, r.version, r.state FROM wanted w CROSS JOIN runs r CROSS JOIN dags d \
     WHERE r.id = w.run AND r.tenant = w.tenant AND d.key = r.dag",
);
/// A DAG without a run for the date has a row as well.
static BY_DATE: Bulk = Bulk::with(
    "WITH wanted (position, tenant, dag, logical_date) AS (VALUES ",
    &[Column::Int, Column::Text, Column::Text, Column::Int],
    ") SELECT w.position, r.id, d.id, r.version, r.state FROM wanted w CROSS JOIN dags d \
     LEFT JOIN runs r ON r.dag = d.key AND r.logical_date = w.logical_date AND r.kind IN (2, 3) \
     WHERE d.tenant = w.tenant AND d.id = w.dag AND d.deleted IS NULL",
);
pub(crate) static BULKS: &[&Bulk] = &[&BY_ID, &BY_DATE];

impl Database {
    pub(super) async fn awaited(
        &self,
        waits: &[(TenantId, Wait)],
    ) -> Result<Vec<Awaited>, StoreError> {
        let (mut by_id, mut by_date) = (Vec::new(), Vec::new());
        let mut found = Vec::with_capacity(waits.len());
        for (position, (tenant, wait)) in waits.iter().enumerate() {
            let position = Value::from(i64::try_from(position).unwrap_or(i64::MAX));
            found.push(match wait {
                Wait::Event(_) | Wait::Approval { .. } => Awaited::NoRun,
                Wait::Run(run) | Wait::Call(run) => {
                    by_id.push(position);
                    by_id.extend(args![tenant, *run]);
                    Awaited::NoRun
                }
                Wait::Dag { dag, logical_date } => {
                    by_date.push(position);
                    by_date.extend(args![tenant, dag, *logical_date]);
                    Awaited::NoDag
                }
            });
        }
        for (bulk, values) in [(&BY_ID, by_id), (&BY_DATE, by_date)] {
            if values.is_empty() {
                continue;
            }
            for mut row in self.backend().read_bulk(bulk, values).await? {
                let position: i64 = row.take()?;
                let place = usize::try_from(position)
                    .ok()
                    .and_then(|at| found.get_mut(at));
                let place =
                    place.ok_or_else(|| StoreError::Defect("a wait that was not given".into()))?;
                *place = awaited_row(row)?;
            }
        }
        Ok(found)
    }
}

fn awaited_row(mut row: Row) -> Result<Awaited, StoreError> {
    let Some(run) = row.take()? else {
        return Ok(Awaited::NoRun);
    };
    Ok(Awaited::Run {
        run,
        dag: row.take()?,
        version: row.take()?,
        state: encoding::decode_run_state(row.take()?)?,
    })
}
