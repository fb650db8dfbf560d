//! Task instances, their attempts, outputs and history, as people see them.

use crate::{
    Database,
    backend::{Row, args, statements},
    encoding,
    notes::{Note, decode_note},
    run_store::reading::{take_instance, take_output},
};
use std::sync::Arc;
use weft_core::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId, time::Timestamp};
use weft_store::{EventChunk, InstanceTag, Output, StoreError};

macro_rules! select {
    ($columns:expr, $which:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM runs r CROSS JOIN task_instances i WHERE r.tenant = $1 AND r.id = $2 AND i.run = r.id AND ",
            $which
        )
    };
}

macro_rules! view {
    ($which:literal) => {
        select!(
            "i.task, i.map_index, i.state, i.cause, i.number, i.queued, i.started, i.ended, i.due, i.worker, \
             i.output, i.output_digest, i.output_bytes, i.error, i.usage, i.log, i.wait, \
             (SELECT n.body FROM notes n WHERE n.run = i.run AND n.task = i.task AND n.map_index = i.map_index)",
            $which
        )
    };
}

// Successes have no index of their own, they are what a run is made of; that a state is
// another one must be in the text for the others' index to be used.
statements! {
    ALL = view!("(i.task, i.map_index) > ($4, $5) ORDER BY i.task, i.map_index LIMIT $3");
    SUCCESSES = view!("(i.task, i.map_index) > ($4, $5) AND i.state = 10 ORDER BY i.task, i.map_index LIMIT $3");
    BY_STATE = view!("(i.task, i.map_index) > ($4, $5) AND i.state = $6 AND i.state <> 10 \
        ORDER BY i.task, i.map_index LIMIT $3");
    OF_TASK = view!("i.task = $4 AND i.map_index > $5 ORDER BY i.map_index LIMIT $3");
    OF_TASK_SUCCESSES = view!("i.task = $4 AND i.map_index > $5 AND i.state = 10 ORDER BY i.map_index LIMIT $3");
    OF_TASK_BY_STATE = view!("i.task = $4 AND i.map_index > $5 AND i.state = $6 AND i.state <> 10 \
        ORDER BY i.map_index LIMIT $3");
    ONE = view!("i.task = $3 AND i.map_index = $4");
    OUTPUT = select!("i.output, i.output_digest, i.output_bytes", "i.task = $3 AND i.map_index = $4");
    ATTEMPTS = "SELECT number, outcome, queued, started, ended, worker, error, usage, log FROM attempts \
        WHERE run = $1 AND task = $2 AND map_index = $3 ORDER BY number DESC LIMIT $4";
    EVENTS = "SELECT e.seq, e.at, e.body FROM runs r CROSS JOIN run_events e \
        WHERE r.tenant = $1 AND r.id = $2 AND e.run = r.id AND e.seq > $3 ORDER BY e.seq LIMIT $4";
}

/// An instance in its present state. Instances that wait have no row.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceView {
    /// Task and map index.
    pub instance: Instance,
    /// State of the instance.
    pub state: InstanceTag,
    /// Why it has it, as `weft_core::run::Cause` names it in snake case.
    pub cause: String,
    /// The number of its last attempt; 0 where there was none.
    pub number: u32,
    /// When that attempt was dispatched.
    pub queued: Option<Timestamp>,
    /// When that attempt started.
    pub started: Option<Timestamp>,
    /// When the instance ended.
    pub ended: Option<Timestamp>,
    /// When it goes on by itself.
    pub due: Option<Timestamp>,
    /// Who ran the last attempt.
    pub worker: Option<Arc<str>>,
    /// What it returned.
    pub output: Option<Output>,
    /// Why the last attempt failed: JSON.
    pub error: Option<Arc<str>>,
    /// What the last attempt used up: JSON.
    pub usage: Option<Arc<str>>,
    /// Where the last attempt's log lies.
    pub log: Option<Arc<str>>,
    /// What it waits for, as [`weft_core::wait::Wait`] writes it.
    pub wait: Option<String>,
    /// What people wrote about it.
    pub note: Option<Note>,
}

/// An earlier attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptView {
    /// Number of the attempt, from 1 on.
    pub number: u32,
    /// How it ended: `failed`, `lost`, `deferred`, `revoked`; of a cleared
    /// instance its state then (`success`, `failed`, ...).
    pub end: String,
    /// When it was dispatched.
    pub queued: Option<Timestamp>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Who ran it.
    pub worker: Option<Arc<str>>,
    /// Why it failed: JSON.
    pub error: Option<Arc<str>>,
    /// What it used up: JSON.
    pub usage: Option<Arc<str>>,
    /// Where its log lies.
    pub log: Option<Arc<str>>,
}

