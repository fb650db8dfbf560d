//! Commands to runs: inserted here, applied by the scheduler.

use crate::{
    Database,
    audit::{self, Change},
    backend::{args, statements},
    encoding,
};
use serde_json::{Value, json};
use weft_core::{id::TenantId, run::Marked, run_id::RunId, time::Timestamp};
use weft_store::{CommandId, CommandKind, StoreError};

statements! {
    /// $1 tenant, $2 run, $3 body, $4 now, $5 by, $6 the bound, $7 the key of the action.
    INSERT = "INSERT INTO commands (shard, tenant, run, body, created, created_by, key) \
        SELECT r.shard, r.tenant, r.id, CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT), CAST($7 AS TEXT) FROM runs r \
        WHERE r.tenant = $1 AND r.id = $2 AND r.expiring = 0 AND $6 > \
            (SELECT count(*) FROM commands c WHERE c.run = $2 AND c.shard = r.shard AND c.done IS NULL) \
        ON CONFLICT (run, key) WHERE key IS NOT NULL DO NOTHING \
        RETURNING id";
    OF_KEY = "SELECT id FROM commands WHERE run = $2 AND key = $3 AND tenant = $1";
    RUN = "SELECT id FROM runs WHERE tenant = $1 AND id = $2 AND expiring = 0";
    SHOW = "SELECT id, run, created, created_by, done, refused FROM commands WHERE tenant = $1 AND id = $2";
}

/// A command and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRow {
    /// Which command. What it wanted is for the scheduler alone to read.
    pub id: CommandId,
    /// The run that it was given for.
    pub run: RunId,
    /// When the command was created.
    pub created: Timestamp,
    /// Who created it, as the audit names them.
    pub created_by: String,
    /// What came of it.
    pub outcome: CommandOutcome,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome {
    /// The scheduler has not seen it.
    Waiting,
    /// Done.
    CarriedOut(Timestamp),
    /// Not done.
    Refused(Timestamp, String),
}

/// Why a command was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No such run.
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    /// The run has too many that wait.
    #[error("the run {0} has {MAX_WAITING_COMMANDS} commands that wait already")]
    TooMany(RunId),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The most commands of one run that wait for the scheduler.
pub const MAX_WAITING_COMMANDS: u32 = 100;

impl Database {
    /// Takes a command; durable when it returns.
    pub async fn insert_command(
        &self,
        tenant: &TenantId,
        run: RunId,
        kind: &CommandKind,
        actor: &str,
    ) -> Result<CommandId, CommandError> {
        self.insert_command_once(tenant, run, kind, actor, None)
            .await
    }

    /// Takes the command of an action on many runs, unless the run has one under the action's key
    /// already; returns the command that it has. Durable when it returns.
    pub async fn insert_command_once(
        &self,
        tenant: &TenantId,
        run: RunId,
        kind: &CommandKind,
        actor: &str,
        key: Option<&str>,
    ) -> Result<CommandId, CommandError> {
        if let Some(before) = self.find_command_of_key(tenant, run, key).await? {
            return Ok(before);
        }
        let now = self.clock().await?;
        let body = encoding::encode_command(kind);
        let mut tx = self.backend().begin().await?;
        let made = tx
            .run_one(
                INSERT,
                args![tenant, run, body, now, actor, MAX_WAITING_COMMANDS, key],
            )
            .await?;
        if let Some(mut row) = made {
            // The command's own row goes with its run; who gave it stays known for longer.
            let (action, details) = audited(kind);
            let change = Change {
                at: now,
                tenant: Some(tenant),
                actor,
                action,
                subject: &run.to_string(),
                details: details.map(|details| details.to_string()),
            };
            audit::append(&mut tx, change).await?;
            tx.commit().await?;
            return Ok(row.take()?);
        }
        drop(tx);
        // The same request, sent twice at once.
        if let Some(before) = self.find_command_of_key(tenant, run, key).await? {
            return Ok(before);
        }
        match self.backend().read_one(RUN, args![tenant, run]).await? {
            Some(_run) => Err(CommandError::TooMany(run)),
            None => Err(CommandError::UnknownRun(run)),
        }
    }

    /// The command that an action gave a run.
    pub async fn find_command_of_key(
        &self,
        tenant: &TenantId,
        run: RunId,
        key: Option<&str>,
    ) -> Result<Option<CommandId>, StoreError> {
        let Some(key) = key else {
            return Ok(None);
        };
        let row = self
            .backend()
            .read_one(OF_KEY, args![tenant, run, key])
            .await?;
        row.map(|mut row| row.take()).transpose()
    }

    /// A command, for as long as it is kept.
    pub async fn show_command(
        &self,
        tenant: &TenantId,
        id: CommandId,
    ) -> Result<Option<CommandRow>, StoreError> {
        let Some(mut row) = self.backend().read_one(SHOW, args![tenant, id]).await? else {
            return Ok(None);
        };
        Ok(Some(CommandRow {
            id: row.take()?,
            run: row.take()?,
            created: row.take()?,
            created_by: row.take()?,
            outcome: match (row.take()?, row.take()?) {
                (None, _) => CommandOutcome::Waiting,
                (Some(at), None) => CommandOutcome::CarriedOut(at),
                (Some(at), Some(why)) => CommandOutcome::Refused(at, why),
            },
        }))
    }
}

/// What the audit says of a command.
fn audited(kind: &CommandKind) -> (&'static str, Option<Value>) {
    match kind {
        CommandKind::Cancel => ("run.cancel", None),
        CommandKind::CancelTree => ("run.cancel", Some(json!({ "called": true }))),
        CommandKind::Fail => ("run.fail", None),
        CommandKind::Clear(selection) => ("run.clear", Some(encoding::selection_json(selection))),
        CommandKind::Mark {
            task,
            index,
            as_state,
        } => {
            let state = match as_state {
                Marked::Success => "success",
                Marked::Failed => "failed",
                Marked::Skipped => "skipped",
            };
            (
                "run.mark",
                Some(json!({ "task": task.as_str(), "index": index, "state": state })),
            )
        }
        CommandKind::Wake { task, index } => (
            "run.wake",
            Some(json!({ "task": task.as_str(), "index": index })),
        ),
        CommandKind::EndWait { instance, by: _ } => (
            "run.end_wait",
            Some(json!({ "task": instance.task.0, "index": instance.index })),
        ),
    }
}
