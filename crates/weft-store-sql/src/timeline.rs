//! Attempts of a run in the order of its tasks, and how long tasks of many runs took.

use crate::{
    Database,
    backend::{Bulk, Column, Row, args, statements},
    encoding,
    run_store::reading::take_instance,
};
use std::{collections::HashSet, sync::Arc};
use weft_core::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId, time::Timestamp};
use weft_store::{InstanceTag, StoreError};

/// The most earlier attempts of one page: one with more ends earlier.
const MAX_EARLIER: u32 = 10_000;

statements! {
    PRESENT = "SELECT i.task, i.map_index, i.number, i.state, i.queued, i.started, i.ended, i.worker \
        FROM runs r CROSS JOIN task_instances i \
        WHERE r.tenant = $1 AND r.id = $2 AND i.run = r.id AND (i.task, i.map_index) > ($3, $4) \
        ORDER BY i.task, i.map_index LIMIT $5";
    EARLIER = "SELECT a.task, a.map_index, a.number, a.outcome, a.queued, a.started, a.ended, a.worker \
        FROM runs r CROSS JOIN attempts a \
        WHERE r.tenant = $1 AND r.id = $2 AND a.run = r.id AND (a.task, a.map_index) > ($3, $4) \
        AND (a.task, a.map_index) <= ($5, $6) ORDER BY a.task, a.map_index, a.number LIMIT $7";
}

/// First instances in ranges of tasks: of tasks that aren't mapped there are no others, and mapped ones are left out of the
/// ranges, so that the cost does not grow with their instances.
static FIRST_INSTANCES: Bulk = Bulk::with(
    "WITH wanted (run, low, high) AS (VALUES ",
    &[Column::Int, Column::Int, Column::Int],
    ") SELECT i.run, i.task, i.state, i.queued, i.started, i.ended FROM wanted w CROSS JOIN task_instances i \
     WHERE i.run = w.run AND i.task >= w.low AND i.task < w.high AND i.map_index = 0",
);
pub(crate) static BULKS: &[&Bulk] = &[&FIRST_INSTANCES];

/// An attempt of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineRow {
    /// Task and map index.
    pub instance: Instance,
    /// Number of the attempt, from 1 on.
    pub number: u32,
    /// How it ended, or its instance's state where it is the last one.
    pub state: Arc<str>,
    /// When it was dispatched.
    pub queued: Option<Timestamp>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Who ran it.
    pub worker: Option<Arc<str>>,
}

/// Some attempts, and after which instance the next ones are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// By task, map index and number.
    pub attempts: Vec<TimelineRow>,
    /// None at the end.
    pub next: Option<Instance>,
}

/// The only instance of a task that isn't mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SingleInstance {
    /// Run of the instance.
    pub run: RunId,
    /// Task of the instance.
    pub task: TaskIndex,
    /// State of the instance.
    pub state: InstanceTag,
    /// When its last attempt was dispatched.
    pub queued: Option<Timestamp>,
    /// When its last attempt started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl Database {
    /// The attempts of up to `instances` instances after `after`.
    pub async fn list_timeline(
        &self,
        tenant: &TenantId,
        run: RunId,
        after: Option<Instance>,
        instances: u32,
    ) -> Result<Timeline, StoreError> {
        let task = after.map_or(-1, |after| i64::from(after.task.0));
        let index = after.map_or(-1, |after| i64::from(after.index));
        let values = args![tenant, run, task, index, instances];
        let rows = self.backend().read(PRESENT, values).await?;
        let present = rows
            .into_iter()
            .map(present)
            .collect::<Result<Vec<_>, _>>()?;
        let is_full = present.len() >= instances as usize;
        let mut last = present.last().map(|row| row.instance).filter(|_| is_full);
        let (last_task, last_index) = last.map_or((i64::from(u32::MAX), i64::MAX), |last| {
            (i64::from(last.task.0), i64::from(last.index))
        });
        let values = args![tenant, run, task, index, last_task, last_index, MAX_EARLIER];
        let rows = self.backend().read(EARLIER, values).await?;
        let is_cut = rows.len() >= MAX_EARLIER as usize;
        let mut attempts = rows
            .into_iter()
            .map(earlier)
            .collect::<Result<Vec<_>, _>>()?;
        if is_cut {
            last = whole_instances(&mut attempts);
        }
        // An attempt that ended without ending its instance is in both tables until the next one is made.
        let seen: HashSet<(Instance, u32)> = attempts
            .iter()
            .map(|row| (row.instance, row.number))
            .collect();
        attempts.extend(present.into_iter().filter(|row| {
            row.number > 0
                && last.is_none_or(|last| row.instance <= last)
                && !seen.contains(&(row.instance, row.number))
        }));
        attempts.sort_by_key(|row| (row.instance, row.number));
        Ok(Timeline {
            attempts,
            next: last,
        })
    }

    /// The instances of tasks that aren't mapped, in these ranges of tasks of each run.
    pub async fn list_single_instances(
        &self,
        ranges: &[(RunId, std::ops::Range<u32>)],
    ) -> Result<Vec<SingleInstance>, StoreError> {
        let wanted = ranges
            .iter()
            .flat_map(|(run, tasks)| args![*run, tasks.start, tasks.end])
            .collect();
        let rows = self.backend().read_bulk(&FIRST_INSTANCES, wanted).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(SingleInstance {
                    run: row.take()?,
                    task: TaskIndex(row.take()?),
                    state: encoding::decode_instance_state(row.take()?)?,
                    queued: row.take()?,
                    started: row.take()?,
                    ended: row.take()?,
                })
            })
            .collect()
    }
}

/// Leaves the attempts of instances that are there as a whole; returns the last of these. One instance alone stays as far as it
/// was read.
fn whole_instances(attempts: &mut Vec<TimelineRow>) -> Option<Instance> {
    let last = attempts.last()?.instance;
    if attempts.first()?.instance != last {
        attempts.retain(|row| row.instance != last);
    }
    attempts.last().map(|row| row.instance)
}

fn present(mut row: Row) -> Result<TimelineRow, StoreError> {
    Ok(TimelineRow {
        instance: take_instance(&mut row)?,
        number: row.take()?,
        state: encoding::decode_instance_state(row.take()?)?
            .as_str()
            .into(),
        queued: row.take()?,
        started: row.take()?,
        ended: row.take()?,
        worker: row.take()?,
    })
}

fn earlier(mut row: Row) -> Result<TimelineRow, StoreError> {
    Ok(TimelineRow {
        instance: take_instance(&mut row)?,
        number: row.take()?,
        state: row.take()?,
        queued: row.take()?,
        started: row.take()?,
        ended: row.take()?,
        worker: row.take()?,
    })
}
