//! Named events: messages to a run, each of which wakes one task instance that waits for its name.
//!
//! An event that nothing waits for is kept for the next wait. Waits are written by turns and events
//! by servers: both hold the run's row while they look for what the other wrote, so that an event
//! and its wait never miss each other. What they match becomes a command to the scheduler, and the
//! event is marked with it. Where the command is refused, since the wait ended otherwise in the
//! meantime, the turn that refuses it makes the event available again.

use crate::{
    Database,
    audit::{self, Change},
    backend::{Bulk, Column, Row, Tx, Value, args, statements},
    encoding,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};
use weft_core::{
    document::TaskIndex,
    id::{EventName, TenantId},
    run::Instance,
    run_id::RunId,
    time::Timestamp,
    wait::{Wait, Woken},
};
use weft_store::{Arrival, CommandId, CommandKind, StoreError, Turn};

statements! {
    /// Holds the run's row until the transaction ends.
    pub(crate) HOLD_RUN = "UPDATE runs SET expiring = expiring WHERE tenant = $1 AND id = $2 AND expiring = 0 RETURNING state";
    OF_KEY = "SELECT id, name, payload, created, created_by, task, map_index FROM named_events \
        WHERE run = $1 AND idempotency_key = $2";
    KEPT = "SELECT count(*) FROM (SELECT 1 FROM named_events WHERE run = $1 AND command IS NULL LIMIT $2) counted";
    INSERT = "INSERT INTO named_events (run, name, payload, created, created_by, idempotency_key) \
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    SHOW = "SELECT id, name, payload, created, created_by, task, map_index FROM named_events WHERE id = $1";
    LIST = "SELECT e.id, e.name, e.payload, e.created, e.created_by, e.task, e.map_index \
        FROM runs r CROSS JOIN named_events e \
        WHERE r.tenant = $1 AND r.id = $2 AND e.run = r.id AND e.name = $3 AND e.id > $4 ORDER BY e.id LIMIT $5";
    TAKE = "UPDATE named_events SET command = $2, task = $3, map_index = $4, number = $5 WHERE id = $1";
    /// $1 run, $2 body, $3 now, $4 by.
    pub(crate) WAKE = "INSERT INTO commands (shard, tenant, run, body, created, created_by) \
        SELECT r.shard, r.tenant, r.id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS TEXT) FROM runs r \
        WHERE r.id = $1 RETURNING id";
}

/// Holds the rows of these runs until the transaction ends.
static HOLD_RUNS: Bulk = Bulk::with(
    "WITH wanted (id) AS (VALUES ",
    &[Column::Int],
    ") UPDATE runs SET expiring = runs.expiring FROM wanted WHERE runs.id = wanted.id RETURNING runs.id",
);
static OF_COMMANDS: Bulk = Bulk::with(
    "WITH wanted (command) AS (VALUES ",
    &[Column::Int],
    ") SELECT e.run, e.name, e.task, e.map_index, e.number FROM wanted w CROSS JOIN named_events e \
     WHERE e.command = w.command",
);
static RETURN: Bulk = Bulk::with(
    "WITH wanted (command) AS (VALUES ",
    &[Column::Int],
    ") UPDATE named_events SET command = NULL, task = NULL, map_index = NULL, number = NULL FROM wanted \
     WHERE named_events.command = wanted.command",
);
static EVENTS: Bulk = Bulk::with(
    "WITH wanted (run, name) AS (VALUES ",
    &[Column::Int, Column::Text],
    ") SELECT e.run, e.name, e.id, e.payload, e.created_by FROM wanted w CROSS JOIN named_events e \
     WHERE e.run = w.run AND e.name = w.name AND e.command IS NULL ORDER BY e.id",
);
/// Those that an event was taken for, and are woken soon, are left out.
static WAITS: Bulk = Bulk::with(
    "WITH wanted (run, wait) AS (VALUES ",
    &[Column::Int, Column::Text],
    ") SELECT i.run, i.wait, i.task, i.map_index, i.number FROM wanted w CROSS JOIN task_instances i \
     WHERE i.run = w.run AND i.wait = w.wait AND NOT EXISTS (SELECT 1 FROM named_events e \
        WHERE e.run = i.run AND e.task = i.task AND e.map_index = i.map_index AND e.number = i.number \
        AND e.command IS NOT NULL) \
     ORDER BY i.run, i.task, i.map_index",
);
pub(crate) static BULKS: &[&Bulk] = &[&HOLD_RUNS, &OF_COMMANDS, &RETURN, &EVENTS, &WAITS];

/// The most events of one run that no task has taken.
pub const MAX_KEPT_EVENTS: u32 = 1_000;