/// Which instances, by (task, map index).
#[derive(Debug, Clone)]
pub struct InstanceFilter {
    /// Tenant that owns the run.
    pub tenant: TenantId,
    /// Run whose instances are listed.
    pub run: RunId,
    /// Only instances of this task.
    pub task: Option<TaskIndex>,
    /// Only instances in this state.
    pub state: Option<InstanceTag>,
    /// Only those after this one.
    pub after: Option<Instance>,
}

impl Database {
    /// Instances by (task, map index); at most `limit`. Nothing where the run is another tenant's.
    pub async fn list_instances(
        &self,
        filter: &InstanceFilter,
        limit: u32,
    ) -> Result<Vec<InstanceView>, StoreError> {
        let task = filter.after.map_or(-1, |after| i64::from(after.task.0));
        let index = filter.after.map_or(-1, |after| i64::from(after.index));
        let mut values = args![&filter.tenant, filter.run, limit];
        match filter.task {
            None => values.extend(args![task, index]),
            // Of one task only the index goes on; a page that begins after a later task is empty.
            Some(of) if i64::from(of.0) < task => return Ok(Vec::new()),
            Some(of) if i64::from(of.0) > task => values.extend(args![of.0, -1_i64]),
            Some(of) => values.extend(args![of.0, index]),
        }
        let statement = match (filter.task, filter.state) {
            (None, None) => ALL,
            (None, Some(InstanceTag::Success)) => SUCCESSES,
            (None, Some(_)) => BY_STATE,
            (Some(_), None) => OF_TASK,
            (Some(_), Some(InstanceTag::Success)) => OF_TASK_SUCCESSES,
            (Some(_), Some(_)) => OF_TASK_BY_STATE,
        };
        if let Some(state) = filter.state.filter(|state| *state != InstanceTag::Success) {
            values.extend(args![state as i16]);
        }
        let rows = self.backend().read(statement, values).await?;
        rows.into_iter().map(instance_view).collect()
    }

    /// One instance with the attempts before its current one, by number; at most `limit` of them, the newest.
    pub async fn show_instance(
        &self,
        tenant: &TenantId,
        run: RunId,
        instance: Instance,
        limit: u32,
    ) -> Result<Option<(InstanceView, Vec<AttemptView>)>, StoreError> {
        let key = args![tenant, run, instance.task.0, instance.index];
        let Some(row) = self.backend().read_one(ONE, key).await? else {
            return Ok(None);
        };
        let view = instance_view(row)?;
        let key = args![run, instance.task.0, instance.index, limit];
        let rows = self.backend().read(ATTEMPTS, key).await?;
        let mut attempts = rows
            .into_iter()
            .map(attempt_view)
            .collect::<Result<Vec<_>, _>>()?;
        attempts.reverse();
        Ok(Some((view, attempts)))
    }

    /// What an instance returned.
    pub async fn show_output(
        &self,
        tenant: &TenantId,
        run: RunId,
        instance: Instance,
    ) -> Result<Option<Output>, StoreError> {
        let key = args![tenant, run, instance.task.0, instance.index];
        match self.backend().read_one(OUTPUT, key).await? {
            Some(mut row) => take_output(&mut row),
            None => Ok(None),
        }
    }

    /// What happened to a run: the chunks after sequence number `after`, in order; at most `limit`.
    pub async fn list_events(
        &self,
        tenant: &TenantId,
        run: RunId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<EventChunk>, StoreError> {
        let after = after.unwrap_or(-1);
        let rows = self
            .backend()
            .read(EVENTS, args![tenant, run, after, limit])
            .await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(EventChunk {
                    run,
                    seq: row.take()?,
                    at: row.take()?,
                    body: row.take()?,
                })
            })
            .collect()
    }
}

fn instance_view(mut row: Row) -> Result<InstanceView, StoreError> {
    Ok(InstanceView {
        instance: take_instance(&mut row)?,
        state: encoding::decode_instance_state(row.take()?)?,
        cause: row.take()?,
        number: row.take()?,
        queued: row.take()?,
        started: row.take()?,
        ended: row.take()?,
        due: row.take()?,
        worker: row.take()?,
        output: take_output(&mut row)?,
        error: row.take()?,
        usage: row.take()?,
        log: row.take()?,
        wait: row.take()?,
        note: decode_note(row.take::<Option<Arc<str>>>()?.as_deref())?,
    })
}

fn attempt_view(mut row: Row) -> Result<AttemptView, StoreError> {
    Ok(AttemptView {
        number: row.take()?,
        end: row.take()?,
        queued: row.take()?,
        started: row.take()?,
        ended: row.take()?,
        worker: row.take()?,
        error: row.take()?,
        usage: row.take()?,
        log: row.take()?,
    })
}
