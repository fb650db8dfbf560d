//! What people want done to runs: given here, carried out by the scheduler.

use crate::{Command, CommandId, CommandKind, Database, StoreError};
use weft_core::{id::TenantId, run_id::RunId, time::Timestamp};

/// A command and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRow {
    /// What was wanted.
    pub command: Command,
    /// When.
    pub created: Timestamp,
    /// By whom.
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
        by: &str,
    ) -> Result<CommandId, CommandError> {
        todo!()
    }

    /// A command, for as long as it is kept.
    pub async fn show_command(
        &self,
        tenant: &TenantId,
        id: CommandId,
    ) -> Result<Option<CommandRow>, StoreError> {
        todo!()
    }
}
