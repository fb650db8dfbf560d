//! What a database's refusal means to whoever asked.

use sqlx::{Error, error::DatabaseError};
use weft_store::StoreError;

/// What kind of refusal the codes of one database tell.
pub(super) enum Fault {
    Unavailable,
    Full,
    Corrupt,
    Defect,
}

/// Sorts an error, with `judge` for those that the database itself returned.
pub(super) fn sort(error: &Error, judge: impl Fn(&dyn DatabaseError) -> Fault) -> StoreError {
    let fault = match error {
        Error::Database(of_database) => judge(&**of_database),
        Error::Io(_)
        | Error::Tls(_)
        | Error::Configuration(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed => Fault::Unavailable,
        // Open-ended; whatever else there is lies in how it was asked.
        _ => Fault::Defect,
    };
    let text = match error {
        Error::Database(of_database) => of_database.message().to_owned(),
        other => other.to_string(),
    };
    match fault {
        Fault::Unavailable => StoreError::Unavailable(text),
        Fault::Full => StoreError::Full(text),
        Fault::Corrupt => StoreError::Corrupt(text),
        Fault::Defect => StoreError::Defect(text),
    }
}
