//! Pages of which the database itself can't read a row, as where a block of its files is damaged:
//! each row is read alone then, so that only the damaged one is missing.

use crate::{
    Database,
    backend::{Statement, Value, args, statements},
    dialect::Dialect,
};
use weft_core::run_id::RunId;
use weft_store::{Command, CommandId, Rows, StoreError, StoredRun, Unreadable};

statements! {
    /// The keys of the pages in `reading.rs`, under the same conditions.
    pub(super) ACTIVE_RUNS = "SELECT r.id FROM runs r \
        WHERE r.shard = $1 AND r.state = 2 AND r.id > $2 ORDER BY r.id LIMIT $3";
    pub(super) QUEUED_RUNS = "SELECT r.id FROM runs r \
        WHERE r.dag = $1 AND r.state = 1 AND r.not_before <= $2 ORDER BY r.logical_date, r.id LIMIT $3";
    COMMANDS = "SELECT id, run FROM commands \
        WHERE shard = $1 AND done IS NULL AND id > $2 ORDER BY id LIMIT $3";
    ONE_COMMAND = "SELECT id, run, body FROM commands WHERE id = $1";
}

pub(crate) static QUEUED_RUNS_WITHOUT: [Statement; 2] = queued_runs_without!("r.id");

impl Database {
    /// The runs with these keys, each read alone.
    pub(super) async fn runs_one_by_one(
        &self,
        keys: Statement,
        args: Vec<Value>,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        let mut runs = Rows::default();
        for mut row in self.backend().read(keys, args).await? {
            match self.one_run(row.take()?).await? {
                Some(Ok(run)) => runs.readable.push(run),
                Some(Err(run)) => runs.unreadable.push(run),
                None => {}
            }
        }
        Ok(runs)
    }

    /// The commands of a page, each read alone.
    pub(super) async fn commands_one_by_one(
        &self,
        args: Vec<Value>,
    ) -> Result<Rows<Command, (CommandId, RunId)>, StoreError> {
        let mut commands = Rows::default();
        for mut row in self.backend().read(COMMANDS, args).await? {
            let key: (CommandId, RunId) = (row.take()?, row.take()?);
            let read = self.backend().read(ONE_COMMAND, args![key.0]).await;
            match read.and_then(super::reading::collect_commands) {
                Ok(read) => {
                    commands.readable.extend(read.readable);
                    commands.unreadable.extend(read.unreadable);
                }
                Err(StoreError::Corrupt(why)) => commands.unreadable.push(Unreadable { key, why }),
                Err(error) => return Err(error),
            }
        }
        Ok(commands)
    }
}
