//! Looks up what tasks need to know of other runs: of the run before theirs, and how its tasks ended.

use crate::{
    Database,
    backend::{Bulk, Column, Value, args},
    encoding,
};
use weft_core::{document::TaskIndex, run_id::RunId, time::Timestamp, wait::TaskEnd};
use weft_store::{DagKey, RunBefore, StoreError};

static BEFORE: Bulk = Bulk::with(
    "WITH wanted (position, dag, logical_date) AS (VALUES ",
    &[Column::Int, Column::Int, Column::Int],
    ") SELECT w.position, r.id, r.version, r.state FROM wanted w CROSS JOIN runs r \
     WHERE r.id = (SELECT e.id FROM runs e WHERE e.dag = w.dag AND e.kind IN (2, 3) AND e.state <> 1 \
        AND e.logical_date < w.logical_date ORDER BY e.logical_date DESC LIMIT 1)",
);
/// Of the states in the order of [`TaskEnd::of`]. An instance without a row of its own is counted with its
/// mapped task, where a state without instances is left out.
static ENDS: Bulk = Bulk::with(
    "WITH wanted (run, task) AS (VALUES ",
    &[Column::Int, Column::Int],
    ") SELECT w.run, w.task, CASE \
     WHEN EXISTS (SELECT 1 FROM task_instances i \
        WHERE i.run = w.run AND i.task = w.task AND i.state <> 10 AND i.state IN (11, 13)) \
        OR EXISTS (SELECT 1 FROM run_tasks t WHERE t.run = w.run AND t.task = w.task AND t.counts LIKE '%failed%') \
        THEN 'failed' \
     WHEN EXISTS (SELECT 1 FROM task_instances i \
        WHERE i.run = w.run AND i.task = w.task AND i.state <> 10 AND i.state = 14) \
        OR EXISTS (SELECT 1 FROM run_tasks t WHERE t.run = w.run AND t.task = w.task AND t.counts LIKE '%cancelled%') \
        THEN 'cancelled' \
     WHEN EXISTS (SELECT 1 FROM task_instances i WHERE i.run = w.run AND i.task = w.task AND i.state = 10) \
        OR EXISTS (SELECT 1 FROM run_tasks t WHERE t.run = w.run AND t.task = w.task AND t.counts LIKE '%success%') \
        THEN 'success' \
     WHEN EXISTS (SELECT 1 FROM task_instances i \
        WHERE i.run = w.run AND i.task = w.task AND i.state <> 10 AND i.state = 12) \
        OR EXISTS (SELECT 1 FROM run_tasks t WHERE t.run = w.run AND t.task = w.task AND t.counts LIKE '%skipped%') \
        THEN 'skipped' \
     END FROM wanted w",
);
pub(crate) static BULKS: &[&Bulk] = &[&BEFORE, &ENDS];
const ALL_ENDS: [TaskEnd; 4] = [
    TaskEnd::Success,
    TaskEnd::Failed,
    TaskEnd::Skipped,
    TaskEnd::Cancelled,
];

impl Database {
    pub(super) async fn before(
        &self,
        dates: &[(DagKey, Timestamp)],
    ) -> Result<Vec<Option<RunBefore>>, StoreError> {
        let mut found = vec![None; dates.len()];
        let wanted = (0_i64..).zip(dates);
        let wanted = wanted.flat_map(|(position, (dag, date))| args![position, *dag, *date]);
        for mut row in self.backend().read_bulk(&BEFORE, wanted.collect()).await? {
            let position: i64 = row.take()?;
            let place = usize::try_from(position)
                .ok()
                .and_then(|at| found.get_mut(at));
            let place =
                place.ok_or_else(|| StoreError::Defect("a date that was not given".into()))?;
            *place = Some(RunBefore {
                run: row.take()?,
                version: row.take()?,
                state: encoding::decode_run_state(row.take()?)?,
            });
        }
        Ok(found)
    }

    pub(super) async fn ends_of_tasks(
        &self,
        tasks: &[(RunId, TaskIndex)],
    ) -> Result<Vec<(RunId, TaskIndex, TaskEnd)>, StoreError> {
        let wanted: Vec<Value> = tasks
            .iter()
            .flat_map(|(run, task)| args![*run, task.0])
            .collect();
        let mut ends = Vec::with_capacity(tasks.len());
        for mut row in self.backend().read_bulk(&ENDS, wanted).await? {
            let (run, task) = (row.take()?, TaskIndex(row.take()?));
            let end: Option<String> = row.take()?;
            let end = end.and_then(|end| ALL_ENDS.into_iter().find(|known| known.as_str() == end));
            ends.extend(end.map(|end| (run, task, end)));
        }
        Ok(ends)
    }
}