/// An event to send.
#[derive(Debug, Clone, PartialEq)]
pub struct SendEvent {
    /// Tenant of the run.
    pub tenant: TenantId,
    /// The run that gets it.
    pub run: RunId,
    /// Its name.
    pub name: EventName,
    /// JSON, at most [`weft_core::wait::MAX_EVENT_BYTES`].
    pub payload: Arc<str>,
    /// Who sends it.
    pub by: String,
    /// The same key again sends no second event to the run.
    pub idempotency_key: Option<String>,
}

/// An event that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEventRow {
    /// Which event; later ones are greater.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// JSON.
    pub payload: Arc<str>,
    /// When it was sent, by the database's clock.
    pub created: Timestamp,
    /// Who sent it.
    pub created_by: String,
    /// The instance that it wakes, or woke; none where it is kept.
    pub taken_by: Option<Instance>,
}

/// What became of an event that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It is new.
    New(NamedEventRow),
    /// The event that this idempotency key sent before.
    Before(NamedEventRow),
}

/// Why an event was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No such run.
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    /// Nothing of the run can take an event any more.
    #[error("the run {0} has ended: it takes no events")]
    Ended(RunId),
    /// The run has too many that no task has taken.
    #[error("the run {0} has {MAX_KEPT_EVENTS} events that no task has taken")]
    TooMany(RunId),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Sends an event to a run; durable when it returns. It is taken by an instance that waits for
    /// it, or kept for the next one.
    pub async fn send_event(&self, event: &SendEvent) -> Result<Sent, SendError> {
        let now = self.clock().await?;
        let run = event.run;
        let mut tx = self.backend().begin().await?;
        let held = tx.run_one(HOLD_RUN, args![&event.tenant, run]).await?;
        let mut held = held.ok_or(SendError::UnknownRun(run))?;
        if let Some(key) = &event.idempotency_key
            && let Some(row) = tx.run_one(OF_KEY, args![run, key]).await?
        {
            return Ok(Sent::Before(event_row(row)?));
        }
        if encoding::decode_run_state(held.take()?)?.is_ended() {
            return Err(SendError::Ended(run));
        }
        let kept = tx.run_one(KEPT, args![run, MAX_KEPT_EVENTS]).await?;
        let kept: u32 = kept.map_or(Ok(0), |mut row| row.take())?;
        if kept >= MAX_KEPT_EVENTS {
            return Err(SendError::TooMany(run));
        }
        let (name, payload) = (event.name.as_str(), &event.payload);
        let key = event.idempotency_key.as_ref();
        let row = tx
            .run_one(INSERT, args![run, name, payload, now, &event.by, key])
            .await?;
        let id: i64 = row.ok_or_else(vanished)?.take()?;
        let names = BTreeSet::from([(run, name.to_owned())]);
        match_events(&mut tx, &names, &BTreeSet::new(), now).await?;
        let change = Change {
            at: now,
            tenant: Some(&event.tenant),
            actor: &event.by,
            action: "run.event",
            subject: &run.to_string(),
            details: Some(json!({ "name": name }).to_string()),
        };
        audit::append(&mut tx, change).await?;
        let row = tx.run_one(SHOW, args![id]).await?.ok_or_else(vanished)?;
        let sent = event_row(row)?;
        tx.commit().await?;
        Ok(Sent::New(sent))
    }

    /// The events of a name that were sent to a run, by id, after `after`.
    pub async fn named_events(
        &self,
        (tenant, run): (&TenantId, RunId),
        name: &EventName,
        after: i64,
        limit: u32,
    ) -> Result<Vec<NamedEventRow>, StoreError> {
        let args = args![tenant, run, name.as_str(), after, limit];
        let rows = self.backend().read(LIST, args).await?;
        rows.into_iter().map(event_row).collect()
    }
}

/// Whether a turn may match waits with events.
pub(crate) fn concerns(turn: &Turn) -> bool {
    turn.instances
        .iter()
        .any(|row| matches!(row.wait, Some(Wait::Event(_))))
        || turn.commands.iter().any(|done| done.refused.is_some())
}

