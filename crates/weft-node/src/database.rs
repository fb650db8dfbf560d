//! The database of the services: its address, and its errors as problems.

use crate::service::unavailable;
use std::path::Path;
use weft_api::problem::{Code, Problem};
use weft_store::StoreError;
use weft_store_sql::{Database, DatabaseLocation, OpenError, secret::Keyring};

/// The address of a Postgres database; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl")
    }
}

impl PostgresUrl {
    /// The caller has checked that it is an address.
    pub const fn new(url: String) -> Self {
        Self(url)
    }

    /// Where the database is.
    pub fn location(&self) -> DatabaseLocation {
        DatabaseLocation::Postgres {
            url: self.0.clone(),
        }
    }
}

/// Opens a database file that another process may have open.
pub async fn read_only(file: &Path) -> Result<Database, Problem> {
    let place = DatabaseLocation::SqliteReadOnly { file: file.into() };
    Database::open(&place).await.map_err(unfit)
}

/// Why a database can't be used, with what to do about it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` is given"
)]
pub fn unfit(error: OpenError) -> Problem {
    let problem = |code| Problem::new(code, error.to_string());
    match &error {
        OpenError::Missing { file } => problem(Code::FileNotFound).help(format!(
            "{} is no data folder of 'wfctl up', or one whose database is in Postgres, of which \
             pg_dump makes backups",
            file.parent().unwrap_or(file).display()
        )),
        OpenError::File { file, why } => Problem::io("read", file, why),
        OpenError::Store(StoreError::Corrupt(why)) => {
            Problem::new(Code::DamagedData, format!("the database is damaged: {why}"))
                .help("restore a backup: wfctl restore")
        }
        OpenError::Pending { .. } => problem(Code::OldDatabase),
        OpenError::Address(_) => problem(Code::InvalidUrl),
        OpenError::Newer { .. }
        | OpenError::InUse { .. }
        | OpenError::InUseElsewhere
        | OpenError::Folder { .. }
        | OpenError::Store(_) => problem(Code::DataUnavailable),
    }
}

/// Warns of values that are sealed with a missing key: a restored backup may lack it.
pub(super) async fn warn_of_unreadable_secrets(
    database: &Database,
    keyring: &Keyring,
) -> Result<(), Problem> {
    let sealed = database
        .sealing_keys()
        .await
        .map_err(|error| unavailable("the database can't be read", &error))?;
    let closed: u64 = sealed
        .iter()
        .filter(|(key, _count)| !keyring.has(*key))
        .map(|(_key, count)| count)
        .sum();
    if closed > 0 {
        tracing::warn!(
            closed,
            operation = "check sealing key",
            "variables and connections are sealed with a key that is not in secret.key: tasks that need them fail until the key is there, or they are set again"
        );
    }
    Ok(())
}