/// Matches the waits that a turn wrote with events that came before, and events whose wake-up the
/// turn refused with other waits. All rows of the turn have been written.
pub(crate) async fn match_turn(tx: &mut Tx, turn: &Turn, now: Timestamp) -> Result<(), StoreError> {
    let mut names: BTreeSet<(RunId, String)> = BTreeSet::new();
    for row in &turn.instances {
        if let Some(Wait::Event(name)) = &row.wait {
            names.insert((row.run, name.as_str().to_owned()));
        }
    }
    let refused = turn.commands.iter().filter(|done| done.refused.is_some());
    let refused: BTreeMap<CommandId, RunId> = refused.map(|done| (done.id, done.run)).collect();
    let runs: BTreeSet<RunId> = names.iter().map(|(run, _)| *run).collect();
    let runs = runs.into_iter().chain(refused.values().copied());
    let runs: BTreeSet<RunId> = runs.collect();
    let held = runs.into_iter().map(Value::from).collect();
    tx.run_bulk(&HOLD_RUNS, held).await?;
    let mut ended = BTreeSet::new();
    if !refused.is_empty() {
        let ids: Vec<Value> = refused.keys().map(|id| Value::from(id.0)).collect();
        for mut row in tx.run_bulk(&OF_COMMANDS, ids.clone()).await? {
            let run: RunId = row.take()?;
            names.insert((run, row.take()?));
            ended.insert((run, take_target(&mut row)?));
        }
        if !ended.is_empty() {
            tx.run_bulk(&RETURN, ids).await?;
        }
    }
    match_events(tx, &names, &ended, now).await
}

/// The attempt whose deferral waits, or waited: task, map index, number.
type Target = (u32, u32, u32);

/// An event that no wait has taken.
struct Kept {
    id: i64,
    payload: Arc<str>,
    by: String,
}

/// Gives each event of these names to one wait for it, the earlier events first. The runs' rows are
/// held. `ended` are waits whose rows may be older than the scheduler's memory.
async fn match_events(
    tx: &mut Tx,
    names: &BTreeSet<(RunId, String)>,
    ended: &BTreeSet<(RunId, Target)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut kept: BTreeMap<(RunId, String), VecDeque<Kept>> = BTreeMap::new();
    let wanted = names.iter().flat_map(|(run, name)| args![*run, name]);
    for mut row in tx.run_bulk(&EVENTS, wanted.collect()).await? {
        let key = (row.take()?, row.take()?);
        kept.entry(key).or_default().push_back(Kept {
            id: row.take()?,
            payload: row.take()?,
            by: row.take()?,
        });
    }
    if kept.is_empty() {
        return Ok(());
    }
    let mut waits = Vec::with_capacity(kept.len() * 2);
    for (run, name) in kept.keys() {
        let wait = Wait::Event(event_name(name)?).to_string();
        waits.extend(args![*run, wait]);
    }
    for mut row in tx.run_bulk(&WAITS, waits).await? {
        let run: RunId = row.take()?;
        let wait: String = row.take()?;
        let target = take_target(&mut row)?;
        let Ok(Wait::Event(name)) = wait.parse() else {
            continue;
        };
        let key = (run, name.as_str().to_owned());
        if !ended.contains(&(run, target))
            && let Some(event) = kept.get_mut(&key).and_then(VecDeque::pop_front)
        {
            take_event(tx, run, target, (&name, event), now).await?;
        }
    }
    Ok(())
}

/// Writes the command that wakes an instance by an event, and marks the event with it.
async fn take_event(
    tx: &mut Tx,
    run: RunId,
    (task, index, number): Target,
    (name, event): (&EventName, Kept),
    now: Timestamp,
) -> Result<(), StoreError> {
    let payload = serde_json::from_str(&event.payload)
        .map_err(|error| StoreError::Corrupt(format!("the payload of an event: {error}")))?;
    let woken = Woken::Event {
        name: name.clone(),
        payload,
    };
    let kind = CommandKind::EndWait {
        instance: Instance {
            task: TaskIndex(task),
            index,
        },
        by: Arrival {
            number,
            woken: woken.to_json().into(),
        },
    };
    let body = encoding::encode_command(&kind);
    let row = tx.run_one(WAKE, args![run, body, now, event.by]).await?;
    let command: i64 = row.ok_or_else(vanished)?.take()?;
    tx.run(TAKE, args![event.id, command, task, index, number])
        .await?;
    Ok(())
}

fn take_target(row: &mut Row) -> Result<Target, StoreError> {
    Ok((row.take()?, row.take()?, row.take()?))
}

fn event_name(name: &str) -> Result<EventName, StoreError> {
    name.parse()
        .map_err(|error| StoreError::Corrupt(format!("the name of an event: {error}")))
}

fn event_row(mut row: Row) -> Result<NamedEventRow, StoreError> {
    Ok(NamedEventRow {
        id: row.take()?,
        name: row.take()?,
        payload: row.take()?,
        created: row.take()?,
        created_by: row.take()?,
        taken_by: match (row.take()?, row.take()?) {
            (Some(task), Some(index)) => Some(Instance {
                task: TaskIndex(task),
                index,
            }),
            (None | Some(_), _) => None,
        },
    })
}

pub(crate) fn vanished() -> StoreError {
    StoreError::Defect("a row that was just written is missing".into())
}
